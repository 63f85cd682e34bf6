//! The objects port: named, immutable runs of bytes.
//!
//! [`ObjectStore`] says what a back end must guarantee and `conformance` tries to break it; both hold
//! for every back end and every [`layer`] around one. A back end is one module: [`fs`] keeps objects as
//! files. What the bytes mean (blocks, tails, segments) is known above (`content`), not here.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod fs;
pub mod layer;
mod name;
mod store;

pub use name::{MAX_NAME_LEN, MAX_PART_LEN, ObjectName};
pub use store::{ListPage, MAX_LIST, MAX_PUT_ALL, ObjectInfo, ObjectStore, Outcome, Put, Streamed};

use model::{Error, Result};
use std::sync::Arc;

/// Opens the store that `url` names: `file:///DIRECTORY`, taken as it is written, without escapes.
///
/// # Errors
/// `Invalid` for another scheme or a wrong path; what the back end says where it cannot be opened.
pub async fn open(url: &str) -> Result<Arc<dyn ObjectStore>> {
    match url.split_once("://") {
        Some(("file", path)) if path.starts_with('/') => {
            Ok(Arc::new(fs::FsObjects::open(path).await?))
        }
        Some(("file", _)) => {
            Err(Error::invalid(format!("{url:?} should be file:///DIRECTORY, with a full path")))
        }
        _ => Err(Error::invalid(format!(
            "{url:?} names no known store of objects: file:///DIRECTORY"
        ))),
    }
}
