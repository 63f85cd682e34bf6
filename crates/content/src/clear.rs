//! Work that is due: uploads whose time is over are ended, and what a crash, or a failure of the stores,
//! left of uploads and contents that have ended is cleared away. Its due row goes last, so nothing is
//! forgotten, and doing it twice, or in several processes at once, does no harm.

use crate::Store;
use catalog::{Due, DueKind, DueRow};
use model::{ErrorKind, Result, Timestamp, upload::UploadState};
use tokio_util::sync::CancellationToken;

/// What came of one look for due work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleared {
    /// Uploads and contents that were cleared.
    pub done: u64,
    /// Those that failed, and were said in the log: the next look tries again.
    pub failed: u64,
}

impl Store {
    /// Does all that is due at `now`, one after the other, until `stop`.
    ///
    /// # Errors
    /// Where due work cannot even be looked for: those of the records.
    pub async fn clear_due(&self, now: Timestamp, stop: &CancellationToken) -> Result<Cleared> {
        let mut cleared = Cleared::default();
        for shard in 0..self.0.catalog.due_shards() {
            let mut cursor = None;
            loop {
                let (rows, next) =
                    self.0.catalog.due(DueKind::Work, shard, now, cursor.take()).await?;
                for row in rows {
                    if stop.is_cancelled() {
                        return Ok(cleared);
                    }
                    match self.clear(&row, now).await {
                        Ok(()) => cleared.done += 1,
                        Err(error) => {
                            cleared.failed += 1;
                            tracing::warn!(due = ?row.due, error = error.chain(), "not cleared");
                        }
                    }
                }
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(cleared)
    }

    async fn clear(&self, row: &DueRow, now: Timestamp) -> Result<()> {
        let catalog = &self.0.catalog;
        let (owner, id) = match &row.due {
            Due::Content { .. } => return catalog.release_content(row, now).await,
            Due::Upload { owner, upload } => (owner, *upload),
            // Candidates have rows of their own.
            Due::Block { .. } | Due::Video { .. } => return Ok(()),
        };
        let mut upload = catalog.upload(owner, id).await?.value;
        if matches!(upload.state, UploadState::Open { .. } | UploadState::Sealed { .. }) {
            upload = match catalog.expire_upload(owner, id, now).await {
                Ok(ended) => ended.value,
                // It came to an end of its own meanwhile.
                Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Gone) => {
                    catalog.upload(owner, id).await?.value
                }
                Err(error) => return Err(error),
            };
        }
        match upload.state {
            UploadState::Committed { .. } => self.0.tidy(&upload).await,
            _ => self.0.release(&upload, now).await,
        }
    }
}
