//! `/v1`: files and jobs, as the server describes them.

use super::Client;
use model::{Error, ErrorKind, FileId, Result, Timestamp};
use reqwest::{Method, Response, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Files that a page of the list has at most.
const PAGE: usize = 200;
/// Files of one name that are shown to choose from.
const CHOICE: usize = 20;

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

    /// Another file with the same bytes as `file`, the newest, if there is one.
    ///
    /// # Errors
    /// As every request.
    pub async fn same_as(&self, file: &File) -> Result<Option<File>> {
        let Some(sha256) = file.sha256 else { return Ok(None) };
        let request = self.request(Method::GET, self.url("/v1/files")?);
        // One of the two may be the file itself.
        let request = request.query(&[("sha256", sha256.to_string()), ("limit", "2".to_owned())]);
        let found: Files = self.json(request).await?;
        Ok(found.files.into_iter().find(|other| other.id != file.id))
    }

    /// A file by its id or, where that is none, by its name.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` where several files have the name, with the ids to choose from.
    pub async fn find(&self, wanted: &str) -> Result<File> {
        if let Ok(id) = wanted.parse() {
            return self.file(id).await;
        }
        let all = self.files(usize::MAX).await?;
        let mut named: Vec<_> = all.into_iter().filter(|file| file.name == wanted).collect();
        if named.len() > 1 {
            return Err(Error::invalid(ambiguous(wanted, &named)));
        }
        named.pop().ok_or_else(|| {
            Error::not_found(format!("no file has the id or name `{wanted}`; try `hashreel ls`"))
        })
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
    /// `Conflict` for a video that has not failed, or would fail again unless `force` says to try;
    /// as every request.
    pub async fn retry(&self, id: FileId, force: bool) -> Result<()> {
        let url = self.url(&format!("/v1/jobs/{id}/retry"))?;
        let request = self.request(Method::POST, url).query(&[("force", force)]);
        self.send(request.json(&json!({}))).await.map(drop)
    }
}

/// What to choose from where several files are called `name`: `named`, newest first.
fn ambiguous(name: &str, named: &[File]) -> String {
    let line = |file: &File| {
        let size = indicatif::HumanBytes(file.size);
        format!("\n  {}  {:.0}  {size}", file.id, file.created_at)
    };
    let lines: String = named.iter().take(CHOICE).map(line).collect();
    let more = match named.len().saturating_sub(CHOICE) {
        0 => String::new(),
        more => format!("\n  and {more} older ones: see `hashreel ls`"),
    };
    format!(
        "{} files are called `{name}`; give the id of the one you mean:{lines}{more}",
        named.len()
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A file that was stored so many seconds after 1970.
    pub(crate) fn file(name: &str, size: u64, sha256: Option<model::Sha256>, second: i64) -> File {
        let created_at = Timestamp::from_second(second).unwrap();
        File {
            id: FileId::new(created_at),
            name: name.into(),
            media_type: String::new(),
            size,
            sha256,
            state: String::new(),
            version: 1,
            created_at,
            video: None,
        }
    }

    #[test]
    fn files_of_one_name_are_shown_with_their_dates_to_choose_from() {
        let files: Vec<_> = (1..=21).rev().map(|day| file("a", 5, None, day * 86_400)).collect();
        let said = ambiguous("a", &files[..2]);
        for file in &files[..2] {
            assert!(said.contains(&file.id.to_string()), "{said}");
        }
        assert!(
            said.starts_with("2 files are called `a`")
                && said.ends_with("  1970-01-21T00:00:00Z  5 B")
        );
        let many = ambiguous("a", &files);
        assert!(many.contains("and 1 older ones") && !many.contains(&files[20].id.to_string()));
    }

    #[test]
    fn what_is_missing_is_said_in_seconds() {
        let video = |announced_duration| Video {
            state: VideoState::Ready,
            reason: None,
            duration: Some(41.2333),
            announced_duration,
            progress: 1.0,
            renditions: Vec::new(),
            hls: None,
            dash: None,
            poster: None,
        };
        let said = "cut off: it announces 60 s, 41.2 s of it could be read";
        assert_eq!(video(Some(60.0)).cut_off().as_deref(), Some(said));
        assert_eq!(video(None).cut_off(), None);
    }
}
