//! Due work: `due#<shard>` and `candidate#<shard>` / `<when>#<what>` rows, written with the change that
//! makes the work due, so that no crash loses it. Whoever does the work removes its row last.

use crate::{
    Catalog, Scope, Upload, keys,
    row::{self, Row},
    videos::VideoKey,
};
use model::{ContentId, OwnerId, Result, Sha256, Timestamp, UploadId};
use records::{Condition, Consistency, Key, Query, Record, Write};
use serde::{Deserialize, Serialize};

/// Rows that are read at a time.
const ROWS: usize = 100;

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

/// Who does what is due. Each has rows of its own: candidates may be many and wait long for the sweep,
/// and nobody should have to look through them for what is due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueKind {
    /// Uploads and contents, for whoever clears.
    Work,
    /// Blocks and videos, for the sweep.
    Candidate,
}

impl Due {
    /// Who does it.
    fn kind(&self) -> DueKind {
        match self {
            Self::Upload { .. } | Self::Content { .. } => DueKind::Work,
            Self::Block { .. } | Self::Video { .. } => DueKind::Candidate,
        }
    }
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
        let shard = spread % keys::DUE_SHARDS;
        let key = keys::due(due.kind(), shard, format!("{millis:012x}#{name}"));
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
    /// What is due at `until` of `shard`, oldest first, about a hundred rows, and the cursor to go on
    /// with. A row that cannot be read is passed over, and said in the log.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn due(
        &self,
        kind: DueKind,
        shard: u8,
        until: Timestamp,
        cursor: Option<String>,
    ) -> Result<(Vec<DueRow>, Option<String>)> {
        let millis = u64::try_from(until.as_millisecond()).unwrap_or(0);
        let end = format!("{:012x}", millis + 1);
        let query = Query::range(keys::due_partition(kind, shard), "", end)
            .limit(ROWS)
            .cursor(cursor)
            .consistency(Consistency::Strong);
        let page = self.records.query(query).await?;
        let row = |record: Record| {
            let due = row::readable(&record.key, record.value)?;
            Some(DueRow { due, key: record.key })
        };
        Ok((page.records.into_iter().filter_map(row).collect(), page.cursor))
    }

    /// How many shards due work is spread over.
    #[must_use]
    pub fn due_shards(&self) -> u8 {
        keys::DUE_SHARDS
    }
}
