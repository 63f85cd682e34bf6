//! Exit codes, and errors as people read them.

use model::{Error, ErrorKind};
use std::process::ExitCode;

/// The code for an error; `hashreel --help` lists them.
pub fn code(error: &Error) -> ExitCode {
    ExitCode::from(match error.kind() {
        ErrorKind::Invalid | ErrorKind::TooLarge | ErrorKind::Unsupported => 2,
        ErrorKind::Busy | ErrorKind::Unavailable => 3,
        ErrorKind::NotFound | ErrorKind::Gone => 4,
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => 5,
        ErrorKind::NoSpace => 6,
        ErrorKind::Damaged => 7,
        // As a shell says it of what Ctrl-C has ended.
        ErrorKind::Cancelled => 130,
        _ => 1,
    })
}
