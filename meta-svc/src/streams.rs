//! What the manifests of a video are written from, read once for all who ask at the same time.
//!
//! A video's head is written with every segment, so its version names a state of the whole. What is kept
//! of a video is brought up to the head that a request has seen: a playlist is never older than that.
//! While the video grows, only the segments behind those that are known without a gap are read: of a
//! day-long film a new segment costs a few rows and not all of them. Once it has ended it is read anew,
//! because the end may have brought times in line.

use catalog::{
    Catalog, File, Stored, VideoLink,
    videos::{Rendition, Video, VideoKey},
};
use cmaf::manifest::{self, Progress};
use model::{Error, FileId, OwnerId, RenditionId, Result, video::VideoStatus};
use moka::{
    future::Cache,
    ops::compute::{CompResult, Op},
};
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
    version: Version,
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
    cache: Cache<VideoKey, Arc<Stream>>,
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
        let kept = self.cache.get(key).await;
        if let Some(kept) = kept.filter(|kept| kept.version == head.version) {
            return Ok(Some(kept));
        }
        let renew =
            |kept: Option<moka::Entry<_, _>>| self.renew(key, kept.map(moka::Entry::into_value));
        Ok(match self.cache.entry_by_ref(key).and_try_compute_with(renew).await? {
            CompResult::Inserted(entry)
            | CompResult::ReplacedWith(entry)
            | CompResult::Unchanged(entry) => Some(entry.into_value()),
            CompResult::Removed(_) | CompResult::StillNone(_) => None,
        })
    }

    /// What is to become of the stream that is kept. The head is read again: whoever waited for another
    /// one's reading may find that it is new enough.
    async fn renew(&self, key: &VideoKey, kept: Option<Arc<Stream>>) -> Result<Op<Arc<Stream>>> {
        let Some(Stored { value: video, version }) = self.catalog.stored_video(key).await? else {
            return Ok(Op::Remove);
        };
        if kept.as_ref().is_some_and(|kept| kept.version == version) {
            return Ok(Op::Nop);
        }
        let kept = kept.filter(|_| !video.status.is_terminal());
        let mut renditions = Vec::new();
        for rendition in self.catalog.renditions(key).await? {
            let known = kept.as_ref().and_then(|kept| kept.rendition(rendition.id));
            renditions.extend(self.manifest(&rendition, known).await?);
        }
        Ok(Op::Put(Arc::new(Stream { version, video, renditions })))
    }

    /// A rendition as its manifests tell it, `known` being what was read before; nothing before its
    /// first segment.
    async fn manifest(
        &self,
        rendition: &Rendition,
        known: Option<&manifest::Rendition>,
    ) -> Result<Option<manifest::Rendition>> {
        if rendition.init.is_none() {
            return Ok(None);
        }
        let known = known.map_or(&[][..], |known| &known.segments);
        let count = (0..).zip(known).take_while(|(k, segment)| *k == segment.k).count();
        let known = known.iter().take(count).copied();
        let mut from = u32::try_from(count).unwrap_or(u32::MAX);
        let mut segments = Vec::new();
        loop {
            let page = self.catalog.segments(rendition.id, from, PAGE).await?;
            let (len, last) = (page.len(), page.last().map(|segment| segment.k));
            segments.extend(page);
            match last {
                Some(last) if len == PAGE => from = last.saturating_add(1),
                _ => break,
            }
        }
        let mut manifest = rendition.manifest(&segments);
        if let Some(manifest) = &mut manifest {
            manifest.segments.splice(0..0, known);
        }
        Ok(manifest)
    }
}
