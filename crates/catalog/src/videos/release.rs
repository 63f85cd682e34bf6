//! A video that nobody holds any more goes: first its tasks, so that nothing is added; then objects and
//! segments; its head last, so that whoever comes by until then finds it and helps.

use super::{Video, VideoKey, keys};
use crate::{Catalog, Stored};
use model::{ErrorKind, RenditionId, Result, Timestamp, video::VideoStatus};
use records::{Condition, Consistency, MAX_BATCH, Query, Version, Write};

/// A video that is being cleaned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// Which.
    pub video: VideoKey,
    /// Its renditions: their objects and then their rows go.
    pub renditions: Vec<RenditionId>,
    version: Version,
}

impl Catalog {
    /// Takes a video that nobody holds out of use for good, however it stands: from here on no task of
    /// it can write. `None` for one that somebody holds, or that is gone.
    ///
    /// Then the caller deletes the objects of each rendition and calls [`Self::forget_rendition`] for
    /// it, and at last [`Self::forget_video`]. A crash on the way leaves the
    /// video as leaving: the whole is done again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn leaving_video(&self, key: &VideoKey, now: Timestamp) -> Result<Option<Leaving>> {
        let video = loop {
            let Some(video) = self.stored_video(key).await? else { return Ok(None) };
            if video.value.status == VideoStatus::Cancelled {
                break video;
            }
            if self.is_held(key).await? {
                return Ok(None);
            }
            let next = Video { status: VideoStatus::Cancelled, ..video.value.clone() };
            // Read again for its new version, whether that was written here or by another one.
            self.change_video(key, &video, next, Vec::new(), now).await?;
        };
        // Somebody else may have finished the cleaning, and the bytes may have come again since: what is
        // removed is checked to be of the video that was looked at.
        let same = Write::check(keys::head(key), Condition::VersionIs(video.version));
        for prefix in [keys::TASK, keys::LEASE, keys::PLAN] {
            match self.remove_prefix(keys::partition(key), prefix, Some(&same)).await {
                Err(error) if error.kind() == ErrorKind::Conflict => return Ok(None),
                result => result?,
            }
        }
        let Stored { value, version } = video;
        Ok(Some(Leaving { video: key.clone(), renditions: value.renditions, version }))
    }

    /// Removes a rendition of a leaving video from the tables, once its objects are gone.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget_rendition(&self, id: RenditionId) -> Result<()> {
        self.remove_prefix(keys::rendition_partition(id), "", None).await
    }

    /// Removes a leaving video from the tables: the last step.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget_video(&self, leaving: &Leaving) -> Result<()> {
        let key = keys::head(&leaving.video);
        let gone = Write::delete(key, Condition::VersionIs(leaving.version));
        match self.records.write(vec![gone]).await {
            // Another one was faster.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            result => result.map(drop),
        }
    }

    /// Removes the rows of a partition that begin with `prefix`, without looking at them, as long as
    /// `check` holds.
    async fn remove_prefix(
        &self,
        partition: String,
        prefix: &str,
        check: Option<&Write>,
    ) -> Result<()> {
        let mut cursor = None;
        loop {
            let query = Query::prefix(partition.clone(), prefix)
                .limit(MAX_BATCH - 1)
                .cursor(cursor)
                .consistency(Consistency::Strong);
            let page = self.records.query(query).await?;
            let rows = page.records.into_iter().map(|record| record.key);
            let removals: Vec<_> = rows.map(|key| Write::delete(key, Condition::Any)).collect();
            if !removals.is_empty() {
                self.records.write(check.cloned().into_iter().chain(removals).collect()).await?;
            }
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
