//! DELETE: the end of an upload.

use crate::{TUS, ask, command, refused};
use http::{Method, StatusCode};
use resumable::{Command, Dialect, Limits, Outcome, Target};

const UPLOAD: Target = Target::Upload(Dialect::Tus);

#[test]
fn an_upload_is_ended() {
    assert_eq!(command(&Method::DELETE, UPLOAD, &[TUS], Some(0)), Command::Abort);
    let other = [TUS, ("x-http-method-override", "DELETE")];
    assert_eq!(command(&Method::POST, UPLOAD, &other, Some(0)), Command::Abort);
    let plain = Target::Upload(Dialect::Plain);
    assert_eq!(command(&Method::DELETE, plain, &[], Some(0)), Command::Abort);
}

#[test]
fn what_is_wrong_has_the_protocols_status() {
    refused(
        &Method::DELETE,
        UPLOAD,
        &[(&[], Some(0), 412), (&[("tus-resumable", "x")], Some(0), 412)],
    );
    let all = ask(&Method::DELETE, Target::Collection, &[TUS], Some(0)).unwrap_err();
    assert_eq!(all.status, Some(StatusCode::METHOD_NOT_ALLOWED));
}

#[test]
fn the_answer_confirms_it() {
    let answer = resumable::respond(Dialect::Tus, &Outcome::Aborted, &Limits { max_size: 9 });
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.headers["tus-resumable"], "1.0.0");
}
