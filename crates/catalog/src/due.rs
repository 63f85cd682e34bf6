//! Due work: `due#<shard>` / `<when>#<what>` rows, written with the change that makes the work due, so
//! that no crash loses it. Whoever does the work removes its row last.

use crate::{
    Catalog, Scope, Upload, keys,
    row::{self, Row},
    videos::VideoKey,
};
use model::{ContentId, OwnerId, Result, Sha256, Timestamp, UploadId};
use records::{Condition, Consistency, Key, Query, Write};
use serde::{Deserialize, Serialize};

/// Something to be done at a time or later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Due {
    /// Look at an upload: expire it if it is open, release what it left if it has ended.
    Upload {
        /// Whose it is.
        owner: OwnerId,
        /// Which.
        upload: UploadId,
    },
    /// Release the blocks of a content whose file is gone.
    Content {
        /// Whose it was.
        owner: OwnerId,
        /// Which.
        content: ContentId,
        /// Deduplication scope of its blocks.
        scope: Scope,
    },
    /// A block that has lost a reference: a candidate for the sweep.
    Block {
        /// Deduplication scope.
        scope: Scope,
        /// Which.
        hash: Sha256,
    },
    /// A video that has lost a file: a candidate for the sweep.
    Video {
        /// Which.
        video: VideoKey,
    },
}

impl Row for Due {
    const WHAT: &'static str = "a due row";
}

/// A due row with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    pub(crate) key: Key,
    /// What is to be done.
    pub due: Due,
}

impl DueRow {
    /// The row for `due` at `at`. `spread` chooses the shard; the same work at the same time has the
    /// same key.
    fn new(at: Timestamp, spread: u8, name: &str, due: Due) -> Self {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let key = keys::due(spread % keys::DUE_SHARDS, format!("{millis:012x}#{name}"));
        Self { key, due }
    }

    /// The one row of an upload, from its creation to the end of its clean-up: due when it expires.
    pub(crate) fn upload(upload: &Upload) -> Self {
        let spread = spread_of(upload.id.to_string().as_bytes());
        let due = Due::Upload { owner: upload.owner.clone(), upload: upload.id };
        Self::new(upload.expires, spread, &format!("upload#{}", upload.id), due)
    }

    pub(crate) fn content(
        now: Timestamp,
        owner: &OwnerId,
        content: ContentId,
        scope: Scope,
    ) -> Self {
        let spread = spread_of(content.to_string().as_bytes());
        let due = Due::Content { owner: owner.clone(), content, scope };
        Self::new(now, spread, &format!("content#{content}"), due)
    }

    pub(crate) fn block(now: Timestamp, scope: &Scope, hash: Sha256) -> Self {
        let due = Due::Block { scope: scope.clone(), hash };
        Self::new(now, hash.as_bytes()[0], &format!("block#{scope}#{hash}"), due)
    }

    pub(crate) fn video(now: Timestamp, video: &VideoKey) -> Self {
        let due = Due::Video { video: video.clone() };
        Self::new(now, video.sha256.as_bytes()[0], &format!("video#{video}"), due)
    }

    pub(crate) fn write(&self) -> Result<Write> {
        row::put(self.key.clone(), Condition::Any, &self.due)
    }

    pub(crate) fn done(&self) -> Write {
        Write::delete(self.key.clone(), Condition::Any)
    }
}

/// The last byte of an id's text: random in every kind of id.
fn spread_of(id: &[u8]) -> u8 {
    id.last().copied().unwrap_or(0)
}

impl Catalog {
    /// Work of `shard` that is due at `until`, oldest first, at most `limit` rows.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn due(&self, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>> {
        let millis = u64::try_from(until.as_millisecond()).unwrap_or(0);
        let query = Query::range(keys::due_partition(shard), "", format!("{:012x}", millis + 1))
            .limit(limit)
            .consistency(Consistency::Strong);
        let page = self.records.query(query).await?;
        page.records
            .into_iter()
            .map(|record| Ok(DueRow { due: row::decode(record.value)?, key: record.key }))
            .collect()
    }

    /// How many shards due work is spread over.
    #[must_use]
    pub fn due_shards(&self) -> u8 {
        keys::DUE_SHARDS
    }
}
