//! tus 1.0, the client's side: create, ask where it stands, send the rest, over and over until done.

use super::{Client, refusal};
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use model::{Error, ErrorKind, FileId, Result};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url, header};
use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// Bytes read from disk at a time.
const READ: usize = 256 << 10;
/// Tries in a row that move nothing, before it is given up.
const TRIES: u32 = 12;
/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// Where an upload is taken on.
pub type UploadUrl = Url;

/// What to upload.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What to call it.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was changed last, where the file system knows.
    pub changed: Option<SystemTime>,
}

impl Source {
    /// # Errors
    /// `Invalid` where the file is not the one that was begun with: what was sent of it before and what
    /// would be sent now are parts of two files.
    async fn unchanged(&self) -> Result<()> {
        let now = tokio::fs::metadata(&self.path).await.map_err(unreadable(&self.path))?;
        if now.len() == self.size && now.modified().ok() == self.changed {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{} changed while it was sent: run put again, it is a new upload",
            self.path.display()
        )))
    }
}

/// Why the file could not be read on: the request's own error says only that it broke off.
type Trouble = Arc<Mutex<Option<std::io::Error>>>;

/// Told of everything worth showing.
pub trait Progress: Send + Sync + 'static {
    /// The server has an upload at this address.
    fn created(&self, url: &UploadUrl);
    /// The server holds this many bytes for good.
    fn stands_at(&self, offset: u64);
    /// This many bytes more have been given to the connection.
    fn sent(&self, bytes: u64);
    /// A try has failed; the next one follows after `pause`.
    fn interrupted(&self, error: &Error, pause: Duration);
}

impl Client {
    /// Uploads `source`, going on with the upload `begun` where there is one, and gives the file that it
    /// became. Tries again, with pauses, as long as something moves.
    ///
    /// # Errors
    /// What the server refuses; `Unavailable` after [`TRIES`] tries in a row that moved nothing.
    pub async fn upload(
        &self,
        source: &Source,
        begun: Option<UploadUrl>,
        progress: Arc<dyn Progress>,
    ) -> Result<FileId> {
        let mut url = begun;
        let (mut failed, mut furthest) = (0, 0);
        loop {
            match self.attempt(source, &mut url, &mut furthest, &mut failed, &progress).await {
                Ok(file) => return Ok(file),
                Err(error) if is_final(&error) || failed >= TRIES => return Err(error),
                Err(error) => {
                    let pause = Duration::from_millis(250 << failed.min(6)).min(MAX_PAUSE);
                    failed += 1;
                    progress.interrupted(&error, pause);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    async fn attempt(
        &self,
        source: &Source,
        url: &mut Option<UploadUrl>,
        furthest: &mut u64,
        failed: &mut u32,
        progress: &Arc<dyn Progress>,
    ) -> Result<FileId> {
        let (target, offset) = match url {
            Some(target) => match self.stands_at(target).await {
                Ok((_, Some(file))) => return Ok(file),
                Ok((offset, None)) => (target.clone(), offset),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone) => {
                    // It has expired, or was never this server's: begin anew, once.
                    *url = None;
                    *furthest = 0;
                    (self.create(source).await?, 0)
                }
                Err(error) => return Err(error),
            },
            None => (self.create(source).await?, 0),
        };
        if url.is_none() {
            progress.created(&target);
            *url = Some(target.clone());
        }
        if offset > *furthest {
            *furthest = offset;
            *failed = 0;
        }
        progress.stands_at(offset);
        if offset > source.size {
            return Err(Error::invalid(format!(
                "{} is shorter than what was uploaded of it: it has changed, upload it anew",
                source.path.display()
            )));
        }
        source.unchanged().await?;
        let trouble = Trouble::default();
        let body = read_from(source, offset, Arc::clone(progress), Arc::clone(&trouble)).await?;
        let request = self
            .tus(Method::PATCH, target)
            .header(header::CONTENT_TYPE, "application/offset+octet-stream")
            .header(header::CONTENT_LENGTH, source.size - offset)
            .header("Upload-Offset", offset)
            .body(Body::wrap_stream(body));
        let response = match self.send(request).await {
            Ok(response) => response,
            Err(error) => {
                if let Some(cause) = trouble.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    return Err(unreadable(&source.path)(cause));
                }
                // One that has become shorter breaks the request off.
                source.unchanged().await?;
                return Err(error);
            }
        };
        let stands = number(&response, "upload-offset")?;
        progress.stands_at(stands);
        file_of(&response)?.ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "the server took less than the whole file")
        })
    }

    fn tus(&self, method: Method, url: Url) -> RequestBuilder {
        self.request(method, url).header("Tus-Resumable", "1.0.0")
    }

    async fn create(&self, source: &Source) -> Result<UploadUrl> {
        let collection = self.url("/uploads")?;
        let request = self
            .tus(Method::POST, collection.clone())
            .header("Upload-Length", source.size)
            .header("Upload-Metadata", metadata(&source.name))
            .header(header::CONTENT_LENGTH, 0);
        let response = self.send(request).await?;
        let location = text(&response, "location")?;
        collection.join(location).map_err(|error| {
            Error::with_source(ErrorKind::Internal, "the server's Location is no address", error)
        })
    }

    async fn stands_at(&self, url: &UploadUrl) -> Result<(u64, Option<FileId>)> {
        let request = self.tus(Method::HEAD, url.clone());
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        match response.status() {
            status if status.is_success() => {
                Ok((number(&response, "upload-offset")?, file_of(&response)?))
            }
            // A HEAD's answer has no body that could say why.
            StatusCode::NOT_FOUND => Err(Error::not_found("the server does not know this upload")),
            StatusCode::GONE => Err(Error::new(ErrorKind::Gone, "this upload has ended")),
            _ => Err(refusal(response).await),
        }
    }
}

