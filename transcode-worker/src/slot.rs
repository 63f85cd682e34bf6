//! Loops that take jobs: each one at a time, from its delivery to its end. Those that take tasks share
//! the slots: a task has one as long as its child works.

use crate::{attempt::DEFECT, keep::Hold, worker::Worker};
use catalog::{jobs::Job, videos::TaskId};
use model::{Error, ErrorKind, Result};
use queue::{Delivery, JobQueue, MAX_DELAY, Outgoing};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long a loop rests when the queue does not answer; twice as long each time, up to the second.
const QUEUE_REST: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How long a job rests that met a store which is away.
const OUTAGE_REST: Duration = Duration::from_secs(15);

/// Deliveries after which a job that fails for no known reason is buried.
const TOO_OFTEN: u32 = 4;
/// Before the queue puts it aside without a reason.
const _: () = assert!(TOO_OFTEN < queue::sqs::MIN_RECEIVES);

/// Deliveries after which a job whose task was claimed goes on as a new message. Only crashes deliver a
/// job so often, and the queue would bury it; how often a task may be begun is the tables' to say.
const RENEW: u32 = 3;

/// What becomes of a job's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// There is nothing left to do.
    Done,
    /// Look at it again so much later.
    Later(Duration),
    /// Look at it again at once.
    Return,
}

/// A delivered job's message.
#[derive(Debug)]
pub(crate) struct Message {
    queue: Arc<dyn JobQueue>,
    hold: Hold,
    body: String,
    receives: u32,
    slot: Option<Slot>,
}

/// The right to have a child at work; its drop gives it to the next.
pub(crate) type Slot = OwnedSemaphorePermit;

impl Message {
    /// The slot that was taken for the job, once.
    pub(crate) fn take_slot(&mut self) -> Option<Slot> {
        self.slot.take()
    }

    /// Goes on as a new message where this one was delivered so often that the queue might bury it.
    pub(crate) async fn renew(&mut self, worker: &Worker) -> Result<()> {
        if self.receives >= RENEW {
            self.put_off(worker.config.lease * 2).await?;
        }
        Ok(())
    }

    /// The job comes again in a new message, in `time`; one that was lost comes again by itself.
    async fn put_off(&self, time: Duration) -> Result<()> {
        if self.hold.is_lost() {
            return Ok(());
        }
        let delay = time.min(MAX_DELAY);
        self.queue.send(vec![Outgoing { body: self.body.clone(), delay }]).await?;
        self.end().await
    }

    async fn end(&self) -> Result<()> {
        match self.hold.take() {
            Some(receipt) => self.queue.delete(&receipt).await,
            None => Ok(()),
        }
    }

    /// Anybody may have it, at once.
    async fn give_back(&self) -> Result<()> {
        match self.hold.take_settled().await {
            Some(receipt) => self.queue.extend(&receipt, Duration::ZERO).await,
            None => Ok(()),
        }
    }
}

