//! A client as clients are: it breaks off, asks where the upload stands, and goes on at whichever server.

use bytes::Bytes;
use futures::stream;
use model::FileId;
use reqwest::{Body, Method, Response, StatusCode};
use std::{sync::Arc, time::Duration};
use testkit::dice::Dice;
use tokio::time::sleep;

/// Answers that are no success before a client gives up: more than any storm of these tests brings.
const TRIES: u32 = 300;

/// `clip.mp4` and `video/mp4`, in base64.
const METADATA: &str = "filename Y2xpcC5tcDQ=,filetype dmlkZW8vbXA0";

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By tus 1.0: it can be gone on with.
    Tus,
    /// In one POST. One that was answered with an error is sent again, and nobody can tell whether the
    /// first has become a file.
    Plain,
}

/// A file to send.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub bytes: Bytes,
    pub way: Way,
}

/// A file that a server has said it has.
#[derive(Debug)]
pub struct Sent {
    pub bytes: Bytes,
    pub file: FileId,
    /// How often a POST with all of it was answered with an error: without bytes, a creation is one.
    pub failed_posts: u32,
}

/// One client.
pub struct Client {
    http: reqwest::Client,
    servers: Arc<[String]>,
    dice: Dice,
    tries: u32,
}

impl Client {
    pub fn new(http: reqwest::Client, servers: Arc<[String]>, dice: Dice) -> Self {
        Self { http, servers, dice, tries: 0 }
    }

    pub async fn send(&mut self, outgoing: Outgoing) -> Sent {
        self.tries = 0;
        let Outgoing { bytes, way } = outgoing;
        let (file, failed_posts) = match way {
            Way::Tus => self.send_by_tus(&bytes).await,
            Way::Plain => self.send_at_once(&bytes).await,
        };
        Sent { bytes, file, failed_posts }
    }

    async fn send_at_once(&mut self, bytes: &Bytes) -> (FileId, u32) {
        let mut failed = 0;
        loop {
            let request = self.request(Method::POST, "/uploads").body(bytes.clone());
            if let Some(answer) = self.answer(request).await {
                return (file_of(&answer).expect("a whole POST makes a file"), failed);
            }
            failed += 1;
        }
    }

    async fn send_by_tus(&mut self, bytes: &Bytes) -> (FileId, u32) {
        let mut failed = 0;
        let path = loop {
            let create = self
                .request(Method::POST, "/uploads")
                .header("tus-resumable", "1.0.0")
                .header("upload-length", bytes.len())
                .header("upload-metadata", METADATA);
            if let Some(answer) = self.answer(create).await {
                if let Some(file) = file_of(&answer) {
                    return (file, failed);
                }
                break answer.headers()["location"].to_str().unwrap().to_owned();
            }
            failed += u32::from(bytes.is_empty());
        };
        (self.go_on_with(&path, bytes).await, failed)
    }

    /// Sends what the upload at `path` does not have yet, whatever it takes.
    async fn go_on_with(&mut self, path: &str, bytes: &Bytes) -> FileId {
        let mut told = 0;
        loop {
            let ask = self.request(Method::HEAD, path).header("tus-resumable", "1.0.0");
            let Some(answer) = self.answer(ask).await else { continue };
            told = risen(told, &answer);
            if let Some(file) = file_of(&answer) {
                return file;
            }
            // As long as all goes well, it needs not ask.
            loop {
                let rest = bytes.slice(told..);
                let Some(answer) = self.append(path, told, rest).await else { break };
                told = risen(told, &answer);
                if let Some(file) = file_of(&answer) {
                    return file;
                }
            }
        }
    }

    /// Sends a little of `rest`, so that it ends within a block, or some, or all of it; now and then the
    /// connection breaks off.
    async fn append(&mut self, path: &str, at: usize, rest: Bytes) -> Option<Response> {
        let some = match self.dice.below(4) {
            0 => self.dice.below(rest.len().min(10_000) + 1),
            1 => self.dice.below(rest.len() + 1),
            _ => rest.len(),
        };
        let mut parts: Vec<std::io::Result<Bytes>> = Vec::new();
        let mut from = 0;
        while from < some {
            let to = some.min(from + 1 + self.dice.below(60_000));
            parts.push(Ok(rest.slice(from..to)));
            from = to;
        }
        if self.dice.happens(1_500) {
            parts.truncate(self.dice.below(parts.len() + 1));
            parts.push(Err(std::io::Error::other("the client's connection breaks off")));
        }
        let request = self
            .request(Method::PATCH, path)
            .header("tus-resumable", "1.0.0")
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", at)
            .body(Body::wrap_stream(stream::iter(parts)));
        self.answer(request).await
    }

    /// At any of the servers.
    fn request(&mut self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let server = &self.servers[self.dice.below(self.servers.len())];
        self.http.request(method, format!("{server}{path}"))
    }

    /// The answer, if it is a success. Anything else must be what a client may try again: after a pause,
    /// and not for ever.
    async fn answer(&mut self, request: reqwest::RequestBuilder) -> Option<Response> {
        let refused = match request.send().await {
            Ok(answer) if answer.status().is_success() => return Some(answer),
            Ok(answer) => {
                let (url, status) = (answer.url().clone(), answer.status());
                let says = answer.text().await.unwrap_or_default();
                let again = [
                    StatusCode::CONFLICT,
                    StatusCode::TOO_MANY_REQUESTS,
                    StatusCode::SERVICE_UNAVAILABLE,
                ];
                assert!(again.contains(&status), "{url}: {status} {says}");
                format!("{status} {says}")
            }
            // Its own doing, or a server that closed upon an answer that the client did not wait for.
            Err(error) => error.to_string(),
        };
        self.tries += 1;
        assert!(self.tries < TRIES, "it never gets through: {refused}");
        sleep(self.dice.moment(Duration::from_millis(5), Duration::from_millis(50))).await;
        None
    }
}

/// The offset that a server tells: never less than one that was told before.
fn risen(told: usize, answer: &Response) -> usize {
    let offset: usize = answer.headers()["upload-offset"].to_str().unwrap().parse().unwrap();
    assert!(offset >= told, "{told} bytes were acknowledged, and now {offset} are there");
    offset
}

fn file_of(answer: &Response) -> Option<FileId> {
    answer.headers().get("hashreel-file").map(|id| id.to_str().unwrap().parse().unwrap())
}
