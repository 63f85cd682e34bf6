//! Typed tables over records: uploads, blocks, contents, files, keys, videos, due work, and the log.
//!
//! The only place that knows keys and row layouts (`docs/formats.md` lists them). Every function is one
//! atomic write, or a sequence that a crash can cut anywhere: what is left then is named by a row
//! (an intent, a due row, a log entry) that somebody reads.

mod blocks;
mod checkpoint;
mod commit;
mod contents;
mod due;
mod files;
pub mod jobs;
mod keys;
mod log;
mod mark;
mod owners;
mod row;
mod uploads;
pub mod videos;

pub use blocks::{BlockEntry, MAX_GROUP, Scope};
pub use checkpoint::Checkpoint;
pub use commit::Commit;
pub use contents::Content;
pub use due::{Due, DueKind, DueRow};
pub use files::{File, FileVersion, VideoLink};
pub use log::{Entry, Follow, Topic};
pub use owners::ApiKey;
pub use row::Stored;
pub use uploads::{About, Dialect, HasherState, TailPiece, Upload};

use records::RecordStore;
use std::sync::Arc;

/// The tables. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalog {
    records: Arc<dyn RecordStore>,
}

impl Catalog {
    /// The tables in `records`.
    #[must_use]
    pub fn new(records: Arc<dyn RecordStore>) -> Self {
        Self { records }
    }

    /// The store underneath, for readiness probes and operators' tools.
    #[must_use]
    pub fn records(&self) -> &Arc<dyn RecordStore> {
        &self.records
    }
}
