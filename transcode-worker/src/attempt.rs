//! An attempt at a task: claimed, worked on under a lease that is kept meanwhile, and ended.

use crate::{
    Config,
    keep::Ending,
    names,
    progress::Progress,
    slot::{After, Message, Slot, is_outage},
    source::Source,
    worker::Worker,
};
use catalog::videos::{Cause, Claim, DueJob, Failure, Held, Missed, TaskId, VideoKey};
use model::{Error, ErrorKind, Result};
use std::convert::Infallible;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

/// What the owner of a video learns of a defect of this program.
pub(crate) const DEFECT: &str = "working on the file failed several times by a defect of this program; \
                                 the server's log says more";

/// Why an attempt's work did not succeed.
pub(crate) struct Flaw {
    pub(crate) error: Error,
    /// Whether a store was away: nothing that the task could help.
    pub(crate) outage: bool,
}

impl From<Error> for Flaw {
    /// An error of the stores or of this program; one of `media` is told apart where it comes from.
    fn from(error: Error) -> Self {
        Self { outage: is_outage(&error), error }
    }
}

/// How an attempt ended.
enum Ended {
    /// All that the task makes is stored; these jobs are to be sent.
    Well(Vec<DueJob>),
    Badly(Flaw),
    /// The task is not this worker's any more, or its video has ended: nothing more can be written.
    Lost,
    /// The worker stops.
    Stopped,
}

impl Worker {
    /// Claims `task` and does it, if there is anything to do.
    pub(crate) async fn attempt(
        &self,
        video: &VideoKey,
        task: TaskId,
        message: &mut Message,
        stop: &CancellationToken,
    ) -> Result<After> {
        let Config { lease, policy, .. } = &self.config;
        let (attempt, until) = (names::attempt()?, self.after(*lease));
        let claim = self.catalog().claim(video, task, &attempt, policy, self.now(), until).await?;
        let held = match claim {
            Claim::Held(held) => held,
            // Whoever works on it has a message of its own; this one is of an earlier attempt, or a
            // second of its kind.
            Claim::Later(then) => return Ok(After::Later(self.until(then))),
            Claim::Over => return Ok(After::Done),
            Claim::Leaving => {
                self.release(video).await?;
                return Ok(After::Done);
            }
        };
        message.renew(self).await?;
        match self.hold(&held, message, stop).await {
            Ended::Well(jobs) => {
                self.send(&jobs).await;
                Ok(After::Done)
            }
            Ended::Badly(flaw) => self.missed(&held, &flaw).await,
            // What became of it, the next look at the tables says.
            Ended::Lost => Ok(After::Return),
            Ended::Stopped => {
                if let Err(error) = self.catalog().give_back(&held, self.now()).await {
                    tracing::warn!(error = error.chain(), "a task is left to the end of its lease");
                }
                Ok(After::Return)
            }
        }
    }

    /// Works, keeps the lease and tells how far it is, each beside the others. Where the task is lost or the
    /// worker stops, the work is dropped, and its child process with it.
    async fn hold(&self, held: &Held, message: &mut Message, stop: &CancellationToken) -> Ended {
        let (progress, ending) = (Progress::default(), Ending::default());
        tokio::select! {
            biased;
            () = stop.cancelled() => Ended::Stopped,
            done = self.work(held, message.take_slot(), &progress, &ending) => match done {
                Ok(jobs) => Ended::Well(jobs),
                Err(flaw) if flaw.error.kind() == ErrorKind::Cancelled => Ended::Lost,
                Err(flaw) => Ended::Badly(flaw),
            },
            () = self.keep_lease(held, &ending) => Ended::Lost,
            never = self.keep_telling(held, &progress) => match never {},
        }
    }

    async fn keep_telling(&self, held: &Held, progress: &Progress) -> Infallible {
        let every = self.config.tell_every;
        let mut looks = interval_at(Instant::now() + every, every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.tell(held, progress).await;
        }
    }

    /// Tells how far the attempt is, where that has changed.
    async fn tell(&self, held: &Held, progress: &Progress) {
        let Some(ahead) = progress.news() else { return };
        if let Err(error) = self.catalog().progressed(held, ahead, self.now()).await {
            // Whether the task is still this attempt's is the lease's to find out.
            tracing::debug!(error = error.chain(), "progress was not told");
        }
    }

    async fn work(
        &self,
        held: &Held,
        slot: Option<Slot>,
        progress: &Progress,
        ending: &Ending,
    ) -> Result<Vec<DueJob>, Flaw> {
        let source = Source::open(&self.deps.store, &held.video).await?;
        match held.task {
            TaskId::Probe => self.plan(held, &source, ending).await,
            TaskId::Number(number) => {
                self.make(held, number, &source, slot, (progress, ending)).await
            }
        }
    }

    /// What follows where an attempt failed.
    async fn missed(&self, held: &Held, Flaw { error, outage }: &Flaw) -> Result<After> {
        let failure = failure(error, *outage);
        tracing::warn!(
            error = error.chain(),
            video = %held.video,
            task = %held.task,
            cause = ?failure.cause,
            "an attempt failed"
        );
        match self.catalog().task_missed(held, &failure, &self.config.policy, self.now()).await {
            Ok(Missed::Again(then)) => Ok(After::Later(self.until(then))),
            Ok(Missed::Failed) => Ok(After::Done),
            Err(error) if error.kind() == ErrorKind::Cancelled => Ok(After::Return),
            Err(error) => Err(error),
        }
    }
}

/// Whether the source is at fault: the same again fails again.
pub(crate) fn is_sources(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Invalid
            | ErrorKind::Unsupported
            | ErrorKind::TooLarge
            | ErrorKind::Damaged
            | ErrorKind::NotFound
            | ErrorKind::Gone
    )
}

/// Whose fault an error is, and how to say it to the video's owner should it be the last one.
fn failure(error: &Error, outage: bool) -> Failure {
    let kind = error.kind();
    let (cause, reason) = if outage {
        let reason = format!("the server's own store was away for too long ({error})");
        (Cause::Outage, reason)
    } else if is_sources(kind) {
        (Cause::Source, error.to_string())
    } else if kind == ErrorKind::Internal {
        (Cause::Attempt, DEFECT.to_owned())
    } else {
        (Cause::Attempt, format!("working on the file failed several times: {error}"))
    };
    Failure { cause, reason }
}
