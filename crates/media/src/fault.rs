//! What goes wrong inside a child, in a form that crosses the pipe.

use ffmpeg_next as ff;
use model::ErrorKind;
use serde::{Deserialize, Serialize};
use std::io;

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blame {
    /// The file is broken, cut off, or not what it says it is.
    Invalid,
    /// The file is whole, but of a kind that is not handled.
    Unsupported,
    /// The file is over a limit.
    TooLarge,
    /// The child itself.
    Internal,
}

/// Blame, and a sentence that a person can act on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fault {
    /// Whose fault.
    pub blame: Blame,
    /// What is wrong and what to do.
    pub message: String,
}

/// A child's results.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { blame: Blame::Invalid, message: message.into() }
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self { blame: Blame::Unsupported, message: message.into() }
    }

    pub fn too_large(message: impl Into<String>) -> Self {
        Self { blame: Blame::TooLarge, message: message.into() }
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self { blame: Blame::Internal, message: message.into() }
    }

    /// What libav said while doing `what`: memory is a limit of ours, anything else is as `blame` says.
    pub fn libav(blame: Blame, what: &str, error: ff::Error) -> Self {
        if error == (ff::Error::Other { errno: ff::error::ENOMEM }) {
            return Self::too_large(format!(
                "{what} needs more memory than a video may use; make the picture smaller"
            ));
        }
        Self { blame, message: format!("{what} failed: {error}") }
    }

    /// A fault of our own use of libav: the same input would fail again.
    pub fn ours(what: &'static str) -> impl Fn(ff::Error) -> Self {
        move |error| Self::libav(Blame::Internal, what, error)
    }

    /// The kind that a caller of the parent sees.
    pub fn kind(&self) -> ErrorKind {
        match self.blame {
            Blame::Invalid => ErrorKind::Invalid,
            Blame::Unsupported => ErrorKind::Unsupported,
            Blame::TooLarge => ErrorKind::TooLarge,
            Blame::Internal => ErrorKind::Internal,
        }
    }
}

impl From<model::Error> for Fault {
    fn from(error: model::Error) -> Self {
        Self::internal(error.chain())
    }
}

impl From<io::Error> for Fault {
    /// Of the pipe to the parent, the only thing a child reads or writes.
    fn from(error: io::Error) -> Self {
        Self::internal(format!("the pipe to the parent failed: {error}"))
    }
}
