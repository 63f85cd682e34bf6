//! Files: `file#<id>` / `head` is what an owner sees; `owner#<o>` / `file#<id>` is the owner's index, and
//! `owner#<o>` / `same#<sha256>#<id>` the one by what is in them.

use crate::{
    Catalog, Scope, Stored,
    due::DueRow,
    keys, log,
    row::{self, Row},
    videos::VideoKey,
};
use model::{
    ContentId, Error, ErrorKind, FileId, OwnerId, Result, Sha256, Timestamp, event::EventType,
};
use records::{Condition, Consistency, Direction, Query, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How often a change tries again when another one came between its read and its write.
const CHANGE_TRIES: usize = 16;

/// A file as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// Whose it is.
    pub owner: OwnerId,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// When its first version was stored.
    pub created: Timestamp,
    /// The version that reads get.
    pub current: FileVersion,
}

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVersion {
    /// From 1.
    pub number: u32,
    /// Its bytes.
    pub content: ContentId,
    /// Deduplication scope of its blocks.
    pub scope: Scope,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of all its bytes, once known.
    pub sha256: Option<Sha256>,
    /// When it was stored.
    pub created: Timestamp,
    /// Its video, if it may have one.
    pub video: Option<VideoLink>,
}

/// What is known of a version's video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoLink {
    /// Looks like media; no worker has taken it up yet.
    Wanted,
    /// Held by this version.
    Video(VideoKey),
}

impl Row for File {
    const WHAT: &'static str = "a file";
}

/// An entry of the owner's index; its key says it all.
#[derive(Serialize, Deserialize)]
pub(crate) struct Owned {}

impl Row for Owned {
    const WHAT: &'static str = "an owner's index entry";
}

fn unknown() -> Error {
    Error::not_found("there is no such file; it may have been deleted or belong to another account")
}

impl Catalog {
    /// A file of `owner`.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's.
    pub async fn file(&self, owner: &OwnerId, id: FileId) -> Result<Stored<File>> {
        self.any_file(id).await?.filter(|file| file.value.owner == *owner).ok_or_else(unknown)
    }

    /// A file, whoever owns it: for work that the owner's upload has asked for.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn any_file(&self, id: FileId) -> Result<Option<Stored<File>>> {
        self.records.get(&keys::file(id), Consistency::Strong).await?.map(row::stored).transpose()
    }

    /// An owner's files, newest first, at most `limit`, and the cursor to go on with.
    ///
    /// # Errors
    /// `Invalid` for a cursor that was not given out.
    pub async fn list_files(
        &self,
        owner: &OwnerId,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<File>, Option<String>)> {
        self.indexed_files(owner, keys::OWNED_FILE, limit, cursor).await
    }

    /// An owner's files with these bytes, newest first, at most `limit`, and the cursor to go on with.
    ///
    /// # Errors
    /// `Invalid` for a cursor that was not given out.
    pub async fn files_with(
        &self,
        owner: &OwnerId,
        sha256: Sha256,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<File>, Option<String>)> {
        self.indexed_files(owner, &keys::same_bytes(sha256), limit, cursor).await
    }

    /// The files whose ids stand behind `prefix` in an owner's index.
    async fn indexed_files(
        &self,
        owner: &OwnerId,
        prefix: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<File>, Option<String>)> {
        let query = Query::prefix(keys::owner_partition(owner), prefix)
            .direction(Direction::Descending)
            .limit(limit)
            .cursor(cursor.map(str::to_owned));
        let page = self.records.query(query).await?;
        let ids = page.records.iter().map(|record| record.key.sort[prefix.len()..].parse());
        let keys: Vec<_> = ids.map(|id| id.map(keys::file)).collect::<Result<_>>()?;
        let records = self.records.get_many(&keys, Consistency::Eventual).await?;
        // A file that was deleted since its index entry was read is simply not there.
        let files = records.into_iter().flatten().map(|record| row::decode(record.value));
        Ok((files.collect::<Result<_>>()?, page.cursor))
    }

    /// Gives a file another name.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's; `Busy` where other changes kept coming between.
    pub async fn rename_file(
        &self,
        owner: &OwnerId,
        id: FileId,
        name: &str,
        now: Timestamp,
    ) -> Result<File> {
        let event = log::event(now, EventType::FileRenamed, Some(id), None, json!({"name": name}));
        self.change_file(id, Some(owner), |file| {
            file.name = name.to_owned();
            Ok(vec![log::event_write(&file.owner, &event)?])
        })
        .await
    }

    /// Changes a file and writes, in the same write, what `change` returns besides.
    pub(crate) async fn change_file(
        &self,
        id: FileId,
        owner: Option<&OwnerId>,
        mut change: impl FnMut(&mut File) -> Result<Vec<Write>> + Send,
    ) -> Result<File> {
        for _ in 0..CHANGE_TRIES {
            let found = self.any_file(id).await?;
            let mine = found.filter(|file| owner.is_none_or(|owner| file.value.owner == *owner));
            let mut file = mine.ok_or_else(unknown)?;
            let mut batch = change(&mut file.value)?;
            let condition = Condition::VersionIs(file.version);
            batch.push(row::put(keys::file(id), condition, &file.value)?);
            match self.records.write(batch).await {
                Ok(_) => return Ok(file.value),
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::Busy, "this file is being changed by others; try again"))
    }

    /// Deletes a file. Its blocks and its video are released by what the returned due rows name:
    /// [`Self::release_content`] at once, the sweep of the rest when it comes by.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's; `Busy` where other changes kept coming between.
    pub async fn delete_file(
        &self,
        owner: &OwnerId,
        id: FileId,
        now: Timestamp,
    ) -> Result<Vec<DueRow>> {
        for _ in 0..CHANGE_TRIES {
            let file = self.file(owner, id).await?;
            let version = &file.value.current;
            let mut due = vec![DueRow::content(now, owner, version.content, version.scope.clone())];
            let mut batch = vec![
                Write::delete(keys::file(id), Condition::VersionIs(file.version)),
                Write::delete(keys::owned_file(owner, id), Condition::Any),
            ];
            if let Some(sha256) = version.sha256 {
                batch.push(Write::delete(keys::owned_bytes(owner, sha256, id), Condition::Any));
            }
            if let Some(VideoLink::Video(video)) = &version.video {
                batch.push(crate::videos::unreference(video, owner, id));
                due.push(DueRow::video(now, video));
            }
            for row in &due {
                batch.push(row.write()?);
            }
            let event = log::event(now, EventType::FileDeleted, Some(id), None, json!({}));
            batch.push(log::event_write(owner, &event)?);
            match self.records.write(batch).await {
                Ok(_) => return Ok(due),
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::Busy, "this file is being changed by others; try again"))
    }
}
