//! Files and their videos as the interface shows them.

use crate::streams::Streams;
use catalog::{
    Catalog, File, FileVersion, VideoLink,
    videos::{Rendition, Video, VideoKey},
};
use cmaf::{
    hls,
    manifest::{Kind, Uris},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use model::{FileId, RenditionId, Result, Sha256, Timestamp, video::VideoStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// Files of a page whose renditions are read at the same time.
const AT_ONCE: usize = 8;

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = File)]
pub(crate) struct FileView {
    #[schema(value_type = String, format = "uuid")]
    id: FileId,
    name: String,
    media_type: String,
    /// In bytes.
    size: u64,
    /// Of all its bytes; null until known.
    #[schema(value_type = Option<String>)]
    sha256: Option<Sha256>,
    state: FileState,
    /// From 1.
    version: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Null for a file that is no video.
    video: Option<VideoView>,
}

/// How far a file is known.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FileState {
    /// Its bytes are there, their SHA-256 is being computed.
    Hashing,
    /// All is known.
    Stored,
}

/// A file's video.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Video)]
struct VideoView {
    #[schema(inline)]
    state: VideoState,
    /// Why it failed, or what is wrong with the file of one that is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// In seconds, once known.
    duration: Option<f64>,
    /// In seconds, only where the file was cut off: what it announces. `duration` is what of it could be
    /// read.
    #[serde(skip_serializing_if = "Option::is_none")]
    announced_duration: Option<f64>,
    /// From 0 to 1.
    progress: f64,
    renditions: Vec<RenditionView>,
    /// Address of the HLS master playlist, once something can be watched.
    hls: Option<String>,
    /// Address of the DASH manifest, once the video is ready.
    dash: Option<String>,
    /// Address of a JPEG, once made.
    poster: Option<String>,
    /// Address of the preview pictures' WebVTT; null in this version.
    storyboard: Option<String>,
}

/// See `model::video::VideoStatus`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VideoState {
    Queued,
    Running,
    Playable,
    Ready,
    Failed,
    Cancelled,
}

impl From<VideoStatus> for VideoState {
    fn from(status: VideoStatus) -> Self {
        match status {
            VideoStatus::Queued => Self::Queued,
            VideoStatus::Running => Self::Running,
            VideoStatus::Playable => Self::Playable,
            VideoStatus::Ready => Self::Ready,
            VideoStatus::Failed => Self::Failed,
            VideoStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// One rung of a video's ladder, or an audio track.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rendition)]
struct RenditionView {
    #[schema(value_type = String, format = "uuid")]
    id: RenditionId,
    /// `video` or `audio`.
    kind: &'static str,
    /// In pixels; null for audio.
    width: Option<u32>,
    /// In pixels; null for audio.
    height: Option<u32>,
    /// Bits a second at most.
    bandwidth: u64,
    /// RFC 6381.
    codec: String,
    /// Frames a second; null for audio.
    frame_rate: Option<f64>,
}

impl RenditionView {
    /// Nothing before the first segment was made.
    fn of(rendition: Rendition) -> Option<Self> {
        let (kind, width, height, frame_rate) = match rendition.kind {
            Kind::Video { width, height, frame_rate } => {
                ("video", Some(width), Some(height), Some(frame_rate.as_f64()))
            }
            Kind::Audio { .. } => ("audio", None, None, None),
        };
        let codec = rendition.init?.codecs;
        Some(Self {
            id: rendition.id,
            kind,
            width,
            height,
            bandwidth: rendition.cap,
            codec,
            frame_rate,
        })
    }
}

/// A file's video, and where it stands: nothing while no worker has taken it up, or for a moment while
/// it is cleaned away.
pub(crate) fn video_of<'a>(
    version: &FileVersion,
    mut videos: impl Iterator<Item = (&'a VideoKey, &'a Video)>,
) -> Option<&'a Video> {
    let Some(VideoLink::Video(key)) = &version.video else { return None };
    videos.find_map(|(known, video)| (known == key).then_some(video))
}

/// The videos of `files`, in one read.
pub(crate) async fn videos_of(catalog: &Catalog, files: &[File]) -> Result<Vec<(VideoKey, Video)>> {
    let keys: Vec<_> = files
        .iter()
        .filter_map(|file| match &file.current.video {
            Some(VideoLink::Video(key)) => Some(key.clone()),
            _ => None,
        })
        .collect();
    let videos = catalog.videos(&keys).await?;
    Ok(keys.into_iter().zip(videos).filter_map(|(key, video)| Some((key, video?))).collect())
}

/// `files` as they are shown, in their order.
pub(crate) async fn show(
    catalog: &Catalog,
    streams: &Streams,
    files: Vec<File>,
) -> Result<Vec<FileView>> {
    let videos = videos_of(catalog, &files).await?;
    let show_one = async |file: File| {
        let video = match &file.current.video {
            None => None,
            Some(link) => {
                let known = videos.iter().map(|(key, video)| (key, video));
                let video = video_of(&file.current, known);
                Some(show_video(catalog, streams, file.id, link, video).await?)
            }
        };
        Ok(FileView {
            id: file.id,
            name: file.name,
            media_type: file.media_type,
            size: file.current.size,
            state: file.current.sha256.map_or(FileState::Hashing, |_| FileState::Stored),
            sha256: file.current.sha256,
            version: file.current.number,
            created_at: file.created,
            video,
        })
    };
    stream::iter(files).map(show_one).buffered(AT_ONCE).try_collect().await
}

async fn show_video(
    catalog: &Catalog,
    streams: &Streams,
    file: FileId,
    link: &VideoLink,
    video: Option<&Video>,
) -> Result<VideoView> {
    let (VideoLink::Video(key), Some(video)) = (link, video) else {
        return Ok(VideoView {
            state: VideoState::Queued,
            reason: None,
            duration: None,
            announced_duration: None,
            progress: 0.0,
            renditions: Vec::new(),
            hls: None,
            dash: None,
            poster: None,
            storyboard: None,
        });
    };
    let watchable = match video.status {
        VideoStatus::Playable | VideoStatus::Ready => true,
        // What was made is kept, and can be watched where it is enough.
        VideoStatus::Failed => streams.of_video(key).await?.is_some_and(|stream| {
            hls::master(&stream.renditions, stream.progress(), &Uris::local(file)).is_some()
        }),
        VideoStatus::Queued | VideoStatus::Running | VideoStatus::Cancelled => false,
    };
    let renditions = if video.renditions.is_empty() {
        Vec::new()
    } else {
        catalog.renditions(key).await?.into_iter().filter_map(RenditionView::of).collect()
    };
    let ready = video.status == VideoStatus::Ready;
    Ok(VideoView {
        state: video.status.into(),
        reason: video.reason.clone(),
        duration: video.seconds(),
        announced_duration: video.announced_seconds(),
        progress: video.progress(),
        renditions,
        hls: watchable.then(|| format!("/play/{file}/master.m3u8")),
        dash: ready.then(|| format!("/play/{file}/manifest.mpd")),
        poster: video.poster.as_ref().map(|_| format!("/play/{file}/poster.jpg")),
        storyboard: None,
    })
}
