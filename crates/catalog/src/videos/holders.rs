//! Who holds a video, and how they are told of it.

use super::{Video, VideoKey, keys};
use crate::{Catalog, Stored, log, row, row::Row};
use model::{Error, FileId, OwnerId, Result, Timestamp, event::EventType};
use records::{Condition, Consistency, MAX_BATCH, Query, Write, failed_key};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Holders that are told in the very write that changes the video. The others are told right behind it,
/// so that a batch has room for the change.
const TOLD_WITH_IT: usize = 16;

/// A file that holds a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Whose file.
    pub owner: OwnerId,
    /// Which.
    pub file: FileId,
}

/// A reference's row; its key says it all.
#[derive(Serialize, Deserialize)]
pub(super) struct Reference {}

impl Row for Reference {
    const WHAT: &'static str = "a video's reference";
}

/// The write that takes a file's reference to a video away.
pub(crate) fn unreference(video: &VideoKey, owner: &OwnerId, file: FileId) -> Write {
    Write::delete(keys::reference(video, owner, file), Condition::Any)
}

/// The write that tells `holder` how far its video is: of use while somebody looks on, and then no more.
fn told_progress(holder: &Holder, video: &Video, now: Timestamp) -> Result<Write> {
    Ok(told(holder, video, now)?.expires(now + log::PROGRESS_KEPT))
}

/// The write that tells `holder` how its video stands.
pub(super) fn told(holder: &Holder, video: &Video, now: Timestamp) -> Result<Write> {
    let mut data = json!({"state": video.status, "progress": video.progress()});
    if let Some(reason) = &video.reason {
        data["reason"] = json!(reason);
    }
    let event = log::event(now, EventType::VideoChanged, Some(holder.file), None, data);
    log::event_write(&holder.owner, &event)
}

impl Catalog {
    /// Some of the files that hold a video, and the cursor to go on with.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn holders(
        &self,
        video: &VideoKey,
        limit: usize,
        cursor: Option<String>,
    ) -> Result<(Vec<Holder>, Option<String>)> {
        let query = Query::prefix(keys::partition(video), keys::REFERENCE)
            .limit(limit)
            .cursor(cursor)
            .consistency(Consistency::Strong);
        let page = self.records.query(query).await?;
        let holder = |sort: &str| {
            let (owner, file) = sort.strip_prefix(keys::REFERENCE)?.split_once('#')?;
            Some(Holder { owner: owner.parse().ok()?, file: file.parse().ok()? })
        };
        let holders = page.records.iter().map(|record| {
            holder(&record.key.sort)
                .ok_or_else(|| Error::internal(format!("{} is no reference", record.key)))
        });
        Ok((holders.collect::<Result<_>>()?, page.cursor))
    }

    /// Whether anybody holds a video.
    pub(super) async fn is_held(&self, video: &VideoKey) -> Result<bool> {
        let mut cursor = None;
        loop {
            let (holders, next) = self.holders(video, 1, cursor).await?;
            cursor = next;
            if !holders.is_empty() || cursor.is_none() {
                return Ok(!holders.is_empty());
            }
        }
    }

    /// Changes a video's head from `old` to `new` together with `batch`, and tells its holders where
    /// that is news. `false`: the head has changed meanwhile, and nothing was written.
    ///
    /// # Errors
    /// `Conflict` where a condition of `batch` does not hold.
    pub(super) async fn change_video(
        &self,
        key: &VideoKey,
        old: &Stored<Video>,
        mut new: Video,
        mut batch: Vec<Write>,
        now: Timestamp,
    ) -> Result<bool> {
        let news = new.is_news(&old.value, now);
        let told = if new.is_progress_of(&old.value) { told_progress } else { told };
        let (mut holders, mut cursor) = (Vec::new(), None);
        if news {
            new.told = now;
            (holders, cursor) = self.holders(key, TOLD_WITH_IT, None).await?;
        }
        batch.push(row::put(keys::head(key), Condition::VersionIs(old.version), &new)?);
        for holder in &holders {
            batch.push(told(holder, &new, now)?);
        }
        if let Err(error) = self.records.write(batch).await {
            let moved = failed_key(&error) == Some(&keys::head(key));
            return if moved { Ok(false) } else { Err(error) };
        }
        // The change is made: that some are not told of it is not an error of the change.
        if let Err(error) = self.tell_from(key, cursor, |holder| told(holder, &new, now)).await {
            tracing::warn!(error = error.chain(), video = %key, "not all holders were told");
        }
        Ok(true)
    }

    /// Tells the holders from `cursor` on.
    async fn tell_from(
        &self,
        key: &VideoKey,
        mut cursor: Option<String>,
        told: impl Fn(&Holder) -> Result<Write>,
    ) -> Result<()> {
        while cursor.is_some() {
            let (holders, next) = self.holders(key, MAX_BATCH, cursor).await?;
            let events: Vec<_> = holders.iter().map(&told).collect::<Result<_>>()?;
            if !events.is_empty() {
                self.records.write(events).await?;
            }
            cursor = next;
        }
        Ok(())
    }
}