/// Whether another try could not end otherwise. A conflict is not final: HEAD tells the true offset.
fn is_final(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::Busy
            | ErrorKind::Unavailable
            | ErrorKind::Conflict
            | ErrorKind::Cancelled
            | ErrorKind::Internal
    )
}

/// The bytes of a file from `offset` to the size it was announced with: one that has grown since is cut
/// there, and one that has shrunk breaks the request off.
async fn read_from(
    source: &Source,
    offset: u64,
    progress: Arc<dyn Progress>,
    trouble: Trouble,
) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send + 'static> {
    let mut file = tokio::fs::File::open(&source.path).await.map_err(unreadable(&source.path))?;
    file.seek(SeekFrom::Start(offset)).await.map_err(unreadable(&source.path))?;
    let rest = file.take(source.size - offset);
    Ok(ReaderStream::with_capacity(rest, READ)
        .inspect_ok(move |chunk| progress.sent(chunk.len() as u64))
        .inspect_err(move |error| {
            let seen = std::io::Error::new(error.kind(), error.to_string());
            *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }))
}

/// The error for a file that cannot be read.
pub(crate) fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Invalid,
        };
        Error::with_source(kind, format!("cannot read {path}"), error)
    }
}

/// The name, and the media type that its ending tells.
fn metadata(name: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let name_only = format!("filename {}", STANDARD.encode(name));
    match mime_guess::from_path(name).first_raw() {
        Some(media_type) => format!("{name_only},filetype {}", STANDARD.encode(media_type)),
        None => name_only,
    }
}

fn text<'a>(response: &'a Response, name: &str) -> Result<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).ok_or_else(|| {
        Error::internal(format!("the server's answer has no `{name}`: is it Hashreel?"))
    })
}

fn number(response: &Response, name: &str) -> Result<u64> {
    text(response, name)?.parse().map_err(|_| {
        Error::internal(format!("the server's `{name}` is no number: is it Hashreel?"))
    })
}

fn file_of(response: &Response) -> Result<Option<FileId>> {
    match response.headers().get("hashreel-file") {
        None => Ok(None),
        Some(_) => text(response, "hashreel-file")?.parse().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_announced_with_its_name_and_the_type_of_its_ending() {
        assert_eq!(metadata("clip.mp4"), "filename Y2xpcC5tcDQ=,filetype dmlkZW8vbXA0");
        assert_eq!(metadata("clip"), "filename Y2xpcA==");
    }

    #[tokio::test]
    async fn a_file_that_changed_is_not_sent_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "hello").unwrap();
        let changed = std::fs::metadata(&path).unwrap().modified().ok();
        let source = Source { path: path.clone(), name: "a".into(), size: 5, changed };
        source.unchanged().await.unwrap();
        std::fs::write(&path, "hell").unwrap();
        let error = source.unchanged().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("run put again") && is_final(&error), "{error}");
    }
}
