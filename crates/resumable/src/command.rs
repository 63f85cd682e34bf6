//! What a client wants, whichever protocol it said it in.
//!
//! Every value here is validated: lengths are within the limits, names are safe to show, metadata is
//! well-formed. Whether the upload exists, belongs to the caller and stands at the offset is for the
//! caller of this crate to check.

use model::FileId;

/// One request, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say what this server can do.
    Options,
    /// Make an upload, with its first bytes or all of them where `body` is there.
    Create(Create),
    /// Add bytes at the upload's end.
    Append(Append),
    /// Say where the upload stands.
    Status,
    /// End the upload and forget its bytes.
    Abort,
}

/// A new upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Length of the whole upload in bytes; `None` where only the end of the body tells.
    pub length: Option<u64>,
    /// What it says of itself.
    pub about: About,
    /// `Upload-Metadata` exactly as sent, to be echoed: visible ASCII and spaces.
    pub metadata: Option<String>,
    /// Whether bytes come with this request.
    pub has_body: bool,
    /// Whether the upload ends with this request's body: it cannot be resumed, and a body that is cut
    /// off leaves nothing worth keeping.
    pub whole: bool,
}

/// Bytes for the end of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Append {
    /// Where the client believes the upload stands, in bytes.
    pub offset: u64,
    /// Length of the whole upload where the client says it again; it must be the known one.
    pub length: Option<u64>,
    /// Bytes in the body where its framing tells.
    pub body: Option<u64>,
}

/// What an upload says of the file it will be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// A name that is safe to show: see [`crate::name::display_name`].
    pub name: String,
    /// `type/subtype`, with parameters at most; `application/octet-stream` where the client did not say.
    pub media_type: String,
    /// The path within the folder that was uploaded: `/` between names as safe as `name`.
    pub relative_path: Option<String>,
    /// The file to make a new version of.
    pub file: Option<FileId>,
}
