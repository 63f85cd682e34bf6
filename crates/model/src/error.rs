//! The one error type of the libraries.
//!
//! A new kind is added only where a caller would act differently (retry, ask for something else, sign
//! in, free space). Every error has two messages: `message`, one sentence for the person at the other
//! end that says what is wrong and what to do, and `source`, the cause for the log.

use std::error::Error as StdError;

/// What the caller can do about an error. `service` maps it to an HTTP status, and nobody else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request or input itself is wrong; the same again fails again.
    Invalid,
    /// No valid key or session came with the request.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// It was there and is not any more.
    Gone,
    /// The state has changed under the caller, or does not allow this: read again, then decide.
    Conflict,
    /// More bytes, items or pixels than allowed.
    TooLarge,
    /// A media type or encoding that is not understood.
    Unsupported,
    /// No byte of the requested range exists.
    RangeNotSatisfiable,
    /// The store has no space left; free some and go on.
    NoSpace,
    /// Stored bytes are not what was stored; they are never served.
    Damaged,
    /// Too much at once; the same again succeeds later.
    Busy,
    /// A back end does not answer; the same again succeeds later.
    Unavailable,
    /// The work was cancelled, by its caller or by a newer writer.
    Cancelled,
    /// A defect or a state that should not exist; the log has the cause.
    Internal,
}

impl ErrorKind {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

/// Kind, a sentence for people, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// `std::result::Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without a deeper cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// An error caused by `source`.
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// Shorthand for a request or input that is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Shorthand for something that does not exist for this caller.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Shorthand for a state that has changed or does not allow the call.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// Shorthand for a defect.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// The same kind with this error as the cause of a sentence that says more.
    #[must_use]
    pub fn context(self, message: impl Into<String>) -> Self {
        Self { kind: self.kind, message: message.into(), source: Some(Box::new(self)) }
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message and all its causes in one line, for a log.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut line = self.message.clone();
        let mut next = self.source();
        while let Some(cause) = next {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            next = cause.source();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_names_every_cause_once() {
        let disk = std::io::Error::other("device is gone");
        let error = Error::with_source(ErrorKind::Unavailable, "cannot read block", disk)
            .context("cannot read file");
        assert_eq!(error.chain(), "cannot read file: cannot read block: device is gone");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.kind().is_retryable());
    }
}
