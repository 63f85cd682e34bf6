//! Contents: ordered lists of blocks. While an upload is open, `content#<id>` holds `part#<offset>`
//! rows, one a checkpoint, and `intent#...` rows of groups that are on their way; a committed content
//! holds `head` and `page#<offset>` rows.

use crate::{
    BlockEntry, Catalog, Scope, Upload,
    blocks::Intent,
    checkpoint::Part,
    due::{Due, DueRow},
    keys,
    row::{self, Row},
};
use model::{ByteRange, ContentId, Error, OwnerId, Result, Sha256, Timestamp};
use records::{Condition, Consistency, Direction, Key, MAX_BATCH, Query, Record, Write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Blocks in a full page.
pub(crate) const PAGE_LEN: usize = 1000;

/// Rows that a clean-up reads at a time.
const ROWS: usize = 100;

/// A committed content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Whose it is.
    pub owner: OwnerId,
    /// Its length in bytes.
    pub size: u64,
    /// How its boundaries were found.
    pub chunking: String,
}

impl Row for Content {
    const WHAT: &'static str = "a content";
}

/// Up to [`PAGE_LEN`] blocks.
#[derive(Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) blocks: Vec<BlockEntry>,
}

impl Row for Page {
    const WHAT: &'static str = "a content's page";
}

/// The number at the end of a key, after `prefix`.
pub(crate) fn offset_in(key: &Key, prefix: &str) -> Result<u64> {
    let digits = key.sort.strip_prefix(prefix).unwrap_or_default();
    u64::from_str_radix(digits, 16)
        .map_err(|_| Error::internal(format!("`{}` does not end in an offset", key.sort)))
}

impl Catalog {
    /// A committed content.
    ///
    /// # Errors
    /// `NotFound` for one that is not committed, or released.
    pub async fn content(&self, id: ContentId) -> Result<Content> {
        let record = self.records.get(&keys::content(id), Consistency::Strong).await?;
        let record = record.ok_or_else(|| Error::not_found("there is no such content"))?;
        row::decode(record.value)
    }

