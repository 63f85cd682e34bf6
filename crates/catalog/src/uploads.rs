//! Uploads: `upload#<id>` / `head` says what it is, who holds it and how it ended; `/ progress` how far
//! it has come.
//!
//! Two rows, because they have different writers: a take-over or an end writes `head` on its version,
//! and every checkpoint checks `head` and writes `progress`. So a checkpoint leaves the version that
//! its holder knows as it was, and one of an older epoch fails.

use crate::{
    Catalog, Stored,
    due::DueRow,
    keys, log,
    row::{self, Row},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{
    ByteRange, ContentId, Error, ErrorKind, FileId, OwnerId, Result, Sha256, Timestamp, UploadId,
    event::EventType,
    upload::{UploadState, stands_at},
};
use records::{Condition, Consistency};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How often a take-over tries again when another one came between its read and its write.
const TAKE_OVER_TRIES: usize = 16;

/// The protocol an upload was created in; HEAD and DELETE answer in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// tus 1.0.
    Tus,
    /// A POST with the whole body.
    Plain,
}

/// What a file is called and said to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Name to show and to download as; already made safe.
    pub name: String,
    /// Media type as the client said, or a guess from the name.
    pub media_type: String,
    /// Path within a folder that was uploaded as a whole.
    pub relative_path: Option<String>,
}

/// A stored piece of an upload's bytes behind its last block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailPiece {
    /// Name of the object that holds exactly these bytes.
    pub object: String,
    /// Which bytes of the upload.
    pub range: ByteRange,
    /// Their SHA-256: they are read back before they become part of a block, and a block's own hash
    /// would bless whatever was read.
    pub sha256: Sha256,
}

/// The state of the whole file's SHA-256 after the durable offset; opaque here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HasherState(pub Vec<u8>);

impl From<HasherState> for String {
    fn from(state: HasherState) -> Self {
        STANDARD.encode(state.0)
    }
}

impl TryFrom<String> for HasherState {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        STANDARD.decode(text).map(Self).map_err(|error| {
            Error::with_source(ErrorKind::Internal, "a hasher's state is not base64", error)
        })
    }
}

/// An upload as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// Whose it is.
    pub owner: OwnerId,
    /// The protocol it was created in.
    pub dialect: Dialect,
    /// When.
    pub created: Timestamp,
    /// When it ends if it is not complete by then.
    pub expires: Timestamp,
    /// Bytes it will have, where that is known.
    pub length: Option<u64>,
    /// What the file is called and said to be.
    pub about: About,
    /// `Upload-Metadata` exactly as it was sent.
    pub metadata: Option<String>,
    /// The content that its blocks make.
    pub content: ContentId,
    /// The file it becomes. Chosen at creation, so that finishing twice gives one file.
    pub file: FileId,
    /// Where it stands.
    pub state: UploadState,
    /// Durable bytes behind the last block, in order.
    pub tail: Vec<TailPiece>,
    /// The whole file's hash so far.
    pub hasher: Option<HasherState>,
}

/// The row `head`: all that a checkpoint leaves alone. While open, its offset is that of the last
/// take-over; the row `progress` has the true one.
#[derive(Serialize, Deserialize)]
pub(crate) struct Head {
    owner: OwnerId,
    dialect: Dialect,
    created: Timestamp,
    expires: Timestamp,
    length: Option<u64>,
    about: About,
    metadata: Option<String>,
    content: ContentId,
    file: FileId,
    state: UploadState,
}

impl Row for Head {
    const WHAT: &'static str = "an upload's row";
}

/// The row `progress`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Progress {
    offset: u64,
    tail: Vec<TailPiece>,
    hasher: Option<HasherState>,
}

impl Row for Progress {
    const WHAT: &'static str = "an upload's progress";
}

impl Upload {
    pub(crate) fn head(&self) -> Head {
        Head {
            owner: self.owner.clone(),
            dialect: self.dialect,
            created: self.created,
            expires: self.expires,
            length: self.length,
            about: self.about.clone(),
            metadata: self.metadata.clone(),
            content: self.content,
            file: self.file,
            state: self.state.clone(),
        }
    }

    pub(crate) fn progress(&self) -> Result<Progress> {
        let (offset, _) = self.state.open()?;
        Ok(Progress { offset, tail: self.tail.clone(), hasher: self.hasher.clone() })
    }

    /// Bytes that are durable, whatever the state; `None` once nothing is kept.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        match self.state {
            UploadState::Open { offset, .. } | UploadState::Sealed { offset } => Some(offset),
            UploadState::Committed { .. } => self.length,
            UploadState::Aborted | UploadState::Expired => None,
        }
    }

    fn assemble(id: UploadId, head: Head, progress: Option<Progress>) -> Self {
        let mut upload = Self {
            id,
            owner: head.owner,
            dialect: head.dialect,
            created: head.created,
            expires: head.expires,
            length: head.length,
            about: head.about,
            metadata: head.metadata,
            content: head.content,
            file: head.file,
            state: head.state,
            tail: Vec::new(),
            hasher: None,
        };
        if let (UploadState::Open { offset, .. }, Some(progress)) = (&mut upload.state, progress) {
            *offset = progress.offset;
            upload.tail = progress.tail;
            upload.hasher = progress.hasher;
        }
        upload
    }
}

fn unknown() -> Error {
    Error::not_found("there is no such upload; it may belong to another account")
}

