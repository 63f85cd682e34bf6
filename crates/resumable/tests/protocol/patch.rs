//! PATCH: bytes for the end of a tus upload.

use crate::{BYTES, TUS, ask, command, header, refused, status_of};
use http::{Method, StatusCode};
use model::{Error, ErrorKind, FileId, Timestamp};
use resumable::{Append, Command, Dialect, Limits, Outcome, Standing, Target};

const UPLOAD: Target = Target::Upload(Dialect::Tus);

#[test]
fn an_append_says_where_its_bytes_begin() {
    for (pairs, body, append) in [
        (
            &[TUS, BYTES, ("upload-offset", "70")][..],
            Some(30),
            Append { offset: 70, length: None, body: Some(30) },
        ),
        (
            &[TUS, BYTES, ("upload-offset", "0"), ("upload-length", "100")],
            None,
            Append { offset: 0, length: Some(100), body: None },
        ),
        (
            &[TUS, ("content-type", "Application/Offset+Octet-Stream"), ("upload-offset", "5")],
            Some(0),
            Append { offset: 5, length: None, body: Some(0) },
        ),
    ] {
        assert_eq!(command(&Method::PATCH, UPLOAD, pairs, body), Command::Append(append));
    }
}

#[test]
fn what_is_wrong_has_the_protocols_status() {
    let offset = ("upload-offset", "0");
    refused(
        &Method::PATCH,
        UPLOAD,
        &[
            (&[BYTES, offset], Some(1), 412),
            (&[("tus-resumable", "1.0"), BYTES, offset], Some(1), 412),
            (&[TUS, offset], Some(1), 415),
            (&[TUS, offset], Some(0), 415),
            (&[TUS, offset, ("content-type", "application/octet-stream")], Some(1), 415),
            (
                &[TUS, offset, ("content-type", "application/offset+octet-stream; x=y")],
                Some(1),
                415,
            ),
            (&[TUS, BYTES], Some(1), 400),
            (&[TUS, BYTES, ("upload-offset", "-1")], Some(1), 400),
            (&[TUS, BYTES, ("upload-offset", "0.0")], Some(1), 400),
            (&[TUS, BYTES, offset, offset], Some(1), 400),
            (&[TUS, BYTES, offset, ("upload-length", "x")], Some(1), 400),
            (
                &[TUS, BYTES, offset, ("upload-checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")],
                Some(1),
                400,
            ),
        ],
    );
}

#[test]
fn a_method_that_cannot_be_sent_comes_in_a_header() {
    let pairs = [TUS, BYTES, ("upload-offset", "3"), ("x-http-method-override", "PATCH")];
    let append = Command::Append(Append { offset: 3, length: None, body: Some(4) });
    for actual in [Method::POST, Method::GET, Method::PUT] {
        assert_eq!(command(&actual, UPLOAD, &pairs, Some(4)), append);
    }
    let twice = [TUS, ("x-http-method-override", "PATCH"), ("x-http-method-override", "DELETE")];
    assert_eq!(status_of(&ask(&Method::POST, UPLOAD, &twice, Some(0)).unwrap_err()), 400);
    let unknown = ask(&Method::POST, UPLOAD, &[TUS, ("x-http-method-override", "patch")], Some(0));
    assert_eq!(unknown.unwrap_err().status, Some(StatusCode::METHOD_NOT_ALLOWED));
}

#[test]
fn the_partial_upload_of_the_ietf_is_refused_by_name() {
    let pairs = [("content-type", "application/partial-upload"), ("upload-offset", "0")];
    let refusal = ask(&Method::PATCH, UPLOAD, &pairs, Some(1)).unwrap_err();
    assert!(refusal.error.to_string().contains("IETF"), "{}", refusal.error);
}

#[test]
fn the_answer_is_the_durable_offset_and_at_the_end_the_file() {
    let file = FileId::new(Timestamp::UNIX_EPOCH);
    for (standing, has_file) in [
        (Standing { offset: 70, length: Some(100), ..Standing::default() }, false),
        (
            Standing { offset: 100, length: Some(100), file: Some(file), ..Standing::default() },
            true,
        ),
    ] {
        let offset = standing.offset.to_string();
        let answer =
            resumable::respond(Dialect::Tus, &Outcome::Appended(standing), &Limits { max_size: 9 });
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.headers["upload-offset"], offset);
        assert_eq!(answer.headers["tus-resumable"], "1.0.0");
        assert_eq!(answer.headers.contains_key("hashreel-file"), has_file);
    }
}

#[test]
fn failures_of_an_append_have_the_protocols_status() {
    for (kind, status) in [
        (ErrorKind::Conflict, Some(409)),
        (ErrorKind::Cancelled, Some(409)),
        (ErrorKind::Forbidden, Some(403)),
        (ErrorKind::NotFound, Some(404)),
        (ErrorKind::Gone, Some(410)),
        (ErrorKind::TooLarge, Some(413)),
        (ErrorKind::NoSpace, None),
        (ErrorKind::Unavailable, None),
    ] {
        let refusal = resumable::refuse(Dialect::Tus, Error::new(kind, "no"));
        assert_eq!(refusal.status.map(|status| status.as_u16()), status, "{kind:?}");
        assert_eq!(header(&refusal, "tus-resumable"), Some("1.0.0"));
    }
}
