//! The web app: one page for all its addresses, and assets that are named by their content.

use crate::{
    Meta,
    http::{is_changed, tag},
};
use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use model::{Error, ErrorKind, Result};
use rust_embed::{EmbeddedFile, RustEmbed};
use service::Problem;
use std::borrow::Cow;

/// What `web/dist` held when this was built.
#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Bundle;

/// What the page may load: scripts, styles and pictures of this origin alone; media also from the player's
/// own buffers, and segments from `elsewhere` too, an origin. No page may frame ours.
///
/// # Errors
/// `Internal` for what is no origin.
pub(crate) fn policy(elsewhere: Option<&str>) -> Result<HeaderValue> {
    let segments = elsewhere.map(|origin| format!(" {origin}")).unwrap_or_default();
    let text = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src 'self'{segments}; media-src 'self' blob:{segments}; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(text).map_err(|error| {
        let sentence = "the address of the segments does not fit into a header";
        Error::with_source(ErrorKind::Internal, sentence, error)
    })
}

/// The page, whatever its address: the app reads it there.
pub(crate) async fn page(
    State(meta): State<Meta>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let file =
        Bundle::get("index.html").ok_or_else(|| Error::internal("the bundle has no index.html"))?;
    let mut response = answer(&headers, file, "text/html; charset=utf-8", "no-cache");
    let add = response.headers_mut();
    add.insert(header::CONTENT_SECURITY_POLICY, meta.policy);
    add.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    add.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// A file of the bundle: its name changes with its content, so it may be kept for ever.
pub(crate) async fn asset(
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = format!("assets/{path}");
    let file = Bundle::get(&name);
    let file = file.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such asset"))?;
    Ok(answer(&headers, file, media_type(&name), "public, max-age=31536000, immutable"))
}

fn answer(
    headers: &HeaderMap,
    file: EmbeddedFile,
    media_type: &'static str,
    kept: &'static str,
) -> Response {
    let hash = model::Sha256::from_bytes(file.metadata.sha256_hash());
    let tag = tag(&hash.to_string());
    let common = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static(kept)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if !is_changed(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    (common, [(header::CONTENT_TYPE, media_type)], Body::from(bytes)).into_response()
}

/// The few types that a bundler makes.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
