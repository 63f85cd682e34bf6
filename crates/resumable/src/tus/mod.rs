//! tus 1.0 (<https://tus.io/protocols/resumable-upload>): core, creation, creation-with-upload,
//! termination.
//!
//! What is not announced in `Tus-Extension` is refused rather than ignored: a client that sends a
//! checksum must not believe that it was verified.

mod metadata;
mod request;
mod response;

pub use metadata::{MAX_METADATA, Metadata};
pub(crate) use request::parse;
pub(crate) use response::{refuse, respond};

use http::HeaderName;

/// The one version spoken.
pub const VERSION: &str = "1.0.0";

/// `Tus-Extension`.
pub const EXTENSIONS: &str = "creation,creation-with-upload,termination";

/// The content type of a body that goes to an upload's end.
pub const OFFSET_OCTET_STREAM: &str = "application/offset+octet-stream";

/// Version of the protocol, in every request and response.
pub const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
/// Versions that the server speaks.
pub const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
/// Extensions that the server speaks.
pub const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
/// Largest upload in bytes.
pub const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
/// Length of the whole upload in bytes.
pub const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// Where the upload stands, in bytes.
pub const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// What the client says of the upload.
pub const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");

const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");

/// Every header of a tus request: any of them in a POST says that it is one. For the allow-list of
/// cross-origin requests too.
pub const REQUEST_HEADERS: [HeaderName; 7] = [
    TUS_RESUMABLE,
    UPLOAD_LENGTH,
    UPLOAD_OFFSET,
    UPLOAD_METADATA,
    UPLOAD_DEFER_LENGTH,
    UPLOAD_CHECKSUM,
    UPLOAD_CONCAT,
];

/// Every header of a tus response that a script of another origin may want to read.
pub const RESPONSE_HEADERS: [HeaderName; 7] = [
    TUS_RESUMABLE,
    TUS_VERSION,
    TUS_EXTENSION,
    TUS_MAX_SIZE,
    UPLOAD_LENGTH,
    UPLOAD_OFFSET,
    UPLOAD_METADATA,
];
