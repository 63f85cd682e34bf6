//! Streams to blocks and back: what turns the bytes of a request into durable, deduplicated blocks, and
//! blocks into bytes that are exactly what was sent, or an error.
//!
//! An append runs as four stages, each waiting only for the next, so that no stage's memory or errors
//! are another's: `receive` cuts the body at content-defined boundaries into pieces, `digest` hashes
//! them, `prepare` writes references first and then asks which blocks are missing, `settle` puts those
//! and moves the upload's durable offset. While one group is put, the next is received, hashed and
//! prepared.
//!
//! Guaranteed: an offset that was returned is durable; memory for bytes on their way is bounded by one
//! [`Config::budget`] whatever the number of uploads; a block is put once however many uploads of this
//! process bring it at once; no byte of a block is given out before its hash was verified. Left to
//! others: protocols (`resumable`), whose an upload is (`access`), rows (`catalog`), the sweep.

mod append;
mod budget;
mod claims;
mod clear;
mod codec;
mod config;
mod cpu;
mod digest;
mod fetch;
mod ingest;
mod mark;
mod prepare;
mod read;
mod receive;
mod running;
mod settle;
mod store;
mod tail;

pub use append::{Append, Appended, BoxError, Ended};
pub use clear::Cleared;
pub use config::{Config, ScopeRule};
pub use read::Reader;
pub use store::{NewUpload, Store};

use model::{Error, ErrorKind, Result};

/// For a name that nothing has or ever had.
pub(crate) fn random() -> Result<u64> {
    getrandom::u64().map_err(|error| {
        Error::with_source(ErrorKind::Internal, "the system gives no random numbers", error)
    })
}

/// What is told to whoever waited in vain for memory.
pub(crate) fn no_memory() -> Error {
    let message = "this server has no memory left for more at once; try again shortly";
    Error::new(ErrorKind::Busy, message)
}
