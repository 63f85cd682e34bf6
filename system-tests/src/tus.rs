//! A client of tus 1.0 that shows each answer, for tests in which answers are what matters.

use crate::site::Site;
use reqwest::{Body, Method, RequestBuilder, Response};

/// Begins an upload of `length` bytes and gives its path.
pub async fn create(site: &Site, length: u64) -> String {
    let request = tus(site, Method::POST, "/uploads").header("Upload-Length", length);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201);
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// Where the upload stands.
pub async fn offset(site: &Site, upload: &str) -> u64 {
    let response = tus(site, Method::HEAD, upload).send().await.unwrap();
    assert_eq!(response.status(), 200);
    offset_of(&response).unwrap()
}

/// Sends bytes from `offset` on.
pub fn patch(site: &Site, upload: &str, offset: u64, body: impl Into<Body>) -> RequestBuilder {
    tus(site, Method::PATCH, upload)
        .header("Upload-Offset", offset)
        .header("Content-Type", "application/offset+octet-stream")
        .body(body)
}

/// The offset that an answer tells.
#[must_use]
pub fn offset_of(response: &Response) -> Option<u64> {
    response.headers().get("upload-offset")?.to_str().unwrap().parse().ok()
}

/// The file that an answer tells, once all bytes are there.
#[must_use]
pub fn file_of(response: &Response) -> Option<String> {
    Some(response.headers().get("hashreel-file")?.to_str().unwrap().to_owned())
}

/// A request of tus 1.0.
pub fn tus(site: &Site, method: Method, path: &str) -> RequestBuilder {
    site.ask(method, path).header("Tus-Resumable", "1.0.0")
}
