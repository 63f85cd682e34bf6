//! Uploads, carried out: what a [`Command`] does to the store, whichever protocol said it.
//!
//! Bytes go from the body into the store in a task of their own, so that a client that leaves does not
//! take the checkpoint of what it sent with it. One request at a time writes an upload in this process;
//! the newest wins, and waits for the one before to make its bytes durable.

use crate::{
    active::{Active, Hold, stopped},
    body::{Intake, was_lost},
    settings::Settings,
};
use access::Access;
use axum::http::request::Parts;
use catalog::{Dialect, File, Upload, VideoLink, jobs::Job};
use content::{Appended, Cleared, Ended, NewUpload, Store};
use futures::StreamExt as _;
use model::{
    Error, ErrorKind, FileId, OwnerId, Result, Timestamp, UploadId,
    upload::{UploadState, stands_at},
};
use queue::{JobQueue, Outgoing};
use resumable::{Append, Create, Limits, Outcome, Standing, overrun};
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a client whose bytes are all durable waits for the job of its file to be sent.
const ANNOUNCE: Duration = Duration::from_secs(3);

/// The uploads of this process. Cheap to clone.
#[derive(Clone)]
pub struct Uploads {
    store: Store,
    queue: Arc<dyn JobQueue>,
    access: Access,
    settings: Arc<Settings>,
    active: Active,
    tasks: TaskTracker,
}

