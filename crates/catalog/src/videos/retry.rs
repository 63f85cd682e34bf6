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
    /// # Errors
    /// `NotFound`, also for somebody else's file; `Conflict` for a file whose video has not failed.
    pub async fn retry_video(&self, owner: &OwnerId, file: FileId, now: Timestamp) -> Result<()> {
        let link = self.file(owner, file).await?.value.current.video;
        let Some(VideoLink::Video(key)) = link else { return Err(not_failed()) };
        if self.video(&key).await?.is_none_or(|video| video.status != VideoStatus::Failed) {
            return Err(not_failed());
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

fn not_failed() -> Error {
    Error::conflict("only a video that has failed can be tried again")
}
