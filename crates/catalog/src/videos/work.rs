//! Work on a task: claim it, keep it, and end it one way or the other.
//!
//! A claim gives the task's row a new version, and every later write of the attempt checks it. So when
//! a worker is given up for dead and another one takes its task, the first can go on as long as it
//! likes: nothing of it reaches the tables.

use super::{
    Cause, DueJob, Policy, Task, TaskId, TaskState, VideoKey, keys,
    plan::send_tasks,
    relay::due_job,
    task::{Lease, Next},
    video::TaskEnd,
};
use crate::{
    Catalog, Stored,
    jobs::Job,
    log::first_version,
    row::{self, put},
};
use model::{Error, ErrorKind, Result, Timestamp, video::VideoStatus};
use records::{Condition, Consistency, Version, Write, failed_key};
use std::time::Duration;

/// How often a claim tries again when somebody else came between its reads and its write.
const CLAIM_TRIES: usize = 4;

/// What a task taken by nobody but contended says: look again so much later.
const CONTENDED: Duration = Duration::from_secs(1);

/// An attempt at a task: the right to write what it makes.
#[derive(Debug, Clone)]
pub struct Held {
    /// Of which video.
    pub video: VideoKey,
    /// Which task.
    pub task: TaskId,
    /// Names the attempt; part of the names of the objects that it stores.
    pub attempt: String,
    pub(super) row: Task,
    version: Version,
}

/// What became of a claim.
#[derive(Debug, Clone)]
pub enum Claim {
    /// It is yours.
    Held(Held),
    /// It is somebody else's, or rests, until then: look again.
    Later(Timestamp),
    /// There is nothing to do: it was done or given up, or the video has ended.
    Over,
    /// Nobody holds the video any more: what is left to do is to clean up
    /// ([`Catalog::leaving_video`]).
    Leaving,
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether it is worth trying again.
    pub cause: Cause,
    /// One sentence for the video's owner.
    pub reason: String,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// It is tried again, not before then.
    Again(Timestamp),
    /// That was the last attempt: the video has failed.
    Failed,
}

impl Held {
    /// Whether others have tried before: what they have made counts.
    #[must_use]
    pub fn is_retry(&self) -> bool {
        self.row.lost() > 0
    }

    /// Whether a failure of this attempt is the last that `policy` allows.
    #[must_use]
    pub fn is_last(&self, policy: &Policy) -> bool {
        self.row.failures + 1 >= policy.failures
    }

    /// Holds as long as nobody else has taken the task.
    pub(super) fn check(&self) -> Write {
        Write::check(keys::task(&self.video, self.task), Condition::VersionIs(self.version))
    }

    /// The writes that end the attempt with the task's row as `row`.
    pub(super) fn end(&self, row: &Task) -> Result<Vec<Write>> {
        let key = keys::task(&self.video, self.task);
        let lease = Write::delete(keys::lease(&self.video, self.task), Condition::Any);
        Ok(vec![put(key, Condition::VersionIs(self.version), row)?, lease])
    }

    /// `error` of a write with a check of this attempt: `Cancelled` where that is what did not hold.
    pub(super) fn lost(&self, error: Error) -> Error {
        if failed_key(&error) == Some(&keys::task(&self.video, self.task)) {
            let message = "somebody else has taken this task over";
            return Error::with_source(ErrorKind::Cancelled, message, error);
        }
        error
    }
}

