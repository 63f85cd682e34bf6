//! A file finds its video, or becomes the first to hold it.

use super::{
    Holder, Task, TaskId, Video, VideoKey,
    holders::{Reference, told},
    keys,
};
use crate::{Catalog, Stored, VideoLink, row};
use model::{Error, ErrorKind, FileId, Result, Timestamp, video::VideoStatus};
use records::Condition;

/// How often taking up tries again when others came between its reads and its write.
const TRIES: usize = 16;

/// What became of taking a file up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenUp {
    /// The file is gone, or has no video.
    Nothing,
    /// The file holds this video, now or since it was taken up before.
    Video(VideoKey),
    /// The file's video is just being cleaned away, since nobody held it: help with that
    /// ([`Catalog::leaving_video`]), then try again.
    Leaving(VideoKey),
}

impl Catalog {
    /// Makes a file that looks like media hold its video, which is made where there is none yet: link,
    /// reference and video in one write.
    ///
    /// # Errors
    /// `Conflict` while the file's SHA-256 is not known; `Busy` where others kept coming between.
    pub async fn take_up(&self, file: FileId, profile: &str, now: Timestamp) -> Result<TakenUp> {
        for _ in 0..TRIES {
            let Some(Stored { value: mut taken, version }) = self.any_file(file).await? else {
                return Ok(TakenUp::Nothing);
            };
            match &taken.current.video {
                None => return Ok(TakenUp::Nothing),
                Some(VideoLink::Video(video)) => return Ok(TakenUp::Video(video.clone())),
                Some(VideoLink::Wanted) => {}
            }
            let sha256 = taken
                .current
                .sha256
                .ok_or_else(|| Error::conflict("the file's SHA-256 is not known yet"))?;
            let key = VideoKey { sha256, profile: profile.to_owned() };
            taken.current.video = Some(VideoLink::Video(key.clone()));
            let holder = Holder { owner: taken.owner.clone(), file };

            let mut batch = vec![
                row::put(crate::keys::file(file), Condition::VersionIs(version), &taken)?,
                row::put(
                    keys::reference(&key, &holder.owner, file),
                    Condition::Any,
                    &Reference {},
                )?,
            ];
            let head = match self.stored_video(&key).await? {
                // One that failed and that nobody holds gets another chance.
                Some(Stored { value: head, .. })
                    if head.status == VideoStatus::Cancelled
                        || head.status == VideoStatus::Failed && !self.is_held(&key).await? =>
                {
                    return Ok(TakenUp::Leaving(key));
                }
                Some(Stored { value: head, version }) => {
                    // Written as it was: a new version, see the module's first lines.
                    batch.push(row::put(keys::head(&key), Condition::VersionIs(version), &head)?);
                    head
                }
                None => {
                    let head = Video::queued(now);
                    let probe = Task::queued(now);
                    batch.push(row::put(keys::head(&key), Condition::Absent, &head)?);
                    batch.push(row::put(keys::task(&key, TaskId::Probe), Condition::Any, &probe)?);
                    head
                }
            };
            batch.push(told(&holder, &head, now)?);
            match self.records.write(batch).await {
                Ok(_) => return Ok(TakenUp::Video(key)),
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::Busy, "this video is being changed by others; try again"))
    }
}
