//! `/v1/files/{id}/content`: a file's bytes as they came, whole or in ranges.
//!
//! They are somebody's, not ours: a browser is told to save them, not to guess their type, and, should
//! it show them all the same, to let them do nothing. Only types that cannot act are shown in place.

use crate::{
    Meta,
    http::{Representation, Source, attachment, inline, serve, tag},
    openapi::Refused,
};
use access::Caller;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::Response,
};
use catalog::{File, FileVersion};
use model::FileId;
use resumable::name::{OCTETS, media_type};
use service::{Problem, extract::Path};

/// Types that no browser runs anything of.
const SHOWN: [&str; 15] = [
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/plain",
    "video/mp4",
    "video/webm",
];

/// Reads a file's bytes: all, a range, or several (`multipart/byteranges`).
#[utoipa::path(get, path = "/v1/files/{id}/content", tag = "files",
    params(
        ("id" = String, Path),
        ("Range" = Option<String>, Header, description = "RFC 9110, at most 32 ranges"),
        ("If-Range" = Option<String>, Header, description = "The ETag that the ranges are of"),
        ("If-None-Match" = Option<String>, Header),
        ("If-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "All bytes", content_type = "application/octet-stream"),
        (status = 206, description = "The ranges"),
        (status = 304, description = "The client has them"),
        (status = 412, description = "Not the version asked for"),
        (status = 416, description = "No byte of the range is there"),
        Refused))]
pub(crate) async fn content(
    State(meta): State<Meta>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
    Path(id): Path<FileId>,
) -> Result<Response, Problem> {
    let file = meta.catalog().file(&caller.owner, id).await?.value;
    let what = Representation {
        tag: tag(&name_of(&file.current)),
        media_type: content_type(&file.media_type),
        len: file.current.size,
    };
    let source = Source::Blocks(meta.store.reader(&file.current));
    let mut response = serve(&method, &headers, &what, &source).await?;
    guard(response.headers_mut(), &file);
    Ok(response)
}

/// What its bytes are called, whichever file holds them.
fn name_of(version: &FileVersion) -> String {
    version.sha256.map_or_else(|| version.content.to_string(), |sha256| sha256.to_string())
}

fn content_type(sent: &str) -> HeaderValue {
    match media_type(sent).as_str() {
        "text/plain" => HeaderValue::from_static("text/plain; charset=utf-8"),
        other => HeaderValue::from_str(other).unwrap_or(HeaderValue::from_static(OCTETS)),
    }
}

fn guard(headers: &mut HeaderMap, file: &File) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(policy, HeaderValue::from_static("same-origin"));
    // The right to read it may end at any time; unchanged bytes are not sent again.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let shown = SHOWN.contains(&media_type(&file.media_type).as_str());
    let disposition = if shown { inline(&file.name) } else { attachment(&file.name) };
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    if !shown {
        let sandbox = HeaderValue::from_static("sandbox; default-src 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, sandbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_of_a_type_is_never_a_header_of_its_own() {
        for (sent, answered) in [
            ("video/mp4", "video/mp4"),
            ("Text/HTML; charset=x", "text/html"),
            ("text/plain", "text/plain; charset=utf-8"),
            ("", OCTETS),
            ("a/b\r\nset-cookie: c=d", OCTETS),
        ] {
            assert_eq!(content_type(sent), answered, "{sent}");
        }
    }

    #[test]
    fn nothing_that_runs_is_shown() {
        for active in
            ["text/html", "image/svg+xml", "application/pdf", "text/xml", "text/javascript"]
        {
            assert!(!SHOWN.contains(&active), "{active}");
        }
    }
}