impl Catalog {
    /// Begins `task` as `attempt`, a name that no other attempt has, until `until`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn claim(
        &self,
        video: &VideoKey,
        task: TaskId,
        attempt: &str,
        policy: &Policy,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim> {
        for _ in 0..CLAIM_TRIES {
            match self.video(video).await?.map(|video| video.status) {
                None => return Ok(Claim::Over),
                Some(VideoStatus::Cancelled) => return Ok(Claim::Leaving),
                Some(status) if status.is_terminal() => return Ok(Claim::Over),
                Some(_) if !self.is_held(video).await? => return Ok(Claim::Leaving),
                Some(_) => {}
            }
            let keys = [keys::task(video, task), keys::lease(video, task)];
            let rows = self.records.get_many(&keys, Consistency::Strong).await?;
            let Ok::<[_; 2], _>([Some(row), lease]) = rows.try_into() else {
                return Ok(Claim::Over);
            };
            let row: Stored<Task> = row::stored(row)?;
            let lease: Option<Stored<Lease>> = lease.map(row::stored).transpose()?;
            let until_now = lease.as_ref().map(|lease| lease.value.until);
            let begun = match row.value.next(attempt, until_now, policy, now) {
                Next::Begin(begun) => begun,
                Next::Wait(until) => return Ok(Claim::Later(until)),
                Next::Over => return Ok(Claim::Over),
                Next::TooOften => {
                    self.give_up(video, task, row, now).await?;
                    return Ok(Claim::Over);
                }
            };
            let [task_key, lease_key] = keys;
            let unchanged =
                lease.map_or(Condition::Absent, |lease| Condition::VersionIs(lease.version));
            let batch = vec![
                put(task_key, Condition::VersionIs(row.version), &begun)?,
                put(lease_key, unchanged, &Lease { until })?,
            ];
            match self.records.write(batch).await {
                Ok(versions) => {
                    let version = first_version(&versions)?;
                    let (video, attempt) = (video.clone(), attempt.to_owned());
                    return Ok(Claim::Held(Held { video, task, attempt, row: begun, version }));
                }
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Claim::Later(now.checked_add(CONTENDED).unwrap_or(now)))
    }

    /// A task that was begun too often fails, and its video with it.
    async fn give_up(
        &self,
        video: &VideoKey,
        task: TaskId,
        row: Stored<Task>,
        now: Timestamp,
    ) -> Result<()> {
        let reason = format!(
            "working on this video was begun {} times and never came to an end; try a smaller or \
             simpler version of it",
            row.value.claims
        );
        let attempt = String::new();
        let Stored { value, version } = row;
        let held = Held { video: video.clone(), task, attempt, row: value, version };
        let failed =
            Task { state: TaskState::Failed { reason: reason.clone() }, ..held.row.clone() };
        match self.fail_video(&held, &failed, &Failure { cause: Cause::Attempt, reason }, now).await
        {
            // Somebody else came first.
            Err(error) if error.kind() == ErrorKind::Cancelled => Ok(()),
            result => result,
        }
    }

    /// Keeps a task until `until`.
    ///
    /// # Errors
    /// `Cancelled` where the work is to stop: somebody else has taken the task over, or the video has
    /// ended, or nobody holds it any more.
    pub async fn keep(&self, held: &Held, until: Timestamp) -> Result<()> {
        self.video_under_way(&held.video).await?;
        if !self.is_held(&held.video).await? {
            return Err(Error::new(ErrorKind::Cancelled, "nobody holds the video any more"));
        }
        let lease = put(keys::lease(&held.video, held.task), Condition::Any, &Lease { until })?;
        self.records.write(vec![held.check(), lease]).await.map_err(|e| held.lost(e)).map(drop)
    }

    /// The task, one of those that make the leading rendition, is so far ahead of what it has made, see
    /// [`super::Video::ahead`]. Where others change the video just then, that is left to the next time.
    ///
    /// # Errors
    /// `Cancelled` where somebody else took the task over, or the video has ended.
    pub async fn progressed(&self, held: &Held, thousandths: u32, now: Timestamp) -> Result<()> {
        let TaskId::Number(task) = held.task else { return Ok(()) };
        let video = self.video_under_way(&held.video).await?;
        let next = video.value.progressed(task, thousandths)?;
        if next == video.value {
            return Ok(());
        }
        let written = self.change_video(&held.video, &video, next, vec![held.check()], now).await;
        written.map_err(|e| held.lost(e)).map(drop)
    }

    /// The task has stored all that it makes, and met `damaged` packets and frames in the source that
    /// could not be used. Sends further tasks until `width` are outstanding, and after the last one the
    /// finish; answers with the jobs to send at once.
    ///
    /// # Errors
    /// `Cancelled` where somebody else took the task over, or the video has ended.
    pub async fn task_done(
        &self,
        held: &Held,
        damaged: u64,
        width: u32,
        now: Timestamp,
    ) -> Result<Vec<DueJob>> {
        let end = TaskEnd { lost: held.row.lost(), damaged };
        loop {
            let video = self.video_under_way(&held.video).await?;
            let (next, sent, last) = video.value.task_done(end, width)?;
            let (sends, mut jobs) = send_tasks(&held.video, sent, now)?;
            let mut batch = held.end(&held.row.done())?;
            batch.extend(sends);
            if last {
                let (job, write) = due_job(now, Job::Finish { video: held.video.clone() })?;
                batch.push(write);
                jobs.push(job);
            }
            let written = self.change_video(&held.video, &video, next, batch, now).await;
            if written.map_err(|e| held.lost(e))? {
                return Ok(jobs);
            }
        }
    }

    /// The attempt did not succeed: the task is tried again later, or fails its video.
    ///
    /// # Errors
    /// `Cancelled` where somebody else took the task over, or the video has ended.
    pub async fn task_missed(
        &self,
        held: &Held,
        failure: &Failure,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Missed> {
        let row = held.row.missed(failure.cause, &failure.reason, policy, now);
        if let TaskState::Queued { not_before } = row.state {
            self.records.write(held.end(&row)?).await.map_err(|e| held.lost(e))?;
            return Ok(Missed::Again(not_before));
        }
        self.fail_video(held, &row, failure, now).await?;
        Ok(Missed::Failed)
    }

    async fn fail_video(
        &self,
        held: &Held,
        row: &Task,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<()> {
        loop {
            let video = self.video_under_way(&held.video).await?;
            let next = video.value.failed(&failure.reason, failure.cause == Cause::Source)?;
            let batch = held.end(row)?;
            let written = self.change_video(&held.video, &video, next, batch, now).await;
            if written.map_err(|e| held.lost(e))? {
                return Ok(());
            }
        }
    }

    /// Fails a video that cannot be worked on, whatever its tasks do; one that has ended stays as it is.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn give_up_video(&self, key: &VideoKey, reason: &str, now: Timestamp) -> Result<()> {
        loop {
            let Some(video) = self.stored_video(key).await? else { return Ok(()) };
            if video.value.status.is_terminal() {
                return Ok(());
            }
            let next = video.value.failed(reason, false)?;
            if self.change_video(key, &video, next, Vec::new(), now).await? {
                return Ok(());
            }
        }
    }

    /// The attempt stops for reasons of its worker: the task is anybody's again, at once.
    ///
    /// # Errors
    /// `Cancelled` where somebody else took the task over.
    pub async fn give_back(&self, held: &Held, now: Timestamp) -> Result<()> {
        let batch = held.end(&held.row.given_back(now))?;
        self.records.write(batch).await.map_err(|e| held.lost(e)).map(drop)
    }
}
