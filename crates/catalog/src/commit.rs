//! The end of an upload that ends well: pages first, then one transaction that makes the version.

use crate::{
    BlockEntry, Catalog, Content, File, FileVersion, Scope, Stored, Topic, Upload, VideoLink,
    checkpoint::Part,
    contents::{PAGE_LEN, Page, intent_hashes, offset_in},
    due::DueRow,
    files::Owned,
    jobs::Job,
    keys, log,
    row::{self, put},
};
use model::{Error, EventId, Result, Sha256, Timestamp, event::EventType};
use records::{Condition, Write};
use serde_json::json;
use std::collections::HashSet;

/// Hashes of lost groups that are compared with a content's pages in one pass.
const LEFT_OVER: usize = 10_000;

/// What a finished upload becomes.
#[derive(Debug, Clone)]
pub struct Commit {
    /// SHA-256 of the whole file, where it is known already.
    pub sha256: Option<Sha256>,
    /// Whether a worker should look for a video in it.
    pub looks_like_media: bool,
    /// How the boundaries were found.
    pub chunking: String,
    /// Deduplication scope of the blocks.
    pub scope: Scope,
    /// When.
    pub now: Timestamp,
}

impl Catalog {
    /// Ends the upload that `held` writes, at its durable offset, as a file. What is left to tidy is
    /// left to [`Self::tidy_upload`].
    ///
    /// # Errors
    /// `Cancelled` where another writer took over, or finished it; `Conflict` where bytes are missing.
    pub async fn commit(&self, held: &Stored<Upload>, commit: Commit) -> Result<File> {
        let upload = &held.value;
        let (size, epoch) = upload.state.open()?;
        if upload.length.is_some_and(|length| length != size) || !upload.tail.is_empty() {
            return Err(Error::conflict("an upload is committed once all its bytes are blocks"));
        }
        let last_page = self.write_pages(held, size).await?;

        let mut ended = upload.clone();
        ended.state = upload.state.commit(epoch, upload.file, 1)?;
        ended.length = Some(size);
        let file = File {
            id: upload.file,
            owner: upload.owner.clone(),
            name: upload.about.name.clone(),
            media_type: upload.about.media_type.clone(),
            created: commit.now,
            current: FileVersion {
                number: 1,
                content: upload.content,
                scope: commit.scope,
                size,
                sha256: commit.sha256,
                created: commit.now,
                video: commit.looks_like_media.then_some(VideoLink::Wanted),
            },
        };
        let content = Content { owner: upload.owner.clone(), size, chunking: commit.chunking };
        let mut batch = vec![
            put(keys::upload(upload.id), Condition::VersionIs(held.version), &ended.head())?,
            Write::delete(keys::progress(upload.id), Condition::Any),
            put(keys::content(upload.content), Condition::Absent, &content)?,
            put(keys::file(file.id), Condition::Absent, &file)?,
            put(keys::owned_file(&file.owner, file.id), Condition::Absent, &Owned {})?,
        ];
        if let Some(sha256) = commit.sha256 {
            let key = keys::owned_bytes(&file.owner, sha256, file.id);
            batch.push(put(key, Condition::Absent, &Owned {})?);
        }
        batch.extend(last_page);
        let data = json!({"name": file.name, "size": size, "version": 1});
        let event =
            log::event(commit.now, EventType::FileStored, Some(file.id), Some(upload.id), data);
        batch.push(log::event_write(&file.owner, &event)?);
        if commit.looks_like_media {
            let key = keys::log(&Topic::Jobs, EventId::new(commit.now));
            batch.push(put(key, Condition::Any, &Job::Probe { file: file.id })?);
        }
        self.records.write(batch).await.map_err(crate::blocks::taken_over)?;
        Ok(file)
    }

    /// Writes all full pages, each checking that `held` still writes; returns the write of the last
    /// one, which belongs into the commit itself.
    async fn write_pages(&self, held: &Stored<Upload>, size: u64) -> Result<Option<Write>> {
        let upload = &held.value;
        let mut page: Vec<BlockEntry> = Vec::new();
        let (mut page_start, mut offset, mut cursor) = (0, 0, None);
        loop {
            let (records, next) = self.content_rows(upload.content, keys::PART, cursor).await?;
            for record in records {
                if offset_in(&record.key, keys::PART)? != offset {
                    return Err(Error::internal("an upload's checkpoints leave a gap"));
                }
                let part: Part = row::decode(record.value)?;
                for block in part.blocks {
                    if page.len() == PAGE_LEN {
                        let full = Page { blocks: std::mem::take(&mut page) };
                        let check = Condition::VersionIs(held.version);
                        let batch = vec![
                            Write::check(keys::upload(upload.id), check),
                            put(keys::page(upload.content, page_start), Condition::Any, &full)?,
                        ];
                        self.records.write(batch).await.map_err(crate::blocks::taken_over)?;
                        page_start = offset;
                    }
                    offset += u64::from(block.len);
                    page.push(block);
                }
            }
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        if offset != size {
            return Err(Error::internal("an upload's blocks do not add up to its offset"));
        }
        if page.is_empty() {
            return Ok(None);
        }
        let key = keys::page(upload.content, page_start);
        put(key, Condition::Any, &Page { blocks: page }).map(Some)
    }

    /// Removes what a committed upload needed on its way: parts, and the references of groups that a
    /// crash lost and no page uses. Its due row, which remembers this work, goes last.
    ///
    /// # Errors
    /// Those of the store; the call may be repeated.
    pub async fn tidy_upload(&self, upload: &Upload, scope: &Scope, now: Timestamp) -> Result<()> {
        let content = upload.content;
        loop {
            let (records, _) = self.content_rows(content, keys::INTENT, None).await?;
            if records.is_empty() {
                break;
            }
            let mut left_over = HashSet::new();
            let mut removals = Vec::new();
            for record in records {
                removals.push(Write::delete(record.key.clone(), Condition::Any));
                left_over.extend(intent_hashes(record)?);
                if left_over.len() >= LEFT_OVER {
                    break;
                }
            }
            self.retain_unused(content, &mut left_over).await?;
            let unused = left_over.into_iter().collect();
            self.release_hashes(&upload.owner, content, scope, unused, now).await?;
            self.records.write(removals).await?;
        }
        self.remove_rows(content, keys::PART).await?;
        self.records.write(vec![DueRow::upload(upload).done()]).await.map(drop)
    }

    /// Takes the hashes that the content's pages use out of `hashes`.
    async fn retain_unused(
        &self,
        content: model::ContentId,
        hashes: &mut HashSet<Sha256>,
    ) -> Result<()> {
        let mut cursor = None;
        loop {
            let (records, next) = self.content_rows(content, keys::PAGE, cursor).await?;
            for record in records {
                let page: Page = row::decode(record.value)?;
                for block in page.blocks {
                    hashes.remove(&block.hash);
                }
            }
            cursor = next;
            if cursor.is_none() || hashes.is_empty() {
                return Ok(());
            }
        }
    }
}
