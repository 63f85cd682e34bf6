//! Uploads from their creation to their end, and the way to what they became.

use crate::{
    Config, Reader, ScopeRule,
    append::{self, Ended},
    budget::Budget,
    claims::Claims,
    cpu::Cpu,
    fetch::{Fetch, Reads},
    running::Running,
    tail,
};
use catalog::{About, Catalog, Commit, Dialect, Due, File, FileVersion, Stored, Upload};
use chunking::Profile;
use futures::{StreamExt, stream};
use model::{
    ContentId, Error, ErrorKind, FileId, OwnerId, Result, Timestamp, UploadId, upload::UploadState,
};
use objects::ObjectStore;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Contents over a catalog and a store of objects. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) catalog: Catalog,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) scope: ScopeRule,
    pub(crate) profile: Profile,
    pub(crate) chunking: String,
    pub(crate) budget: Budget,
    /// Longest wait for a buffer of the budget.
    pub(crate) patience: Duration,
    pub(crate) claims: Claims,
    pub(crate) cpu: Cpu,
    pub(crate) clock: fn() -> Timestamp,
    fetch: Fetch,
}

/// What an upload is created from.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// Whose it is.
    pub owner: OwnerId,
    /// The protocol it comes in.
    pub dialect: Dialect,
    /// When it ends if it is not complete by then.
    pub expires: Timestamp,
    /// Bytes it will have, where that is known.
    pub length: Option<u64>,
    /// What the file is called and said to be.
    pub about: About,
    /// `Upload-Metadata` exactly as it was sent.
    pub metadata: Option<String>,
}

impl Store {
    /// Contents with their rows in `catalog` and their bytes in `objects`.
    ///
    /// # Errors
    /// `Invalid` for a budget that does not hold two buffers of the profile's.
    pub fn new(catalog: Catalog, objects: Arc<dyn ObjectStore>, config: Config) -> Result<Self> {
        let buffer = config.buffer();
        let Config { scope, profile, budget, read_budget, patience, cache, clock } = config;
        let budget = Budget::new(budget, buffer)?;
        let chunking = serde_json::to_string(&profile).map_err(|error| {
            Error::with_source(ErrorKind::Internal, "a profile cannot be written", error)
        })?;
        let cpu = Cpu::new();
        let reads = Reads { budget: read_budget, cache, patience };
        let fetch = Fetch::new(catalog.clone(), Arc::clone(&objects), cpu.clone(), reads);
        let claims = Claims::default();
        Ok(Self(Arc::new(Inner {
            catalog,
            objects,
            scope,
            profile,
            chunking,
            budget,
            patience,
            claims,
            cpu,
            clock,
            fetch,
        })))
    }

