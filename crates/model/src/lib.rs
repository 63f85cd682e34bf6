//! The words Hashreel is made of: ids, hashes, errors, byte ranges, and the states of uploads, blocks
//! and videos with their transitions.
//!
//! Nothing here does I/O, waits, or knows a back end. Transitions are pure functions of the old state
//! and the time that is passed in; what is impossible is an [`Error`], never a panic.

pub mod block;
mod error;
pub mod event;
mod hash;
mod id;
mod place;
pub mod range;
pub mod sniff;
pub mod upload;
pub mod video;

pub use error::{Error, ErrorKind, Result};
pub use hash::Sha256;
pub use id::{ContentId, EventId, FileId, KeyId, OwnerId, RenditionId, UploadId};
pub use jiff::Timestamp;
pub use place::without_secret;
pub use range::ByteRange;
