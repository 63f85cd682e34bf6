//! What the manifests of a video are written from, read once for all who ask at the same time.
//!
//! A video's head is written with every segment, so its version names a state of the whole: under it,
//! renditions and segments are read once and kept, and a playlist is never older than the head that the
//! request has seen.

use catalog::{
    Catalog, File, Stored, VideoLink,
    videos::{Rendition, Video, VideoKey},
};
use cmaf::manifest::{self, Progress};
use model::{Error, FileId, OwnerId, RenditionId, Result, video::VideoStatus};
use moka::future::Cache;
use records::Version;
use std::{sync::Arc, time::Duration};

/// Segments that are kept at most, of all videos: some 40 bytes each.
const KEPT_SEGMENTS: u64 = 200_000;
/// How long nobody may ask for a video before its state is dropped.
const KEPT_IDLE: Duration = Duration::from_secs(60);
/// Segments read at a time.
const PAGE: usize = 1000;

/// A video as its manifests tell it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) video: Video,
    /// Those with an init segment, in the video's order.
    pub(crate) renditions: Vec<manifest::Rendition>,
}

impl Stream {
    /// Whether more is to come.
    pub(crate) fn progress(&self) -> Progress {
        if self.video.status.is_terminal() { Progress::Ended } else { Progress::Growing }
    }

    /// Whether every segment there will be is there.
    pub(crate) fn is_ready(&self) -> bool {
        self.video.status == VideoStatus::Ready
    }

    pub(crate) fn rendition(&self, id: RenditionId) -> Option<&manifest::Rendition> {
        self.renditions.iter().find(|rendition| rendition.id == id)
    }
}

/// Videos' states. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    catalog: Catalog,
    cache: Cache<(VideoKey, Version), Arc<Stream>>,
}

impl Streams {
    pub(crate) fn new(catalog: Catalog) -> Self {
        let cache = Cache::builder()
            .max_capacity(KEPT_SEGMENTS)
            .weigher(|_, stream: &Arc<Stream>| {
                let segments: usize = stream.renditions.iter().map(|r| r.segments.len()).sum();
                u32::try_from(segments + 1).unwrap_or(u32::MAX)
            })
            .time_to_idle(KEPT_IDLE)
            .build();
        Self { catalog, cache }
    }

    /// The stream of a file of `owner`.
    ///
    /// # Errors
    /// `NotFound` for no such file, somebody else's, or one without a video.
    pub(crate) async fn of_file(&self, owner: &OwnerId, file: FileId) -> Result<Arc<Stream>> {
        let file: Stored<File> = self.catalog.file(owner, file).await?;
        let stream = match &file.value.current.video {
            None => return Err(Error::not_found("this file is not a video")),
            Some(VideoLink::Wanted) => None,
            Some(VideoLink::Video(key)) => self.of_video(key).await?,
        };
        stream
            .ok_or_else(|| Error::not_found("there is nothing to watch yet; try again in a while"))
    }

    /// A video's stream, if the video is there.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn of_video(&self, key: &VideoKey) -> Result<Option<Arc<Stream>>> {
        let Some(head) = self.catalog.stored_video(key).await? else { return Ok(None) };
        let name = (key.clone(), head.version);
        let read = self.cache.try_get_with(name, self.read(key, head.value)).await;
        read.map(Some)
            .map_err(|error: Arc<Error>| Error::with_source(error.kind(), error.to_string(), error))
    }

    async fn read(&self, key: &VideoKey, video: Video) -> Result<Arc<Stream>> {
        let mut renditions = Vec::new();
        for rendition in self.catalog.renditions(key).await? {
            renditions.extend(self.manifest(&rendition).await?);
        }
        Ok(Arc::new(Stream { video, renditions }))
    }

    async fn manifest(&self, rendition: &Rendition) -> Result<Option<manifest::Rendition>> {
        if rendition.init.is_none() {
            return Ok(None);
        }
        let (mut segments, mut from) = (Vec::new(), 0);
        loop {
            let page = self.catalog.segments(rendition.id, from, PAGE).await?;
            let (len, last) = (page.len(), page.last().map(|segment| segment.k));
            segments.extend(page);
            match last {
                Some(last) if len == PAGE => from = last.saturating_add(1),
                _ => return Ok(rendition.manifest(&segments)),
            }
        }
    }
}
