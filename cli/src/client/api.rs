//! `/v1`: files and jobs, as the server describes them.

use super::Client;
use model::{Error, ErrorKind, FileId, Result, Timestamp};
use reqwest::{Method, Response, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Files that a page of the list has at most.
const PAGE: usize = 200;

/// A file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the fields are those of the HTTP interface")]
pub struct File {
    pub id: FileId,
    pub name: String,
    pub media_type: String,
    pub size: u64,
    pub sha256: Option<model::Sha256>,
    pub state: String,
    pub version: u32,
    pub created_at: Timestamp,
    pub video: Option<Video>,
}

/// A file's video.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the fields are those of the HTTP interface")]
pub struct Video {
    pub state: VideoState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub duration: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_duration: Option<f64>,
    pub progress: f64,
    #[serde(default)]
    pub renditions: Vec<Value>,
    pub hls: Option<String>,
    pub dash: Option<String>,
    pub poster: Option<String>,
}

impl Video {
    /// In words, what is missing of a video whose file was cut off.
    pub fn cut_off(&self) -> Option<String> {
        let (announced, duration) = (self.announced_duration?, self.duration?);
        let seconds = |seconds: f64| (seconds * 10.0).round() / 10.0;
        Some(format!(
            "cut off: it announces {} s, {} s of it could be read",
            seconds(announced),
            seconds(duration)
        ))
    }
}

/// A video's state, by the server's words.
pub type VideoState = model::video::VideoStatus;

/// A video that is not ready.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of the HTTP interface")]
pub struct Job {
    pub file: FileId,
    pub name: String,
    pub state: VideoState,
    pub progress: f64,
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Deserialize)]
struct Files {
    files: Vec<File>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<Job>,
    cursor: Option<String>,
}

impl Client {
    /// Files, newest first, at most `limit`.
    ///
    /// # Errors
    /// As every request.
    pub async fn files(&self, limit: usize) -> Result<Vec<File>> {
        let (mut files, mut cursor) = (Vec::new(), None);
        while files.len() < limit {
            let url = self.url("/v1/files")?;
            let wanted = (limit - files.len()).min(PAGE);
            let request = self.request(Method::GET, url).query(&[("limit", wanted)]);
            let request = match &cursor {
                Some(cursor) => request.query(&[("cursor", cursor)]),
                None => request,
            };
            let page: Files = self.json(request).await?;
            files.extend(page.files);
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(files)
    }

    /// A file by its id.
    ///
    /// # Errors
    /// `NotFound`; as every request.
    pub async fn file(&self, id: FileId) -> Result<File> {
        let url = self.url(&format!("/v1/files/{id}"))?;
        self.json(self.request(Method::GET, url)).await
    }

    /// A file by its id or, where that is none, by its name.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` where several files have the name.
    pub async fn find(&self, wanted: &str) -> Result<File> {
        if let Ok(id) = wanted.parse() {
            return self.file(id).await;
        }
        let all = self.files(usize::MAX).await?;
        let mut named: Vec<_> = all.into_iter().filter(|file| file.name == wanted).collect();
        match (named.pop(), named.len()) {
            (Some(file), 0) => Ok(file),
            (Some(file), others) => Err(Error::invalid(format!(
                "{} files are called `{wanted}`: name one by its id, the oldest is {}; `hashreel ls` \
                 shows all",
                others + 1,
                file.id
            ))),
            (None, _) => Err(Error::not_found(format!(
                "no file has the id or name `{wanted}`; try `hashreel ls`"
            ))),
        }
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// `NotFound`; as every request.
    pub async fn delete(&self, id: FileId) -> Result<()> {
        let url = self.url(&format!("/v1/files/{id}"))?;
        self.send(self.request(Method::DELETE, url)).await.map(drop)
    }

    /// A file's bytes from `start` on, if they are still those of its SHA-256, where that is known.
    ///
    /// # Errors
    /// `Conflict` where it has other bytes by now; as every request.
    pub async fn content(&self, file: &File, start: u64) -> Result<Response> {
        let url = self.url(&format!("/v1/files/{}/content", file.id))?;
        let request = self.request(Method::GET, url);
        let request = match file.sha256 {
            Some(sha256) => request.header(header::IF_MATCH, format!("\"{sha256}\"")),
            None => request,
        };
        let request = match start {
            0 => request,
            _ => request.header(header::RANGE, format!("bytes={start}-")),
        };
        let response = self.send(request).await?;
        let expected = if start == 0 { 200 } else { 206 };
        if response.status().as_u16() != expected {
            return Err(Error::new(ErrorKind::Internal, "the server does not resume downloads"));
        }
        Ok(response)
    }

    /// Videos that are not ready.
    ///
    /// # Errors
    /// As every request.
    pub async fn jobs(&self) -> Result<Vec<Job>> {
        let (mut jobs, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let request = self.request(Method::GET, self.url("/v1/jobs")?);
            let request = match &cursor {
                Some(cursor) => request.query(&[("cursor", cursor)]),
                None => request,
            };
            let page: Jobs = self.json(request).await?;
            jobs.extend(page.jobs);
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(jobs);
            }
        }
    }

    /// Tries a failed video again.
    ///
    /// # Errors
    /// `Conflict` for a video that has not failed; as every request.
    pub async fn retry(&self, id: FileId) -> Result<()> {
        let url = self.url(&format!("/v1/jobs/{id}/retry"))?;
        self.send(self.request(Method::POST, url).json(&json!({}))).await.map(drop)
    }
}
