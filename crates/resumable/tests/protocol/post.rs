//! POST in tus: creation, and creation with the first bytes.

use crate::{BYTES, TUS, ask, command, header, refused};
use http::{Method, StatusCode};
use resumable::{Command, Dialect, Limits, Outcome, Standing, Target};

const NONE: Option<u64> = Some(0);

#[test]
fn an_upload_is_created_from_its_length_and_metadata() {
    let sent = "filename Y2xpcC5tcDQ=,filetype dmlkZW8vbXA0,x";
    let asked = [TUS, ("upload-length", "100"), ("upload-metadata", sent)];
    let Command::Create(create) = command(&Method::POST, Target::Collection, &asked, NONE) else {
        panic!("not a creation")
    };
    assert_eq!(create.length, Some(100));
    assert_eq!(create.about.name, "clip.mp4");
    assert_eq!(create.about.media_type, "video/mp4");
    assert_eq!(create.metadata.as_deref(), Some(sent));
    assert!(!create.has_body && !create.whole);
}

#[test]
fn what_is_there_decides_whether_bytes_come_along() {
    for (length, body, has_body) in [
        ("0", NONE, false),
        ("1000", NONE, false),
        ("100", Some(100), true),
        ("100", Some(99), true),
        ("100", None, true),
        ("0", None, true),
    ] {
        let asked = [TUS, BYTES, ("upload-length", length)];
        let Command::Create(create) = command(&Method::POST, Target::Collection, &asked, body)
        else {
            panic!("not a creation")
        };
        assert_eq!(create.has_body, has_body, "{length} {body:?}");
        assert_eq!(create.about.name, "untitled");
    }
}

#[test]
fn what_is_wrong_has_the_protocols_status() {
    let length = ("upload-length", "100");
    refused(
        &Method::POST,
        Target::Collection,
        &[
            // The version comes first.
            (&[length], NONE, 412),
            (&[("tus-resumable", "0.2.2"), length], NONE, 412),
            (&[("tus-resumable", ""), length], NONE, 412),
            (&[("tus-resumable", "9"), ("upload-length", "x")], NONE, 412),
            (&[TUS, TUS, length], NONE, 400),
            // Lengths are decimal, once, and within the limit.
            (&[TUS], NONE, 400),
            (&[TUS, ("upload-length", "-1")], NONE, 400),
            (&[TUS, ("upload-length", "+1")], NONE, 400),
            (&[TUS, ("upload-length", "1e3")], NONE, 400),
            (&[TUS, ("upload-length", "")], NONE, 400),
            (&[TUS, length, length], NONE, 400),
            (&[TUS, ("upload-length", "1001")], NONE, 413),
            (&[TUS, ("upload-length", "99999999999999999999999")], NONE, 413),
            // A body is announced as what it is, and fits.
            (&[TUS, length], Some(1), 415),
            (&[TUS, length], None, 415),
            (&[TUS, length, ("content-type", "video/mp4")], Some(1), 415),
            (&[TUS, length, BYTES, BYTES], Some(1), 400),
            (&[TUS, length, BYTES], Some(101), 413),
            (&[TUS, ("upload-length", "0"), BYTES], Some(1), 413),
            // Metadata is well-formed.
            (&[TUS, length, ("upload-metadata", "")], NONE, 400),
            (&[TUS, length, ("upload-metadata", "a ?")], NONE, 400),
            (&[TUS, length, ("upload-metadata", "a,a")], NONE, 400),
            (&[TUS, length, ("upload-metadata", "a"), ("upload-metadata", "b")], NONE, 400),
            (&[TUS, length, ("upload-metadata", "k\u{e9}y YQ==")], NONE, 400),
            (&[TUS, length, ("upload-metadata", "file bm8=")], NONE, 400),
            // Extensions that are not announced are refused, not ignored.
            (&[TUS, ("upload-defer-length", "1")], NONE, 400),
            (&[TUS, length, ("upload-defer-length", "1")], NONE, 400),
            (&[TUS, length, ("upload-concat", "partial")], NONE, 400),
            (&[TUS, ("upload-concat", "final;/uploads/a /uploads/b")], NONE, 400),
            (&[TUS, length, BYTES, ("upload-checksum", "sha1 AAAA")], Some(1), 400),
        ],
    );
}

#[test]
fn a_wrong_version_is_told_the_right_one() {
    let refusal =
        ask(&Method::POST, Target::Collection, &[("tus-resumable", "2.0.0")], NONE).unwrap_err();
    assert_eq!(header(&refusal, "tus-version"), Some("1.0.0"));
}

#[test]
fn any_tus_header_makes_it_tus_and_none_makes_it_plain() {
    for name in ["tus-resumable", "upload-length", "upload-metadata", "upload-defer-length"] {
        let answer = ask(&Method::POST, Target::Collection, &[(name, "x")], NONE);
        assert!(answer.is_err_and(|refusal| header(&refusal, "tus-resumable").is_some()), "{name}");
    }
    let plain = ask(&Method::POST, Target::Collection, &[("content-type", "video/mp4")], Some(5));
    assert_eq!(plain.unwrap().dialect, Dialect::Plain);
}

#[test]
fn resumable_uploads_of_the_ietf_are_refused_by_name() {
    for pairs in [&[("upload-complete", "?1")][..], &[("upload-complete", "?0"), TUS]] {
        let refusal = ask(&Method::POST, Target::Collection, pairs, Some(5)).unwrap_err();
        assert_eq!(refusal.status, Some(StatusCode::BAD_REQUEST));
        assert!(refusal.error.to_string().contains("Upload-Complete"));
    }
}

#[test]
fn the_answer_says_where_the_upload_is_and_stands() {
    let created = Outcome::Created {
        location: "/uploads/1".into(),
        standing: Standing { offset: 5, length: Some(100), ..Standing::default() },
    };
    let answer = resumable::respond(Dialect::Tus, &created, &Limits { max_size: 9 });
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.headers["location"], "/uploads/1");
    assert_eq!(answer.headers["upload-offset"], "5");
    assert_eq!(answer.headers["tus-resumable"], "1.0.0");
    assert!(!answer.headers.contains_key("hashreel-file"));
}