impl Uploads {
    /// Uploads into `store`, in the name of whom `access` knows. `queue`, the one of quick jobs, takes
    /// those of files that look like media. Once `shutdown` is cancelled every request under way ends
    /// with a checkpoint, and no new one begins.
    #[must_use]
    pub fn new(
        store: Store,
        queue: Arc<dyn JobQueue>,
        access: Access,
        settings: Settings,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            store,
            queue,
            access: access.allow_origins(settings.cors.origins()),
            settings: Arc::new(settings),
            active: Active::new(shutdown),
            tasks: TaskTracker::new(),
        }
    }

    /// Waits until what was under way at shutdown has made its last checkpoint, also for clients that
    /// have left. To be bounded by the caller's grace period.
    pub async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Until shutdown: ends uploads whose time is over and clears away what crashes left, every
    /// [`Settings::clear_every`]. To be called once.
    pub fn keep_clearing(&self) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let shutdown = this.active.shutdown();
            let mut turns = tokio::time::interval(this.settings.clear_every);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while shutdown.run_until_cancelled(turns.tick()).await.is_some() {
                match this.store.clear_due(Timestamp::now(), &shutdown).await {
                    Ok(cleared) if cleared == Cleared::default() => {}
                    Ok(Cleared { done, failed }) => tracing::info!(done, failed, "cleared"),
                    Err(error) => tracing::warn!(cause = error.chain(), "nothing was cleared"),
                }
            }
        });
    }

    /// How many uploads are being written at this moment.
    #[must_use]
    pub fn active(&self) -> usize {
        self.active.count()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits { max_size: self.settings.max_size }
    }

    /// In whose name a request acts.
    ///
    /// # Errors
    /// Those of [`Access::identify`].
    pub(crate) async fn caller(&self, parts: &Parts) -> Result<OwnerId> {
        let owner = self.access.identify(parts).await?;
        service::note_owner(&parts.extensions, &owner);
        Ok(owner)
    }

    /// The upload as it stands, without disturbing who writes it.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's.
    pub(crate) async fn find(&self, owner: &OwnerId, id: UploadId) -> Result<Upload> {
        Ok(self.store.catalog().upload(owner, id).await?.value)
    }

    /// Makes an upload and takes in the bytes that come along.
    ///
    /// # Errors
    /// `TooLarge` for a body that goes beyond the upload; for a whole file in one request, whatever
    /// keeps it from being whole. Nothing is kept then. Where only the bytes that came along met an
    /// error, the upload stands, and its offset says what was kept.
    pub(crate) async fn create(
        &self,
        owner: OwnerId,
        dialect: Dialect,
        create: Create,
        mut body: Intake,
    ) -> Result<Outcome> {
        if self.active.is_shut_down() {
            return Err(stopped());
        }
        if create.about.file.is_some() {
            return Err(Error::invalid(
                "new versions of a file are not taken yet; leave `file` out of Upload-Metadata to make \
                 a new file",
            ));
        }
        // Complete at once, it would never look at its body.
        let takes_nothing = create.has_body && create.length == Some(0);
        if takes_nothing && body.next().await.transpose()?.is_some() {
            return Err(overrun(0));
        }
        let expires = Timestamp::now().checked_add(self.settings.expiry).unwrap_or(Timestamp::MAX);
        let new = NewUpload {
            owner,
            dialect,
            expires,
            length: create.length,
            about: catalog::About {
                name: create.about.name,
                media_type: create.about.media_type,
                relative_path: create.about.relative_path,
            },
            metadata: create.metadata,
        };
        let this = self.clone();
        // The whole of it goes on without its client: one that leaves halfway leaves nothing behind.
        self.run(async move {
            let upload = this.store.create(new).await?;
            let mut standing = standing(&upload)?;
            if create.has_body && standing.file.is_none() {
                standing = this.create_from(&upload, create.whole, body).await?;
            }
            Ok(Outcome::Created { location: format!("/uploads/{}", upload.id), standing })
        })
        .await
    }

    async fn create_from(&self, upload: &Upload, whole: bool, body: Intake) -> Result<Standing> {
        let append = content::Append {
            owner: upload.owner.clone(),
            id: upload.id,
            at: 0,
            limit: self.limits().most(upload.length),
            closes: whole,
        };
        let hold = self.active.take(upload.id, self.settings.patience).await;
        match self.pour(append, body, &hold).await {
            // Nobody was told its address, or nobody could go on with it.
            Err(error) if whole || error.kind() == ErrorKind::TooLarge || was_lost(&error) => {
                let complete = self.store.abandon(&upload.owner, upload.id, error).await?;
                self.announce_of(&complete).await;
                standing(&complete)
            }
            Err(error) => {
                tracing::info!(
                    upload = %upload.id, cause = error.chain(), "created, not all taken in"
                );
                standing(&self.find(&upload.owner, upload.id).await?)
            }
            Ok((standing, file)) => {
                if let Some(file) = file {
                    self.announce(&file).await;
                }
                Ok(standing)
            }
        }
    }

    /// Adds the body to the upload's end.
    ///
    /// # Errors
    /// `Conflict` where the upload does not stand at the append's offset; `Invalid` and `TooLarge` for
    /// what does not fit it; `Forbidden` where it is complete; `Gone` where it has ended; `Cancelled`
    /// where the body broke off or the request had to stop: what came is kept.
    pub(crate) async fn append(
        &self,
        upload: &Upload,
        append: Append,
        body: Intake,
    ) -> Result<Outcome> {
        // Judged before anybody is disturbed; the store judges once more when it has taken over. The
        // offset comes first: a wrong one is a conflict whatever else is wrong (tus 1.0, PATCH).
        if let Some(offset) = upload.offset()
            && append.offset != offset
        {
            return Err(stands_at(offset));
        }
        if let UploadState::Open { .. } = upload.state {
            append.check(upload.length, &self.limits())?;
        }
        let hold = self.active.take(upload.id, self.settings.patience).await;
        let this = self.clone();
        let append = content::Append {
            owner: upload.owner.clone(),
            id: upload.id,
            at: append.offset,
            limit: self.limits().most(upload.length),
            closes: false,
        };
        let is_open = matches!(upload.state, UploadState::Open { .. });
        self.run(async move {
            let (standing, file) = this.pour(append, body, &hold).await?;
            if let Some(file) = file.filter(|_| is_open) {
                this.announce(&file).await;
            }
            Ok(standing)
        })
        .await
        .map(Outcome::Appended)
    }

    /// Where the upload stands. Whoever was writing it stops first, so that the offset is accepted next.
    ///
    /// # Errors
    /// `Gone` where it was ended or has expired.
    pub(crate) async fn status(&self, upload: &Upload) -> Result<Outcome> {
        if let UploadState::Committed { .. } = upload.state {
            return standing(upload).map(Outcome::Status);
        }
        // It is answered though somebody newer may have come meanwhile, who waits for it.
        let hold = self.active.take(upload.id, self.settings.patience).await;
        let (this, owner, id) = (self.clone(), upload.owner.clone(), upload.id);
        self.run(async move {
            let _hold = hold;
            let upload = this.store.take_over(&owner, id).await?;
            let standing = standing(&upload)?;
            if standing.file.is_some() {
                // It stood at its end: a crash had come between its last byte and its file.
                this.announce_of(&upload).await;
            }
            Ok(standing)
        })
        .await
        .map(Outcome::Status)
    }

    /// Ends the upload and forgets its bytes.
    ///
    /// # Errors
    /// `Forbidden` where it is complete; `Gone` where it has ended already.
    pub(crate) async fn abort(&self, upload: &Upload) -> Result<Outcome> {
        if let UploadState::Committed { file, .. } = upload.state {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!("this upload is complete; delete its file {file} instead"),
            ));
        }
        let hold = self.active.take(upload.id, self.settings.patience).await;
        let (this, owner, id) = (self.clone(), upload.owner.clone(), upload.id);
        self.run(async move {
            let _hold = hold;
            this.store.abort(&owner, id).await
        })
        .await
        .map(|()| Outcome::Aborted)
    }

    /// Pours the body into the store; ends once what came is durable.
    async fn pour(
        &self,
        append: content::Append,
        body: Intake,
        hold: &Hold,
    ) -> Result<(Standing, Option<File>)> {
        // One for which a newer one waits already still takes what has arrived.
        if self.active.is_shut_down() {
            return Err(stopped());
        }
        let limit = append.limit;
        let Appended { offset, ended } =
            self.store.append(append, body, hold.stop().clone()).await?;
        let file = match ended {
            Ended::Complete(file) => Some(file),
            Ended::BodyEnded => None,
            Ended::BodyFailed(cause) => {
                return Err(match cause.downcast::<Error>() {
                    Ok(error) => *error,
                    Err(cause) => {
                        Error::with_source(ErrorKind::Cancelled, "the body broke off", cause)
                    }
                });
            }
            Ended::TooLong => return Err(overrun(limit)),
            Ended::Stopped => return Err(stopped()),
            Ended::NoMemory => {
                return Err(Error::new(
                    ErrorKind::Busy,
                    "all memory for uploads is in use; ask with HEAD where the upload stands and go on \
                     from there in a moment",
                ));
            }
        };
        let id = file.as_ref().map(|file| file.id);
        Ok((Standing { offset, file: id, ..Standing::default() }, file))
    }

    /// Sends the job of a file that looks like media. It stands in the log too, written with the file:
    /// what is not sent here is found there, so that nothing that fails here is the client's business.
    async fn announce(&self, file: &File) {
        left_to_the_relay(file.id, self.send_job(file)).await;
    }

    /// The same for the file of a complete upload.
    async fn announce_of(&self, upload: &Upload) {
        let sent = async {
            let file = self.store.catalog().file(&upload.owner, upload.file).await?;
            self.send_job(&file.value).await
        };
        left_to_the_relay(upload.file, sent).await;
    }

    async fn send_job(&self, file: &File) -> Result<()> {
        if file.current.video != Some(VideoLink::Wanted) {
            return Ok(());
        }
        let job = Job::Probe { file: file.id }.encode()?;
        self.queue.send(vec![Outgoing::now(job)]).await
    }

    /// Runs `work` in a task that goes on when the client leaves.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.tasks.spawn(work).await.unwrap_or_else(|panic| {
            Err(Error::with_source(ErrorKind::Internal, "the task of an upload broke off", panic))
        })
    }
}

/// Waits a moment for the job of `file` to be `sent`; where it is not, the log of this process says so.
async fn left_to_the_relay(file: FileId, sent: impl Future<Output = Result<()>>) {
    let sent = timeout(ANNOUNCE, sent).await.unwrap_or_else(|late| {
        let sentence = "the queue of jobs, or the records, take too long";
        Err(Error::with_source(ErrorKind::Unavailable, sentence, late))
    });
    if let Err(error) = sent {
        tracing::warn!(%file, cause = error.chain(), "a job is left to the relay");
    }
}

/// What there is to say of an upload.
fn standing(upload: &Upload) -> Result<Standing> {
    let offset = upload
        .offset()
        .ok_or_else(|| Error::new(ErrorKind::Gone, "this upload has ended; start a new one"))?;
    let file = match upload.state {
        UploadState::Committed { file, .. } => Some(file),
        _ => None,
    };
    Ok(Standing { offset, length: upload.length, metadata: upload.metadata.clone(), file })
}
