//! Another try for a video that failed.

use super::{Holder, Video, VideoKey, holders::told, keys, relay::due_job};
use crate::{Catalog, VideoLink, due::DueRow, jobs::Job};
use model::{Error, ErrorKind, FileId, OwnerId, Result, Timestamp, video::VideoStatus};
use records::{Condition, Write};

/// Holders read at a time.
const PAGE: usize = 100;

impl Catalog {
    /// Tries the failed video of a file again, from its beginning and for all who hold it: their files
    /// let go of it and want one anew, and whoever takes the first of them up cleans away what is left.
    /// A crash on the way leaves the others with the failure; asking again goes on.
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
    ) -> Result<()> {
        let link = self.file(owner, file).await?.value.current.video;
        let Some(VideoLink::Video(key)) = link else { return Err(not_failed()) };
        let video = self.video(&key).await?;
        let failed = video.filter(|video| video.status == VideoStatus::Failed);
        let failed = failed.ok_or_else(not_failed)?;
        if failed.source_failed && !force {
            return Err(would_fail_again(&failed));
        }
        let mut cursor = None;
        loop {
            let (holders, next) = self.holders(&key, PAGE, cursor).await?;
            for holder in &holders {
                match self.want_again(&key, holder, now).await {
                    // Deleted meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    result => result?,
                }
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    async fn want_again(&self, key: &VideoKey, holder: &Holder, now: Timestamp) -> Result<()> {
        let change = |file: &mut crate::File| {
            if file.current.video != Some(VideoLink::Video(key.clone())) {
                return Ok(Vec::new());
            }
            file.current.video = Some(VideoLink::Wanted);
            let reference = keys::reference(key, &holder.owner, holder.file);
            let (_, job) = due_job(now, Job::Probe { file: holder.file })?;
            Ok(vec![
                Write::delete(reference, Condition::Any),
                DueRow::video(now, key).write()?,
                told(holder, &Video::queued(now), now)?,
                job,
            ])
        };
        self.change_file(holder.file, Some(&holder.owner), change).await.map(drop)
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
