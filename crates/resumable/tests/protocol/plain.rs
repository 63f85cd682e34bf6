//! POST of a whole file, without a protocol.

use crate::{LIMITS, ask, headers, status_of};
use http::{Method, StatusCode};
use model::{FileId, Timestamp};
use resumable::{Command, Create, Dialect, Outcome, RequestHead, Standing, Target};

fn create(query: Option<&str>, pairs: &[(&str, &str)], body: Option<u64>) -> Create {
    let headers = headers(pairs);
    let head = RequestHead { method: &Method::POST, query, headers: &headers, body };
    match resumable::parse(&head, Target::Collection, &LIMITS).unwrap().command {
        Command::Create(create) => create,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_name_comes_from_the_disposition_or_else_the_address() {
    let disposed = [("content-disposition", "attachment; filename=\"a.mp4\"")];
    for (query, pairs, name) in [
        (None, &disposed[..], "a.mp4"),
        (Some("name=b.mp4"), &disposed, "a.mp4"),
        (Some("name=b.mp4"), &[], "b.mp4"),
        (Some("x=1&name=%C3%BC+%2F..%2Fc.mp4"), &[], "c.mp4"),
        (Some("name="), &[], "untitled"),
        (None, &[("content-disposition", "attachment; filename=\"..\"")], "untitled"),
        (None, &[], "untitled"),
    ] {
        assert_eq!(create(query, pairs, Some(1)).about.name, name, "{query:?} {pairs:?}");
    }
}

#[test]
fn the_length_comes_from_the_framing_or_else_the_end() {
    for (body, has_body) in [(Some(0), false), (Some(1000), true), (None, true)] {
        let create = create(None, &[], body);
        assert_eq!((create.length, create.has_body, create.whole), (body, has_body, true));
    }
}

#[test]
fn the_type_is_what_the_client_says_of_the_file_alone() {
    for (sent, kept) in [
        ("video/mp4", "video/mp4"),
        ("nonsense", "application/octet-stream"),
        ("application/x-www-form-urlencoded", "application/octet-stream"),
    ] {
        assert_eq!(create(None, &[("content-type", sent)], Some(1)).about.media_type, kept);
    }
}

#[test]
fn what_cannot_be_one_file_is_refused() {
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let refusal = ask(&Method::POST, Target::Collection, &form, Some(1)).unwrap_err();
    assert_eq!(refusal.error.kind(), model::ErrorKind::Unsupported);
    let large = ask(&Method::POST, Target::Collection, &[], Some(1001)).unwrap_err();
    assert_eq!(large.error.kind(), model::ErrorKind::TooLarge);
    let twice = [("content-disposition", "a"), ("content-disposition", "b")];
    assert_eq!(
        status_of(&ask(&Method::POST, Target::Collection, &twice, Some(1)).unwrap_err()),
        400
    );
}

#[test]
fn such_an_upload_takes_no_more_bytes() {
    let refusal = ask(&Method::PATCH, Target::Upload(Dialect::Plain), &[], Some(1)).unwrap_err();
    assert_eq!(refusal.error.kind(), model::ErrorKind::Forbidden);
}

#[test]
fn the_answer_names_the_file() {
    let file = FileId::new(Timestamp::UNIX_EPOCH);
    let created = Outcome::Created {
        location: "/uploads/1".into(),
        standing: Standing { offset: 3, length: Some(3), metadata: None, file: Some(file) },
    };
    let answer = resumable::respond(Dialect::Plain, &created, &LIMITS);
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.headers["hashreel-file"], file.to_string());
    assert_eq!(answer.headers["location"], "/uploads/1");
    assert!(!answer.headers.contains_key("tus-resumable"));
}
