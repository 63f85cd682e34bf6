//! OPTIONS: what this server can do.

use crate::{LIMITS, ask};
use http::{Method, StatusCode};
use resumable::{Command, Dialect, Outcome, Target};

#[test]
fn anyone_may_ask_anywhere_and_the_version_is_ignored() {
    for target in [Target::Collection, Target::Upload(Dialect::Tus), Target::Upload(Dialect::Plain)]
    {
        for pairs in [&[][..], &[("tus-resumable", "9.9.9")], &[("upload-complete", "?1")]] {
            let request = ask(&Method::OPTIONS, target, pairs, Some(0)).unwrap();
            assert_eq!((request.dialect, request.command), (Dialect::Tus, Command::Options));
        }
    }
}

#[test]
fn the_answer_names_version_extensions_and_limit() {
    let answer = resumable::respond(Dialect::Tus, &Outcome::Capabilities, &LIMITS);
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    for (name, value) in [
        ("tus-version", "1.0.0"),
        ("tus-extension", "creation,creation-with-upload,termination"),
        ("tus-max-size", "1000"),
        ("tus-resumable", "1.0.0"),
    ] {
        assert_eq!(answer.headers[name], value);
    }
}
