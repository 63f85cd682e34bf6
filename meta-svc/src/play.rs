//! `/play/{file}`: manifests and poster, for whoever may see the file.

use crate::{
    Meta,
    http::{Representation, Source, is_changed, serve, tag},
    openapi::Refused,
    streams::Stream,
};
use access::Caller;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use cmaf::{dash, hls};
use model::{Error, FileId, RenditionId, Result, Sha256, video::VideoStatus};
use objects::ObjectName;
use service::{Problem, extract::Path};

const HLS: &str = "application/vnd.apple.mpegurl";
const DASH: &str = "application/dash+xml";

fn not_yet() -> Error {
    Error::not_found("this cannot be watched yet; try again in a while")
}

/// The HLS master playlist: what there is to choose from.
#[utoipa::path(get, path = "/play/{file}/master.m3u8", tag = "play", params(("file" = String, Path)),
    responses((status = 200, content_type = HLS, body = String), Refused))]
pub(crate) async fn master(
    State(meta): State<Meta>,
    caller: Caller,
    headers: HeaderMap,
    Path(file): Path<FileId>,
) -> Result<Response, Problem> {
    let stream = meta.streams.of_file(&caller.owner, file).await?;
    // Which tracks there will be, renditions that have not begun do not tell: a player that comes before
    // the sound would go without it.
    if matches!(stream.video.status, VideoStatus::Queued | VideoStatus::Running) {
        return Err(not_yet().into());
    }
    let text = hls::master(&stream.renditions, stream.progress(), &meta.delivery.uris(file));
    Ok(playlist(&headers, &stream, HLS, text.ok_or_else(not_yet)?))
}

/// The DASH manifest, once the video is ready.
#[utoipa::path(get, path = "/play/{file}/manifest.mpd", tag = "play", params(("file" = String, Path)),
    responses((status = 200, content_type = DASH, body = String), Refused))]
pub(crate) async fn mpd(
    State(meta): State<Meta>,
    caller: Caller,
    headers: HeaderMap,
    Path(file): Path<FileId>,
) -> Result<Response, Problem> {
    let stream = meta.streams.of_file(&caller.owner, file).await?;
    if !stream.is_ready() {
        return Err(
            Error::not_found("DASH is there once the video is ready; HLS plays before").into()
        );
    }
    let text = dash::mpd(&stream.renditions, &meta.delivery.uris(file));
    Ok(playlist(&headers, &stream, DASH, text.ok_or_else(not_yet)?))
}

/// The HLS media playlist of one rendition: `{rendition}.m3u8`.
#[utoipa::path(get, path = "/play/{file}/{playlist}", tag = "play",
    params(("file" = String, Path), ("playlist" = String, Path, description = "`{rendition}.m3u8`")),
    responses((status = 200, content_type = HLS, body = String), Refused))]
pub(crate) async fn media(
    State(meta): State<Meta>,
    caller: Caller,
    headers: HeaderMap,
    Path((file, name)): Path<(FileId, String)>,
) -> Result<Response, Problem> {
    let unknown = || Error::not_found("there is no such playlist");
    let id: Option<RenditionId> = name.strip_suffix(".m3u8").and_then(|id| id.parse().ok());
    let id = id.ok_or_else(unknown)?;
    let stream = meta.streams.of_file(&caller.owner, file).await?;
    let rendition = stream.rendition(id).ok_or_else(unknown)?;
    let longest = stream.video.longest_seconds;
    let text = hls::media(rendition, stream.progress(), longest, &meta.delivery.uris(file));
    Ok(playlist(&headers, &stream, HLS, text.ok_or_else(not_yet)?))
}

/// The video's poster.
#[utoipa::path(get, path = "/play/{file}/poster.jpg", tag = "play", params(("file" = String, Path)),
    responses((status = 200, content_type = "image/jpeg"), Refused))]
pub(crate) async fn poster(
    State(meta): State<Meta>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
    Path(file): Path<FileId>,
) -> Result<Response, Problem> {
    let stream = meta.streams.of_file(&caller.owner, file).await?;
    let poster =
        stream.video.poster.as_ref().ok_or_else(|| Error::not_found("there is no poster yet"))?;
    let name = ObjectName::new(poster.object.as_str())?;
    let what = Representation {
        tag: tag(&poster.object),
        media_type: HeaderValue::from_static("image/jpeg"),
        len: meta.objects.len_for(&method, &name).await?,
    };
    let source = Source::Object(meta.objects.clone(), name);
    let mut response = serve(&method, &headers, &what, &source).await?;
    let private = HeaderValue::from_static("private, max-age=3600");
    response.headers_mut().insert(header::CACHE_CONTROL, private);
    Ok(response)
}

/// A manifest's text, or 304 where the client has just this one. While it grows it is asked for anew
/// every time, which costs a few hundred bytes.
fn playlist(
    headers: &HeaderMap,
    stream: &Stream,
    media_type: &'static str,
    text: String,
) -> Response {
    let tag = tag(&Sha256::of(text.as_bytes()).to_string());
    let kept = if stream.is_ready() { "private, max-age=60" } else { "private, no-cache" };
    let common =
        [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static(kept))];
    if !is_changed(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, media_type)], text).into_response()
}
