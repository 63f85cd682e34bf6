//! From SQLite's errors to ours.

use model::{Error, ErrorKind};
use rusqlite::ErrorCode;
use std::path::Path;

/// Why a change or a look failed: SQLite's own reason, or one of its user's.
#[derive(Debug)]
pub enum Failure {
    /// What SQLite says.
    Engine(rusqlite::Error),
    /// What the user says, passed on as it is.
    Refused(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Failure {
    /// The error to hand out, for the file at `path`.
    pub(crate) fn into_error(self, path: &Path) -> Error {
        let error = match self {
            Self::Refused(error) => return error,
            Self::Engine(error) => error,
        };
        let file = path.display();
        // These go to clients as they are, and name no place of ours; their cause does, for the log.
        let told = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Some((
                ErrorKind::NoSpace,
                "the disk that holds the database is full; free some space and go on",
            )),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Some((ErrorKind::Busy, "the database is locked by another process; try again"))
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                Some((ErrorKind::Damaged, "the database is damaged; its operator must restore it"))
            }
            _ => None,
        };
        if let Some((kind, message)) = told {
            return Error::with_source(kind, message, format!("{file}: {error}"));
        }
        let (kind, message) = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => {
                (ErrorKind::Invalid, format!("{file} is no SQLite database; name another file"))
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => (
                ErrorKind::Internal,
                format!("{file} cannot be opened for writing; check its place and its rights"),
            ),
            Some(ErrorCode::SystemIoFailure) => {
                (ErrorKind::Unavailable, format!("the disk that holds {file} reports an error"))
            }
            _ => (ErrorKind::Internal, format!("the database {file} gave an unexpected error")),
        };
        Error::with_source(kind, message, error)
    }
}

/// The same error once more, for the next of several callers that share a transaction.
pub(crate) fn again(error: &Error) -> Error {
    Error::with_source(error.kind(), error.to_string(), error.chain())
}
