//! Jobs that were due when the tables changed, and may not have reached the queue.
//!
//! A job is written to the log in the very write that makes it due, sent at once, and taken out of the
//! log when it was sent. What is still there a while later was left by a crash: it is sent, if the
//! tables still say that it is due, and then taken out. So a job is sent twice at worst, never zero
//! times, and the log of jobs holds only what is on its way.

use super::{Task, TaskId, TaskState, VideoKey, keys};
use crate::{
    Catalog, Topic, VideoLink,
    jobs::Job,
    keys::log,
    row::{self, put},
};
use model::{EventId, Result, Timestamp};
use records::{Condition, Consistency, MAX_BATCH, Write};

/// A job with its entry in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJob {
    /// The entry, to be taken out once the job was sent.
    pub entry: EventId,
    /// What to send.
    pub job: Job,
}

/// `job` and the write that puts it into the log.
pub(super) fn due_job(now: Timestamp, job: Job) -> Result<(DueJob, Write)> {
    let entry = EventId::new(now);
    let write = put(log(&Topic::Jobs, entry), Condition::Any, &job)?;
    Ok((DueJob { entry, job }, write))
}

impl Catalog {
    /// Jobs that became due before `before` and are still in the log behind the entry `after` (from its
    /// beginning without one), oldest first, at most `limit`. Entries that cannot be read, because a
    /// newer version wrote them, are left to those who can.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn left_jobs(
        &self,
        after: Option<EventId>,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueJob>> {
        let (mut jobs, mut after) = (Vec::new(), after);
        while jobs.len() < limit {
            let from = after.unwrap_or(EventId::first_at(Timestamp::UNIX_EPOCH));
            let page = limit - jobs.len() + 1;
            // What is not seen yet is found when the log is looked at next, from its beginning.
            let entries = self.read_log(&Topic::Jobs, from, page, Consistency::Eventual).await?;
            let is_all = entries.len() < page;
            let known = after;
            for entry in entries.into_iter().filter(|entry| Some(entry.id) != known) {
                if entry.id.at() >= before || jobs.len() == limit {
                    return Ok(jobs);
                }
                after = Some(entry.id);
                match row::decode(entry.value) {
                    Ok(job) => jobs.push(DueJob { entry: entry.id, job }),
                    Err(error) => {
                        let error = error.chain();
                        tracing::warn!(error, entry = %entry.id, "a job in the log is passed over");
                    }
                }
            }
            if is_all {
                break;
            }
        }
        Ok(jobs)
    }

    /// Takes jobs that were sent, or are not due any more, out of the log.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget_jobs(&self, jobs: &[DueJob]) -> Result<()> {
        for some in jobs.chunks(MAX_BATCH) {
            let entry = |job: &DueJob| Write::delete(log(&Topic::Jobs, job.entry), Condition::Any);
            self.records.write(some.iter().map(entry).collect()).await?;
        }
        Ok(())
    }

    /// Whether the tables say that `job` is still to be done and nobody has begun it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn is_due(&self, job: &Job) -> Result<bool> {
        match job {
            Job::Probe { file } => {
                let Some(file) = self.any_file(*file).await? else { return Ok(false) };
                match &file.value.current.video {
                    None => Ok(false),
                    Some(VideoLink::Wanted) => Ok(true),
                    Some(VideoLink::Video(video)) => self.is_waiting(video, TaskId::Probe).await,
                }
            }
            Job::Task { video, task } => self.is_waiting(video, TaskId::Number(*task)).await,
            Job::Finish { video } => {
                let video = self.video(video).await?;
                Ok(video.is_some_and(|video| !video.status.is_terminal()))
            }
        }
    }

    async fn is_waiting(&self, video: &VideoKey, task: TaskId) -> Result<bool> {
        if self.video(video).await?.is_none_or(|video| video.status.is_terminal()) {
            return Ok(false);
        }
        let record = self.records.get(&keys::task(video, task), Consistency::Strong).await?;
        let Some(record) = record else { return Ok(false) };
        let task: Task = row::decode(record.value)?;
        Ok(matches!(task.state, TaskState::Queued { .. }))
    }
}
