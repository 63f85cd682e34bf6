//! The objects port: named, immutable runs of bytes.
//!
//! [`ObjectStore`] says what a back end must guarantee and `conformance` tries to break it; both hold
//! for every back end and every layer around one. A back end is one module: `fs` keeps objects as files.
//! What the bytes mean (blocks, tails, segments) is known above (`content`), not here.

mod name;
mod store;

pub use name::{MAX_NAME_LEN, MAX_PART_LEN, ObjectName};
pub use store::{ListPage, MAX_LIST, MAX_PUT_ALL, ObjectInfo, ObjectStore, Outcome, Put, Streamed};