    /// The blocks of a committed content that hold bytes of `range`, in order, each with the offset of
    /// its first byte; at most one page of a thousand, so for a longer range go on from the end of the
    /// last. None for a range behind the end.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn content_blocks(
        &self,
        id: ContentId,
        range: ByteRange,
    ) -> Result<Vec<(u64, BlockEntry)>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let (partition, start) = (keys::content_partition(id), keys::page(id, range.start).sort);
        // The page that begins at or before the range: `~` ends the key just behind `start`.
        let query = Query::range(partition, keys::PAGE, format!("{start}~"))
            .direction(Direction::Descending)
            .limit(1)
            .consistency(Consistency::Eventual);
        let Some(record) = self.records.query(query).await?.records.into_iter().next() else {
            return Ok(Vec::new());
        };
        let mut offset = offset_in(&record.key, keys::PAGE)?;
        let page: Page = row::decode(record.value)?;
        let mut blocks = Vec::new();
        for block in page.blocks {
            if range.overlap(&ByteRange::at(offset, block.len.into())).is_some() {
                blocks.push((offset, block));
            }
            offset += u64::from(block.len);
        }
        Ok(blocks)
    }

    /// Up to a hundred rows of a content that begin with `prefix`, and the cursor to go on with.
    pub(crate) async fn content_rows(
        &self,
        id: ContentId,
        prefix: &str,
        cursor: Option<String>,
    ) -> Result<(Vec<Record>, Option<String>)> {
        let query = Query::prefix(keys::content_partition(id), prefix)
            .limit(ROWS)
            .cursor(cursor)
            .consistency(Consistency::Strong);
        let page = self.records.query(query).await?;
        Ok((page.records, page.cursor))
    }

    /// Releases a deleted file's content: its references become candidates of the sweep, its rows go.
    /// A crash leaves the due row; doing it again goes on where it was.
    ///
    /// # Errors
    /// `Invalid` for a due row of something else; those of the store.
    pub async fn release_content(&self, due: &DueRow, now: Timestamp) -> Result<()> {
        let Due::Content { owner, content, scope } = &due.due else {
            return Err(Error::invalid("this due row is not a content's"));
        };
        self.release_rows(owner, *content, scope, keys::PAGE, now, page_hashes).await?;
        let head = Write::delete(keys::content(*content), Condition::Any);
        self.records.write(vec![head, due.done()]).await.map(drop)
    }

    /// Releases what an upload that ended without a file holds: references of its parts and intents,
    /// its progress and its due row. Its tail's objects are the caller's to delete first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn release_upload(
        &self,
        upload: &Upload,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<()> {
        let (owner, content) = (&upload.owner, upload.content);
        self.release_rows(owner, content, scope, keys::PART, now, part_hashes).await?;
        self.release_rows(owner, content, scope, keys::PAGE, now, page_hashes).await?;
        self.release_rows(owner, content, scope, keys::INTENT, now, intent_hashes).await?;
        let progress = Write::delete(keys::progress(upload.id), Condition::Any);
        self.records.write(vec![progress, DueRow::upload(upload).done()]).await.map(drop)
    }

    /// Releases the hashes that rows with `prefix` name, then removes the rows, a hundred at a time.
    async fn release_rows(
        &self,
        owner: &OwnerId,
        content: ContentId,
        scope: &Scope,
        prefix: &str,
        now: Timestamp,
        hashes: fn(Record) -> Result<Vec<Sha256>>,
    ) -> Result<()> {
        loop {
            let (records, _) = self.content_rows(content, prefix, None).await?;
            if records.is_empty() {
                return Ok(());
            }
            for record in records {
                let key = record.key.clone();
                self.release_hashes(owner, content, scope, hashes(record)?, now).await?;
                self.records.write(vec![Write::delete(key, Condition::Any)]).await?;
            }
        }
    }

    /// Takes the references of `content` to `hashes` away; each one and its block's candidate row
    /// change in one write.
    pub(crate) async fn release_hashes(
        &self,
        owner: &OwnerId,
        content: ContentId,
        scope: &Scope,
        hashes: Vec<Sha256>,
        now: Timestamp,
    ) -> Result<()> {
        let unique: Vec<Sha256> = hashes.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        for group in unique.chunks(MAX_BATCH / 2) {
            let mut batch = Vec::with_capacity(group.len() * 2);
            for &hash in group {
                let reference = keys::reference(scope, hash, owner, content);
                batch.push(Write::delete(reference, Condition::Any));
                batch.push(DueRow::block(now, scope, hash).write()?);
            }
            self.records.write(batch).await?;
        }
        Ok(())
    }

    /// Removes rows without looking at them, a hundred at a time.
    pub(crate) async fn remove_rows(&self, content: ContentId, prefix: &str) -> Result<()> {
        loop {
            let (records, _) = self.content_rows(content, prefix, None).await?;
            if records.is_empty() {
                return Ok(());
            }
            let removals: Vec<Write> = records
                .into_iter()
                .map(|record| Write::delete(record.key, Condition::Any))
                .collect();
            self.records.write(removals).await?;
        }
    }
}

fn page_hashes(record: Record) -> Result<Vec<Sha256>> {
    let page: Page = row::decode(record.value)?;
    Ok(page.blocks.into_iter().map(|block| block.hash).collect())
}

fn part_hashes(record: Record) -> Result<Vec<Sha256>> {
    let part: Part = row::decode(record.value)?;
    Ok(part.blocks.into_iter().map(|block| block.hash).collect())
}

pub(crate) fn intent_hashes(record: Record) -> Result<Vec<Sha256>> {
    let intent: Intent = row::decode(record.value)?;
    Ok(intent.hashes)
}
