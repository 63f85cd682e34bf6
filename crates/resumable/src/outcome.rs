//! What came of a command, to be said in the client's dialect.

use http::{HeaderMap, StatusCode};
use model::FileId;

/// A command, carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of `Options`: what this server can do.
    Capabilities,
    /// Of `Create`.
    Created {
        /// Address of the upload, absolute or relative.
        location: String,
        /// Where it stands after the bytes that came along.
        standing: Standing,
    },
    /// Of `Append`.
    Appended(Standing),
    /// Of `Status`.
    Status(Standing),
    /// Of `Abort`.
    Aborted,
}

/// Where an upload stands: what is durable, never what is only hoped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Durable bytes from the start.
    pub offset: u64,
    /// Length of the whole, where known.
    pub length: Option<u64>,
    /// `Upload-Metadata` as the client sent it.
    pub metadata: Option<String>,
    /// The file it became.
    pub file: Option<FileId>,
}

/// Status and headers of a successful response, which has no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// 2xx.
    pub status: StatusCode,
    /// All the protocol's headers.
    pub headers: HeaderMap,
}
