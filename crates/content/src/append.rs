//! One append: the stages side by side, and what became of it.

use crate::{
    Store, digest,
    ingest::Ingest,
    prepare,
    receive::{Body, Receive},
    running::Running,
    settle::{self, Settled},
    store::Inner,
};
use bytes::Bytes;
use catalog::{File, Stored, Upload};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use model::{Error, ErrorKind, OwnerId, Result, UploadId, upload::UploadState};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// What a body may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Which upload gets bytes, and where.
#[derive(Debug, Clone)]
pub struct Append {
    /// Who asks.
    pub owner: OwnerId,
    /// For which upload.
    pub id: UploadId,
    /// Offset of the body's first byte; that of the upload, or nothing is taken.
    pub at: u64,
    /// Most bytes that an upload of unknown length may have in all.
    pub limit: u64,
    /// Whether the body's end is the upload's: for an upload of unknown length in one request.
    pub closes: bool,
}

/// What became of an append.
#[derive(Debug)]
pub struct Appended {
    /// Bytes of the upload that are durable; the next append goes on there.
    pub offset: u64,
    /// How it ended.
    pub ended: Ended,
}

/// How an append ended.
#[derive(Debug)]
pub enum Ended<F = File> {
    /// The upload is complete; this is its file.
    Complete(F),
    /// The body ended before the upload.
    BodyEnded,
    /// The body failed, as by a lost connection. What came of it is durable.
    BodyFailed(BoxError),
    /// The body went on beyond the upload's length. Nothing behind the length is kept, and the upload
    /// is not completed by this request.
    TooLong,
    /// It was told to stop.
    Stopped,
    /// No memory came free for its bytes in time.
    NoMemory,
}

/// What all stages of one append know.
pub(crate) struct Context {
    pub(crate) store: Arc<Inner>,
    pub(crate) ingest: Ingest,
}

impl Store {
    /// Appends `body` to an upload, and finishes the upload if that completes it. What has come becomes
    /// durable about once a second, and at the end whatever the end is.
    ///
    /// It runs in a task of its own: to stop it early is to cancel `stop`, not to drop the future, so
    /// that a lost connection still leads to a checkpoint. Told to stop, it takes what has arrived, as
    /// far as that needs no waiting. Before an upload is taken over within this
    /// process, the append that holds it should be stopped and waited for (not for ever: a taken-over
    /// append fails by itself).
    ///
    /// # Errors
    /// Nothing of the body was read: `NotFound`, also for somebody else's; `Conflict` where the upload
    /// does not stand at `at`; `Forbidden` for a complete and `Gone` for an ended one. Else the last
    /// checkpoint stands, and HEAD tells where: `Cancelled` where another process took over; `NoSpace`,
    /// `Busy`, `Unavailable` of the stores; `Damaged` where a stored tail is not what it was.
    pub async fn append<S, E>(
        &self,
        append: Append,
        body: S,
        stop: CancellationToken,
    ) -> Result<Appended>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        let now = (self.0.clock)();
        let catalog = &self.0.catalog;
        let held = catalog.take_over(&append.owner, append.id, Some(append.at), now).await?;
        let body: Body = body.map_err(Into::into).boxed();
        if !matches!(held.value.state, UploadState::Open { .. }) {
            return self.after_the_end(&held.value, append.at, body).await;
        }
        let store = Arc::clone(&self.0);
        let task = async move { run(store, held, body, append.limit, append.closes, stop).await };
        match tokio::spawn(task).await {
            Ok(appended) => appended,
            Err(error) => Err(Error::with_source(ErrorKind::Internal, "an append was lost", error)),
        }
    }

    /// An append to an upload that is complete already: fine, if it brings nothing.
    async fn after_the_end(
        &self,
        upload: &Upload,
        offset: u64,
        mut body: Body,
    ) -> Result<Appended> {
        while let Some(frame) = body.next().await {
            match frame {
                Ok(frame) if frame.is_empty() => {}
                Ok(_) => {
                    upload.state.open()?;
                    return Ok(Appended { offset, ended: Ended::TooLong });
                }
                Err(error) => return Ok(Appended { offset, ended: Ended::BodyFailed(error) }),
            }
        }
        let file = self.file_of(upload).await?;
        Ok(Appended { offset, ended: Ended::Complete(file) })
    }
}

/// Runs the stages for the upload that `held` writes.
pub(crate) async fn run(
    store: Arc<Inner>,
    held: Stored<Upload>,
    body: Body,
    limit: u64,
    closes: bool,
    stop: CancellationToken,
) -> Result<Appended> {
    let upload = &held.value;
    let start = Settled::of(upload)?;
    let running = match &upload.hasher {
        Some(state) => Running::restore(state)?,
        None if start.offset == 0 => Running::new(),
        None => return Err(Error::internal("an upload has bytes but no hash of them")),
    };
    let ingest = Ingest {
        catalog: store.catalog.clone(),
        scope: store.scope.of(&upload.owner),
        claims: store.claims.clone(),
    };
    let length = upload.length;
    let context = Arc::new(Context { store: Arc::clone(&store), ingest });

    let (settled_in, settled_out) = watch::channel(start);
    // Rooms of one: what waits, waits where it is, and the places in flight bound it all.
    let (pieces_in, pieces_out) = mpsc::channel(1);
    let (named_in, named_out) = mpsc::channel(crate::receive::MAX_IN_FLIGHT);
    let (groups_in, groups_out) = mpsc::channel(1);
    let receive = Receive::new(Arc::clone(&context), stop, pieces_in, settled_out, length, limit);
    let prepare_held = Stored { value: held.value.clone(), version: held.version };
    let (ended, running, (), held) = tokio::try_join!(
        receive.run(body, closes).boxed(),
        digest::run(Arc::clone(&context), running, pieces_out, named_in).boxed(),
        prepare::run(Arc::clone(&context), prepare_held, named_out, groups_in).boxed(),
        settle::run(Arc::clone(&context), held, groups_out, settled_in).boxed(),
    )?;
    let (offset, _) = held.value.state.open()?;
    let ended = match ended.ok_or_else(|| Error::internal("a stage of an append ended early"))? {
        Ended::Complete(()) => Ended::Complete(store.finish(&held, running).await?),
        Ended::BodyEnded => Ended::BodyEnded,
        Ended::BodyFailed(error) => Ended::BodyFailed(error),
        Ended::TooLong => Ended::TooLong,
        Ended::Stopped => Ended::Stopped,
        Ended::NoMemory => Ended::NoMemory,
    };
    Ok(Appended { offset, ended })
}
