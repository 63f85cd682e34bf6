//! Cross-origin uploads by allow-list: a page of a listed origin may speak tus to us with its key, any
//! other gets no permission from here and its browser keeps the answer from it.
//!
//! Credentials of the browser (cookies) are never allowed across origins; keys travel in headers.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE,
            LOCATION, ORIGIN, VARY,
        },
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use model::{Error, Result};
use resumable::{HASHREEL_FILE, dialect::METHOD_OVERRIDE, tus};
use std::{collections::HashSet, str::FromStr, sync::Arc};

/// Methods of uploads.
const METHODS: HeaderValue = HeaderValue::from_static("POST, HEAD, PATCH, DELETE, OPTIONS");

/// How long a browser may remember a permission, in seconds: Chromium's own upper limit.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// An origin as a browser writes it: `https://app.example.com`, with a port where it is not the
/// scheme's own, and nothing behind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(HeaderValue);

impl FromStr for Origin {
    type Err = Error;

    /// # Errors
    /// `Invalid` for anything that no browser would send as an origin.
    fn from_str(text: &str) -> Result<Self> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let fits = host.is_some_and(|host| {
            !host.is_empty()
                && host.bytes().all(
                    |c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'[' | b']'),
                )
        });
        match HeaderValue::from_str(text) {
            Ok(value) if fits => Ok(Self(value)),
            _ => Err(Error::invalid(format!(
                "`{text}` is no origin; write it as https://app.example.com, in lower case, without a path"
            ))),
        }
    }
}

/// The origins whose pages may upload.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    origins: Arc<HashSet<HeaderValue>>,
}

impl Cors {
    /// A list of the origins that are allowed.
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { origins: Arc::new(origins.into_iter().map(|origin| origin.0).collect()) }
    }

    /// The origins, as browsers send them.
    pub(crate) fn origins(&self) -> impl Iterator<Item = HeaderValue> {
        self.origins.iter().cloned()
    }
}

/// Answers preflights of listed origins and adds the permission to every other answer they get.
pub(crate) async fn allow(State(cors): State<Cors>, request: Request, next: Next) -> Response {
    let origin =
        request.headers().get(ORIGIN).filter(|origin| cors.origins.contains(*origin)).cloned();
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match origin {
        Some(_) if preflight => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    if let Some(origin) = origin {
        permit(response.headers_mut(), origin, preflight);
    }
    // Caches must not hand one origin's permission, or its absence, to another.
    response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    response
}

fn permit(headers: &mut HeaderMap, origin: HeaderValue, preflight: bool) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if preflight {
        let ours = [METHOD_OVERRIDE, AUTHORIZATION, CONTENT_TYPE, CONTENT_DISPOSITION];
        // What tus-js-client adds where it is asked to.
        let theirs = ["x-requested-with", "x-request-id"].map(HeaderName::from_static);
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            list(tus::REQUEST_HEADERS.into_iter().chain(ours).chain(theirs)),
        );
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    } else {
        let readable = tus::RESPONSE_HEADERS.into_iter().chain([LOCATION, HASHREEL_FILE]);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, list(readable));
    }
}

fn list(names: impl Iterator<Item = HeaderName>) -> HeaderValue {
    let names: Vec<_> = names.map(|name| name.as_str().to_owned()).collect();
    #[expect(clippy::expect_used, reason = "header names joined by commas are a header value")]
    HeaderValue::from_str(&names.join(", ")).expect("names are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in ["https://app.example.com", "http://localhost:5173", "http://[::1]:80"] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in
            ["*", "null", "app.example.com", "https://", "https://a/", "https://A.b", "ftp://a"]
        {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
