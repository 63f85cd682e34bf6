//! The objects port: named, immutable runs of bytes.
//!
//! [`ObjectStore`] says what a back end must guarantee and `conformance` tries to break it; both hold
//! for every back end and every [`layer`] around one. A back end is one module: [`fs`] keeps objects as
//! files, [`s3`] in a bucket. What the bytes mean (blocks, tails, segments) is known above (`content`),
//! not here.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod create_only;
pub mod fs;
pub mod layer;
mod name;
pub mod s3;
mod store;

pub use create_only::check_create_only;
pub use name::{MAX_NAME_LEN, MAX_PART_LEN, ObjectName};
pub use store::{
    ListPage, MAX_LIST, MAX_PUT_ALL, ObjectInfo, ObjectStore, Outcome, PresignedPut, Put, Streamed,
};

use model::{Error, Result, without_secret};
use std::sync::Arc;

/// Opens the store that `url` names: `file:///DIRECTORY`, taken as it is written, without escapes, or
/// `s3://BUCKET` or `s3://BUCKET/PREFIX`, with endpoint, region and credentials from the variables and
/// files that all AWS programs have in common.
///
/// # Errors
/// `Invalid` for another scheme or a wrong path; what the back end says where it cannot be opened.
pub async fn open(url: &str) -> Result<Arc<dyn ObjectStore>> {
    match url.split_once("://") {
        Some(("file", path)) if path.starts_with('/') => {
            Ok(Arc::new(fs::FsObjects::open(path).await?))
        }
        Some(("file", _)) => {
            let told = without_secret(url);
            Err(Error::invalid(format!("{told:?} should be file:///DIRECTORY, with a full path")))
        }
        Some(("s3", place)) => Ok(Arc::new(s3::S3Objects::open(place).await?)),
        _ => Err(Error::invalid(format!(
            "{:?} names no known store of objects: file:///DIRECTORY or s3://BUCKET/PREFIX",
            without_secret(url)
        ))),
    }
}
