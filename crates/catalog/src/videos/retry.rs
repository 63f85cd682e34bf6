//! Another try for a video that failed.

use super::{DueJob, Holder, Video, VideoKey, holders::told, keys, relay::due_job};
use crate::{Catalog, VideoLink, due::DueRow, jobs::Job};
use model::{Error, ErrorKind, FileId, OwnerId, Result, Timestamp, video::VideoStatus};
use records::{Condition, Write};

/// Holders read at a time.
const PAGE: usize = 100;

/// Jobs that are given to whoever retries, to send them at once: those of other holders are the relay's.
const AT_ONCE: usize = 10;

impl Catalog {
    /// Tries the failed video of a file again, from its beginning and for all who hold it: their files
    /// let go of it and want one anew, and whoever takes the first of them up cleans away what is left.
    /// A crash on the way leaves the others with the failure; asking again goes on. Answers with jobs to
    /// send at once; all stand in the log.
    ///
    /// One that failed for what its source is would fail again, and is tried with `force` only: another
    /// version of this program may make more of it.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's file; `Conflict` for a file whose video has not failed, or
    /// failed for what its source is.
    pub async fn retry_video(
        &self,
        owner: &OwnerId,
        file: FileId,
        force: bool,
        now: Timestamp,
    ) -> Result<Vec<DueJob>> {
        let link = self.file(owner, file).await?.value.current.video;
        let Some(VideoLink::Video(key)) = link else { return Err(not_failed()) };
        let failed = self.failed_video(&key).await?.ok_or_else(not_failed)?;
        if failed.source_failed && !force {
            return Err(would_fail_again(&failed));
        }
        self.want_all_again(&key, now).await
    }

    /// The same for a video by its key, whoever holds it and whatever it failed for: for an operator. `None`
    /// for one that has not failed.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn retry_if_failed(
        &self,
        key: &VideoKey,
        now: Timestamp,
    ) -> Result<Option<Vec<DueJob>>> {
        match self.failed_video(key).await? {
            Some(_) => self.want_all_again(key, now).await.map(Some),
            None => Ok(None),
        }
    }

    async fn failed_video(&self, key: &VideoKey) -> Result<Option<Video>> {
        let video = self.video(key).await?;
        Ok(video.filter(|video| video.status == VideoStatus::Failed))
    }

    /// Lets all who hold a video want one anew. The first jobs of that.
    async fn want_all_again(&self, key: &VideoKey, now: Timestamp) -> Result<Vec<DueJob>> {
        let (mut jobs, mut cursor) = (Vec::new(), None);
        loop {
            let (holders, next) = self.holders(key, PAGE, cursor).await?;
            for holder in &holders {
                match self.want_again(key, holder, now).await {
                    // Deleted meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    job => jobs.extend(job?.filter(|_| jobs.len() < AT_ONCE)),
                }
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(jobs);
            }
        }
    }

    /// The job of it, unless the file has another video by now, or was made to want one by somebody else.
    async fn want_again(
        &self,
        key: &VideoKey,
        holder: &Holder,
        now: Timestamp,
    ) -> Result<Option<DueJob>> {
        let (job, write) = due_job(now, Job::Probe { file: holder.file })?;
        let mut is_changed = false;
        let change = |file: &mut crate::File| {
            is_changed = file.current.video == Some(VideoLink::Video(key.clone()));
            if !is_changed {
                return Ok(Vec::new());
            }
            file.current.video = Some(VideoLink::Wanted);
            let reference = keys::reference(key, &holder.owner, holder.file);
            Ok(vec![
                Write::delete(reference, Condition::Any),
                DueRow::video(now, key).write()?,
                told(holder, &Video::queued(now), now)?,
                write.clone(),
            ])
        };
        self.change_file(holder.file, Some(&holder.owner), change).await?;
        Ok(is_changed.then_some(job))
    }
}

fn would_fail_again(video: &Video) -> Error {
    let reason = video.reason.as_deref().unwrap_or("it cannot be read");
    Error::conflict(format!(
        "it failed for what its file is, and would again: {reason}; where the server was updated since, \
         ask with `force`"
    ))
}

fn not_failed() -> Error {
    Error::conflict("only a video that has failed can be tried again")
}