/// Takes jobs from `queue` until told to stop; each only with one of `slots`, where there are any. A job
/// without a slot is left to other workers.
pub(crate) async fn run(
    worker: Arc<Worker>,
    queue: Arc<dyn JobQueue>,
    slots: Option<Arc<Semaphore>>,
    stop: CancellationToken,
) {
    let (mut rest, longest) = QUEUE_REST;
    while !stop.is_cancelled() {
        let (lease, wait) = (worker.config.lease, worker.config.wait);
        let take = async {
            let slot = match &slots {
                Some(slots) => Some(slots.clone().acquire_owned().await.map_err(closed)?),
                None => None,
            };
            Ok::<_, Error>((slot, queue.receive(1, lease, wait).await?))
        };
        let received = tokio::select! {
            // What has come is not thrown away.
            biased;
            received = take => received,
            () = stop.cancelled() => return,
        };
        match received {
            Ok((slot, deliveries)) => {
                rest = QUEUE_REST.0;
                if let Some(Delivery { receipt, body, receives, .. }) =
                    deliveries.into_iter().next()
                {
                    let hold = Hold::new(queue.clone(), receipt);
                    let message = Message { queue: queue.clone(), hold, body, receives, slot };
                    // In a task of its own, so that a defect ends the job and not the loop.
                    let job = tokio::spawn(handle(worker.clone(), message, stop.clone()));
                    if let Err(error) = AbortOnDropHandle::new(job).await {
                        tracing::error!(%error, "a job ended by a defect");
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = error.chain(), "the queue gives no jobs");
                tokio::select! {
                    () = tokio::time::sleep(rest) => rest = (rest * 2).min(longest),
                    () = stop.cancelled() => return,
                }
            }
        }
    }
}

fn closed(_: tokio::sync::AcquireError) -> Error {
    Error::internal("the slots are closed while the worker runs")
}

/// Works on a job to its end, and keeps its message meanwhile.
async fn handle(worker: Arc<Worker>, message: Message, stop: CancellationToken) {
    let hold = message.hold.clone();
    tokio::select! {
        biased;
        () = see_to(&worker, message, &stop) => {}
        never = hold.keep(&worker) => match never {},
    }
}

async fn see_to(worker: &Worker, mut message: Message, stop: &CancellationToken) {
    let after = match Job::decode(&message.body) {
        Ok(job) => work(worker, &job, &mut message, stop).await,
        Err(error) => Err(error),
    };
    let settled = match after {
        Ok(After::Done) => message.end().await,
        Ok(After::Later(time)) => message.put_off(time).await,
        Ok(After::Return) => message.give_back().await,
        Err(error) if is_outage(&error) => {
            tracing::warn!(error = error.chain(), job = message.body, "a job is put off");
            message.put_off(OUTAGE_REST).await
        }
        Err(error) => failed(worker, &message, &error).await,
    };
    if let Err(error) = settled {
        // The message comes again when its visibility has passed.
        tracing::warn!(error = error.chain(), job = message.body, "a job's message is left");
    }
}

async fn work(
    worker: &Worker,
    job: &Job,
    message: &mut Message,
    stop: &CancellationToken,
) -> Result<After> {
    match job {
        Job::Probe { file } => worker.probe(*file, message, stop).await,
        Job::Task { video, task } => {
            worker.attempt(video, TaskId::Number(*task), message, stop).await
        }
        Job::Finish { video } => worker.finish(video).await,
    }
}

/// A job that cannot be worked on is a defect, or somebody else's message: it is tried a few times, and
/// then buried with the reason. Its video fails with it, so that it does not seem to wait for ever.
async fn failed(worker: &Worker, message: &Message, error: &Error) -> Result<()> {
    tracing::error!(error = error.chain(), job = message.body, "a job cannot be worked on");
    let hopeless = error.kind() == ErrorKind::Invalid || message.receives >= TOO_OFTEN;
    if !hopeless {
        // It comes again when nobody has kept it for a while.
        message.hold.take();
        return Ok(());
    }
    match give_up(worker, &message.body).await {
        Err(error) if is_outage(&error) => return Err(error),
        Err(error) => {
            let error = error.chain();
            tracing::error!(error, job = message.body, "a job's video stays as it is");
        }
        Ok(()) => {}
    }
    match message.hold.take_settled().await {
        Some(receipt) => message.queue.bury(&receipt, &error.chain()).await,
        None => Ok(()),
    }
}

/// Fails the video that a job is about, if it is about one.
async fn give_up(worker: &Worker, body: &str) -> Result<()> {
    // No job of this program says which video another program's is about.
    let Ok(job) = Job::decode(body) else { return Ok(()) };
    let Some(video) = worker.catalog().video_of_job(&job).await? else { return Ok(()) };
    worker.catalog().give_up_video(&video, DEFECT, worker.now()).await
}

/// Whether a store is away, or full: nothing that the job can help.
pub(crate) fn is_outage(error: &Error) -> bool {
    error.kind().is_retryable() || error.kind() == ErrorKind::NoSpace
}