    /// The tables.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// The objects.
    #[must_use]
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.0.objects
    }

    /// Bytes of memory that uploads hold, counted in whole buffers.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.0.budget.used()
    }

    /// Creates an upload. One of length 0 is complete at once.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn create(&self, new: NewUpload) -> Result<Upload> {
        let now = (self.0.clock)();
        let upload = Upload {
            id: UploadId::new(now),
            owner: new.owner,
            dialect: new.dialect,
            created: now,
            expires: new.expires,
            length: new.length,
            about: new.about,
            metadata: new.metadata,
            content: ContentId::new(now),
            file: FileId::new(now),
            state: UploadState::created(),
            tail: Vec::new(),
            hasher: None,
        };
        let created = self.0.catalog.create_upload(upload).await?;
        if created.value.length != Some(0) {
            return Ok(created.value);
        }
        let (owner, id) = (created.value.owner.clone(), created.value.id);
        match self.finish_at_its_length(created).await {
            Ok(upload) => Ok(upload),
            Err(error) => self.abandon(&owner, id, error).await,
        }
    }

    /// Ends an upload that met `cause` before anybody was told of it, and gives back what it holds;
    /// unless it is complete all the same, since only the store's last answer was lost: then it is
    /// returned. Whoever heard of the error would send all of it again, and have it twice.
    ///
    /// # Errors
    /// `cause`, also where the upload could not be ended: the log has why, and its time ends it. Where
    /// `cause` is one that leaves open what happened, nobody knows then what became of it.
    pub async fn abandon(&self, owner: &OwnerId, id: UploadId, cause: Error) -> Result<Upload> {
        let Err(mut error) = self.abort(owner, id).await else { return Err(cause) };
        if error.kind() == ErrorKind::Forbidden {
            match self.0.catalog.upload(owner, id).await {
                Ok(found) if matches!(found.value.state, UploadState::Committed { .. }) => {
                    return Ok(found.value);
                }
                Ok(_) => {}
                Err(unread) => error = unread,
            }
        }
        let (cause_chain, error) = (cause.chain(), error.chain());
        tracing::warn!(upload = %id, cause = cause_chain, error, "an upload was not ended");
        Err(cause)
    }

    /// Takes an upload over and says where it stands: no append that was under way moves it any more.
    /// One that has all its bytes, but lost the process that was to finish it, is finished now.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's; `Gone` for one that was aborted or has expired; `Busy`
    /// where too many ask at once, or there is no memory to finish it.
    pub async fn take_over(&self, owner: &OwnerId, id: UploadId) -> Result<Upload> {
        let held = self.0.catalog.take_over(owner, id, None, (self.0.clock)()).await?;
        match held.value.state {
            UploadState::Open { offset, .. } if held.value.length == Some(offset) => {
                self.finish_at_its_length(held).await
            }
            _ => Ok(held.value),
        }
    }

    /// Ends an upload that is not complete, and gives back what it holds.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's; `Forbidden` for one that is complete, `Gone` for one that
    /// has ended.
    pub async fn abort(&self, owner: &OwnerId, id: UploadId) -> Result<()> {
        let now = (self.0.clock)();
        let upload = self.0.catalog.abort_upload(owner, id, now).await?.value;
        self.0.release(&upload, now).await
    }

    /// Deletes a file and releases its blocks; the sweep collects those that nobody else holds.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's.
    pub async fn delete_file(&self, owner: &OwnerId, file: FileId) -> Result<()> {
        let now = (self.0.clock)();
        let rows = self.0.catalog.delete_file(owner, file, now).await?;
        for row in rows.iter().filter(|row| matches!(row.due, Due::Content { .. })) {
            self.0.catalog.release_content(row, now).await?;
        }
        Ok(())
    }

    /// The bytes of a version. Costs nothing until it is read.
    #[must_use]
    pub fn reader(&self, version: &FileVersion) -> Reader {
        Reader::new(self.0.fetch.clone(), version)
    }

    /// The file that a complete upload became.
    pub(crate) async fn file_of(&self, upload: &Upload) -> Result<File> {
        match upload.state {
            UploadState::Committed { file, .. } => {
                self.0.catalog.file(&upload.owner, file).await.map(|found| found.value)
            }
            _ => Err(Error::conflict("this upload is no file")),
        }
    }

    /// Finishes an upload that has all its bytes: the end of an append that brings none.
    async fn finish_at_its_length(&self, held: Stored<Upload>) -> Result<Upload> {
        let (owner, id) = (held.value.owner.clone(), held.value.id);
        let (nothing, stop) = (stream::empty().boxed(), CancellationToken::new());
        let finished = append::run(Arc::clone(&self.0), held, nothing, 0, false, stop).await;
        match finished.map(|done| done.ended) {
            Ok(Ended::Complete(_)) => {}
            Ok(Ended::NoMemory) => return Err(crate::no_memory()),
            // Whoever took it over finishes it, or has.
            Err(error) if error.kind() == ErrorKind::Cancelled => {}
            Ok(_) => return Err(Error::internal("a complete upload was not finished")),
            Err(error) => return Err(error),
        }
        self.0.catalog.upload(&owner, id).await.map(|upload| upload.value)
    }
}

impl Inner {
    /// Makes the file of an upload whose bytes are all durable blocks.
    pub(crate) async fn finish(&self, held: &Stored<Upload>, running: Running) -> Result<File> {
        let upload = &held.value;
        let commit = Commit {
            looks_like_media: running.looks_like_media(),
            sha256: Some(running.sha256()),
            chunking: self.chunking.clone(),
            scope: self.scope.of(&upload.owner),
            now: (self.clock)(),
        };
        let file = self.catalog.commit(held, commit).await?;
        // From here on nothing may fail: the file is there. What is not tidied now, its due row names.
        if let Err(error) = self.tidy(upload).await {
            tracing::warn!(upload = %upload.id, error = error.chain(), "upload not tidied");
        }
        Ok(file)
    }

    /// Gives back what an upload held that has ended without a file.
    pub(crate) async fn release(&self, upload: &Upload, now: Timestamp) -> Result<()> {
        tail::discard_all(&*self.objects, upload.id).await?;
        self.catalog.release_upload(upload, &self.scope.of(&upload.owner), now).await
    }

    /// Removes what an upload needed on its way to its file.
    pub(crate) async fn tidy(&self, upload: &Upload) -> Result<()> {
        // Its writers deleted their own tails, if they lived and the store did.
        tail::discard_all(&*self.objects, upload.id).await?;
        self.catalog.tidy_upload(upload, &self.scope.of(&upload.owner), (self.clock)()).await
    }
}
