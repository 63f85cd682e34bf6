//! The records port: a wide-column table of JSON values with conditional, atomic writes.
//!
//! [`RecordStore`] says what a back end must guarantee and `conformance` tries to break it; both hold
//! for every back end, so that the domain logic above (`catalog`) is written once. A back end is one
//! module: `sqlite` is the embedded one. This crate knows no table and no row of Hashreel's.

mod key;
mod query;
mod store;

pub use key::{Key, MAX_PARTITION_LEN, MAX_SORT_LEN};
pub use query::{Direction, MAX_PAGE, Page, Query, Shard};
pub use store::{
    Change, Condition, ConditionFailed, Consistency, MAX_BATCH, MAX_BATCH_BYTES, MAX_GET,
    MAX_VALUE_BYTES, Record, RecordStore, Version, Write, failed_key,
};
