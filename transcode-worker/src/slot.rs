//! A slot: one job at a time, from its delivery to its end.

use crate::worker::Worker;
use catalog::{jobs::Job, videos::TaskId};
use model::{Error, ErrorKind, Result};
use queue::{Delivery, MAX_DELAY, Outgoing, Receipt};
use std::{sync::Arc, time::Duration};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long a slot rests when the queue does not answer; twice as long each time, up to the second.
const QUEUE_REST: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How long a job rests that met a store which is away.
const OUTAGE_REST: Duration = Duration::from_secs(15);

/// Deliveries after which a job that fails for no known reason is buried.
const TOO_OFTEN: u32 = 4;

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
    receipt: Option<Receipt>,
    body: String,
    receives: u32,
}

impl Message {
    /// Keeps the message hidden for `time`.
    pub(crate) async fn keep(&mut self, worker: &Worker, time: Duration) {
        let Some(receipt) = &self.receipt else { return };
        if let Err(error) = worker.deps.queue.extend(receipt, time).await {
            // The task's lease is what counts; without its message the task comes again by another.
            tracing::debug!(error = error.chain(), "a message was not kept");
            if error.kind() == ErrorKind::Conflict {
                self.receipt = None;
            }
        }
    }

    /// Goes on as a new message where this one was delivered so often that the queue might bury it.
    pub(crate) async fn renew(&mut self, worker: &Worker) -> Result<()> {
        if self.receives >= RENEW {
            self.put_off(worker, worker.config.lease * 2).await?;
        }
        Ok(())
    }

    /// The job comes again in a new message, in `time`.
    async fn put_off(&mut self, worker: &Worker, time: Duration) -> Result<()> {
        let delay = time.min(MAX_DELAY);
        worker.deps.queue.send(vec![Outgoing { body: self.body.clone(), delay }]).await?;
        self.end(worker).await
    }

    async fn end(&mut self, worker: &Worker) -> Result<()> {
        match self.receipt.take() {
            Some(receipt) => worker.deps.queue.delete(&receipt).await,
            None => Ok(()),
        }
    }
}

/// Takes jobs until told to stop.
pub(crate) async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    let (mut rest, longest) = QUEUE_REST;
    while !stop.is_cancelled() {
        let (lease, wait) = (worker.config.lease, worker.config.wait);
        let received = tokio::select! {
            received = worker.deps.queue.receive(1, lease, wait) => received,
            () = stop.cancelled() => return,
        };
        match received {
            Ok(deliveries) => {
                rest = QUEUE_REST.0;
                for delivery in deliveries {
                    // In a task of its own, so that a defect ends the job and not the slot.
                    let job = tokio::spawn(handle(worker.clone(), delivery, stop.clone()));
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

async fn handle(worker: Arc<Worker>, delivery: Delivery, stop: CancellationToken) {
    let Delivery { receipt, body, receives, .. } = delivery;
    let mut message = Message { receipt: Some(receipt), body, receives };
    let after = match Job::decode(&message.body) {
        Ok(job) => work(&worker, &job, &mut message, &stop).await,
        Err(error) => Err(error),
    };
    let settled = match after {
        Ok(After::Done) => message.end(&worker).await,
        Ok(After::Later(time)) => message.put_off(&worker, time).await,
        Ok(After::Return) => {
            message.keep(&worker, Duration::ZERO).await;
            Ok(())
        }
        Err(error) if is_outage(&error) => {
            tracing::warn!(error = error.chain(), job = message.body, "a job is put off");
            message.put_off(&worker, OUTAGE_REST).await
        }
        Err(error) => failed(&worker, &mut message, &error).await,
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
/// then buried with the reason.
async fn failed(worker: &Worker, message: &mut Message, error: &Error) -> Result<()> {
    tracing::error!(error = error.chain(), job = message.body, "a job cannot be worked on");
    let hopeless = error.kind() == ErrorKind::Invalid || message.receives >= TOO_OFTEN;
    match message.receipt.take() {
        Some(receipt) if hopeless => worker.deps.queue.bury(&receipt, &error.chain()).await,
        _ => Ok(()),
    }
}

/// Whether a store is away, or full: nothing that the job can help.
pub(crate) fn is_outage(error: &Error) -> bool {
    error.kind().is_retryable() || error.kind() == ErrorKind::NoSpace
}