impl Catalog {
    /// Writes a new upload, and says so in its owner's history.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn create_upload(&self, upload: Upload) -> Result<Stored<Upload>> {
        let event = log::event(
            upload.created,
            EventType::UploadCreated,
            None,
            Some(upload.id),
            json!({"name": upload.about.name, "length": upload.length}),
        );
        let versions = self
            .records
            .write(vec![
                row::put(keys::upload(upload.id), Condition::Absent, &upload.head())?,
                row::put(keys::progress(upload.id), Condition::Absent, &upload.progress()?)?,
                DueRow::upload(&upload).write()?,
                log::event_write(&upload.owner, &event)?,
            ])
            .await?;
        Ok(Stored { version: log::first_version(&versions)?, value: upload })
    }

    /// An upload as it stands. Its offset may move on at once; [`Self::take_over`] stops that.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's.
    pub async fn upload(&self, owner: &OwnerId, id: UploadId) -> Result<Stored<Upload>> {
        // In this order: whoever changed `head` since has left `progress` final.
        let head = self.records.get(&keys::upload(id), Consistency::Strong).await?;
        let progress = self.records.get(&keys::progress(id), Consistency::Strong).await?;
        let head: Stored<Head> = row::stored(head.ok_or_else(unknown)?)?;
        if head.value.owner != *owner {
            return Err(unknown());
        }
        let progress = progress.map(|record| row::decode(record.value)).transpose()?;
        Ok(Stored { value: Upload::assemble(id, head.value, progress), version: head.version })
    }

    /// Becomes the upload's one writer: checks `at` against the offset (for an append), then raises the
    /// epoch. What is returned is final: no older writer can move it any more. An upload that has ended
    /// well is returned as it is.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's; those of [`UploadState::take_over`].
    pub async fn take_over(
        &self,
        owner: &OwnerId,
        id: UploadId,
        at: Option<u64>,
        now: Timestamp,
    ) -> Result<Stored<Upload>> {
        for _ in 0..TAKE_OVER_TRIES {
            let mut upload = self.upload(owner, id).await?;
            let complete = matches!(
                upload.value.state,
                UploadState::Committed { .. } | UploadState::Sealed { .. }
            );
            if let (true, Some(offset)) = (complete, upload.value.offset()) {
                // The offset is judged first, whatever the state.
                let fits = at.is_none_or(|at| at == offset);
                return if fits { Ok(upload) } else { Err(stands_at(offset)) };
            }
            upload.value.state = upload.value.state.take_over(at, upload.value.expires, now)?;
            let raised = row::put(
                keys::upload(id),
                Condition::VersionIs(upload.version),
                &upload.value.head(),
            )?;
            let raised = match self.records.write(vec![raised]).await {
                Ok(versions) => log::first_version(&versions)?,
                Err(error) if error.kind() == ErrorKind::Conflict => continue,
                Err(error) => return Err(error),
            };
            // A checkpoint of the writer before may have landed between the read and the write, so the
            // offset is read, and `at` checked, once more; and whoever has come since goes first.
            let taken = self.upload(owner, id).await?;
            if taken.version != raised {
                continue;
            }
            taken.value.state.take_over(at, taken.value.expires, now)?;
            return Ok(taken);
        }
        Err(Error::new(
            ErrorKind::Busy,
            "many requests want this upload at once; send one at a time and try again",
        ))
    }

    /// Ends an upload because its owner says so. What it holds is released by
    /// [`Self::release_upload`]; its due row remembers that until then.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's; those of [`UploadState::abort`]; `Busy` where takers-over
    /// kept coming between.
    pub async fn abort_upload(
        &self,
        owner: &OwnerId,
        id: UploadId,
        now: Timestamp,
    ) -> Result<Stored<Upload>> {
        let abort = |upload: &Upload| upload.state.abort();
        self.end_upload(owner, id, now, EventType::UploadAborted, abort).await
    }

    /// Ends an upload because its time is over; what it holds is released as after an abort.
    ///
    /// # Errors
    /// `NotFound`; those of [`UploadState::expire`]; `Busy` where takers-over kept coming between.
    pub async fn expire_upload(
        &self,
        owner: &OwnerId,
        id: UploadId,
        now: Timestamp,
    ) -> Result<Stored<Upload>> {
        let expire = |upload: &Upload| upload.state.expire(upload.expires, now);
        self.end_upload(owner, id, now, EventType::UploadExpired, expire).await
    }

    /// Ends an upload without a file, and says so in its owner's history.
    async fn end_upload(
        &self,
        owner: &OwnerId,
        id: UploadId,
        now: Timestamp,
        how: EventType,
        end: impl Fn(&Upload) -> Result<UploadState>,
    ) -> Result<Stored<Upload>> {
        for _ in 0..TAKE_OVER_TRIES {
            let mut upload = self.upload(owner, id).await?;
            upload.value.state = end(&upload.value)?;
            let event = log::event(now, how, None, Some(id), json!({}));
            let written = self
                .records
                .write(vec![
                    row::put(
                        keys::upload(id),
                        Condition::VersionIs(upload.version),
                        &upload.value.head(),
                    )?,
                    log::event_write(owner, &event)?,
                ])
                .await;
            match written {
                Ok(versions) => {
                    upload.version = log::first_version(&versions)?;
                    return Ok(upload);
                }
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::Busy, "this upload is being written to; try again"))
    }
}
