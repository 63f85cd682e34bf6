//! The records port: a wide-column table of JSON values with conditional, atomic writes.
//!
//! [`RecordStore`] says what a back end must guarantee and `conformance` tries to break it; both hold
//! for every back end, so that the domain logic above (`catalog`) is written once. A back end is one
//! module: [`sqlite`] is the embedded one, [`dynamodb`] the one for many machines. This crate knows no
//! table and no row of Hashreel's.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod dynamodb;
mod key;
mod query;
pub mod sqlite;
mod store;

pub use key::{Key, MAX_PARTITION_LEN, MAX_SORT_LEN};
pub use query::{Direction, MAX_PAGE, Page, Query, Shard};
pub use store::{
    Change, Condition, ConditionFailed, Consistency, MAX_BATCH, MAX_BATCH_BYTES, MAX_GET,
    MAX_VALUE_BYTES, Record, RecordStore, Version, Write, failed_key,
};

use model::{Error, Result, without_secret};
use std::sync::Arc;

/// Opens the store that `url` names: `sqlite:///PATH` or `dynamodb://TABLE`.
///
/// # Errors
/// `Invalid` for another scheme or a wrong path; what the back end says where it cannot be opened.
pub async fn open(url: &str) -> Result<Arc<dyn RecordStore>> {
    match url.split_once("://") {
        Some(("sqlite", _)) => {
            Ok(Arc::new(sqlite::SqliteRecords::open(::sqlite::path_of_url(url)?).await?))
        }
        Some(("dynamodb", table)) => Ok(Arc::new(dynamodb::DynamoRecords::open(table).await?)),
        _ => Err(Error::invalid(format!(
            "{:?} names no known store of records: sqlite:///PATH or dynamodb://TABLE",
            without_secret(url)
        ))),
    }
}
