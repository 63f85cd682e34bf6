//! The job `finish`: a video whose tasks are done is verified, and what lost attempts left is deleted.

use crate::{names, slot::After, worker::Worker};
use catalog::videos::{Video, VideoKey};
use model::{ErrorKind, RenditionId, Result, video::VideoStatus};
use std::collections::HashSet;

/// Segments that are read at a time.
const PAGE: usize = 1000;

impl Worker {
    pub(crate) async fn finish(&self, key: &VideoKey) -> Result<After> {
        let video = match self.catalog().finish(key, self.now()).await {
            Ok(Some(video)) => video,
            Ok(None) => return Ok(After::Done),
            // The job is of an earlier life of the video, and this one's last task sends its own.
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(After::Done),
            Err(error) => return Err(error),
        };
        tracing::info!(video = %key, status = ?video.status, reason = video.reason, "a video is done");
        // With all tasks done, what has no name now never gets one. A video that failed is kept as it
        // is, and goes as a whole.
        if video.status == VideoStatus::Ready && video.lost > 0 {
            for &id in &video.renditions {
                let named = self.named(&video, id).await?;
                let prefix = names::of_rendition(id);
                self.delete_prefix(&prefix, &|name| named.contains(name)).await?;
            }
        }
        Ok(After::Done)
    }

    /// The objects that the tables name of a rendition, the poster among those of the first.
    async fn named(&self, video: &Video, id: RenditionId) -> Result<HashSet<String>> {
        let init = self.catalog().rendition(id).await?.and_then(|rendition| rendition.init);
        let poster = video.poster.as_ref().map(|poster| poster.object.clone());
        let mut named: HashSet<_> =
            init.map(|init| init.object).into_iter().chain(poster).collect();
        let mut from = 0;
        loop {
            let segments = self.catalog().segments(id, from, PAGE).await?;
            let Some(last) = segments.last() else { return Ok(named) };
            from = last.k + 1;
            named.extend(segments.into_iter().filter_map(|segment| segment.object));
        }
    }
}
