//! HEAD: where an upload stands.

use crate::{TUS, ask, command, header, refused};
use http::{Method, StatusCode};
use model::{FileId, Timestamp};
use resumable::{Command, Dialect, Limits, Outcome, Standing, Target};

const TUS_UPLOAD: Target = Target::Upload(Dialect::Tus);

#[test]
fn an_upload_is_asked_in_the_dialect_it_was_created_in() {
    assert_eq!(command(&Method::HEAD, TUS_UPLOAD, &[TUS], Some(0)), Command::Status);
    let plain = ask(&Method::HEAD, Target::Upload(Dialect::Plain), &[], Some(0)).unwrap();
    assert_eq!((plain.dialect, plain.command), (Dialect::Plain, Command::Status));
}

#[test]
fn what_is_wrong_has_the_protocols_status() {
    refused(
        &Method::HEAD,
        TUS_UPLOAD,
        &[
            (&[], Some(0), 412),
            (&[("tus-resumable", "1.0.1")], Some(0), 412),
            (&[TUS, TUS], Some(0), 400),
        ],
    );
}

#[test]
fn only_an_upload_has_a_standing() {
    let refusal = ask(&Method::HEAD, Target::Collection, &[TUS], Some(0)).unwrap_err();
    assert_eq!(refusal.status, Some(StatusCode::METHOD_NOT_ALLOWED));
    assert_eq!(header(&refusal, "allow"), Some("POST, OPTIONS"));
    assert_eq!(header(&refusal, "tus-resumable"), Some("1.0.0"));
}

#[test]
fn the_answer_has_all_that_is_known_and_is_never_cached() {
    let sent = "filename Y2xpcC5tcDQ=,x";
    let file = FileId::new(Timestamp::UNIX_EPOCH);
    let standing =
        Standing { offset: 0, length: Some(0), metadata: Some(sent.into()), file: Some(file) };
    let answer =
        resumable::respond(Dialect::Tus, &Outcome::Status(standing), &Limits { max_size: 9 });
    assert_eq!(answer.status, StatusCode::OK);
    for (name, value) in [
        ("upload-offset", "0"),
        ("upload-length", "0"),
        ("upload-metadata", sent),
        ("cache-control", "no-store"),
        ("tus-resumable", "1.0.0"),
        ("hashreel-file", &file.to_string()),
    ] {
        assert_eq!(answer.headers[name], value, "{name}");
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let standing = Standing { offset: 7, ..Standing::default() };
    for dialect in [Dialect::Tus, Dialect::Plain] {
        let outcome = Outcome::Status(standing.clone());
        let answer = resumable::respond(dialect, &outcome, &Limits { max_size: 9 });
        for name in ["upload-length", "upload-metadata", "hashreel-file"] {
            assert!(!answer.headers.contains_key(name), "{name}");
        }
    }
}
