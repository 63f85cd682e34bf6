//! `hashreel put`: uploads that go on where they stopped, with a bar, and the transcode after them.

use crate::{
    args::PutArgs,
    bar::{Transfer, goes_on, style},
    client::{Client, File, Progress, Source, UploadUrl, VideoState},
    resume::Resume,
    say,
};
use indicatif::{MultiProgress, ProgressBar};
use model::{Error, ErrorKind, FileId, Result};
use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often the state of a video is asked for while it is waited on.
const POLL: Duration = Duration::from_millis(500);

/// Uploads all files, one after the other; a file that fails does not keep the others from going on.
///
/// # Errors
/// That of the first file that failed; `Cancelled` after Ctrl-C.
pub async fn run(args: &PutArgs) -> Result<()> {
    let bars = MultiProgress::new();
    tokio::select! {
        // Heard from the first moment.
        biased;
        stopped = tokio::signal::ctrl_c() => {
            stopped.map_err(|error| {
                Error::with_source(ErrorKind::Internal, "the system tells of no Ctrl-C", error)
            })?;
            // Drawn no more, so that the next line is the shell's.
            bars.clear().map_err(|error| {
                Error::with_source(ErrorKind::Internal, "the bars cannot be cleared", error)
            })?;
            let sentence = "stopped; the same command again goes on where the upload stands";
            Err(Error::new(ErrorKind::Cancelled, sentence))
        }
        done = put_all(args, &bars) => done,
    }
}

async fn put_all(args: &PutArgs, bars: &MultiProgress) -> Result<()> {
    let client = Client::new(&args.server)?;
    client.look_for_server().await?;
    let mut first = None;
    for path in &args.files {
        match put(&client, path, args.wait, bars).await {
            Ok(file) => {
                // It is stored, whatever became of its video.
                bars.suspend(|| {
                    say::data(&match args.json {
                        true => serde_json::to_string(&file).unwrap_or_default(),
                        false => file.id.to_string(),
                    });
                });
                let ended = if args.wait { without_stream(&file) } else { None };
                if let Some(error) = ended {
                    bars.suspend(|| say::talk(&error.chain()));
                    first.get_or_insert(error);
                } else if is_watchable(&file) && !args.json {
                    bars.suspend(|| say::talk(&watch_line(&client, file.id)));
                }
            }
            Err(error) => {
                bars.suspend(|| say::talk(&format!("{}: {}", path.display(), error.chain())));
                first.get_or_insert(error);
            }
        }
    }
    // Each error was said where it happened.
    first.map_or(Ok(()), |error| Err(say::said(error)))
}

/// Whether there is, or will be, something to watch.
pub fn is_watchable(file: &File) -> bool {
    file.video.as_ref().is_some_and(|video| video.state != VideoState::Failed)
}

/// Why there is no stream of a file whose video has come to its end, if that is so.
fn without_stream(file: &File) -> Option<Error> {
    let video = file.video.as_ref()?;
    if !matches!(video.state, VideoState::Failed | VideoState::Cancelled) {
        return None;
    }
    let reason = video.reason.as_deref().unwrap_or("the transcoding was cancelled");
    Some(Error::new(
        ErrorKind::Unsupported,
        format!("{} is stored, but no stream was made of it: {reason}", file.name),
    ))
}

/// The line that tells where to watch a video.
pub fn watch_line(client: &Client, file: FileId) -> String {
    match client.url(&format!("/watch/{file}")) {
        Ok(url) => format!("watch it at {url}"),
        Err(error) => error.to_string(),
    }
}

/// What is told of a file that can be uploaded.
///
/// # Errors
/// `NotFound` where there is none, `Invalid` for a folder and the like and for what cannot be read.
pub async fn look_at(path: &Path) -> Result<std::fs::Metadata> {
    let meta = tokio::fs::metadata(path).await.map_err(crate::client::unreadable(path))?;
    if meta.is_file() {
        return Ok(meta);
    }
    Err(Error::invalid("this is not a file; name files"))
}

/// Uploads one file and, with `wait`, follows its video to the end.
///
/// # Errors
/// What keeps the upload from ending.
pub async fn put(client: &Client, path: &Path, wait: bool, bars: &MultiProgress) -> Result<File> {
    let meta = look_at(path).await?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Error::invalid(format!("{} has no name", path.display())))?;
    let source =
        Source { path: path.to_owned(), name, size: meta.len(), changed: meta.modified().ok() };

    let resume = Resume::of(client.server(), path, &meta)?;
    let transfer = Transfer::new(&source.name, source.size);
    let bar = bars.add(transfer.bar.clone());
    let (source_name, size) = (source.name.clone(), source.size);
    let begun = AtomicBool::new(false);
    let shown =
        Shown { name: source_name, size, transfer, begun, resume: Mutex::new(resume.clone()) };
    let shown = Arc::new(shown);
    let id = client.upload(&source, resume.url(), shown).await;
    bar.finish_and_clear();
    let id = id?;
    resume.forget()?;
    let file = client.file(id).await?;
    let stored = stored_line(&file, client.same_as(&file).await);
    bars.suspend(|| say::talk(&stored));
    if wait { follow(client, id, bars).await } else { Ok(file) }
}

/// That `file` is stored, and whether `same` had its bytes already.
fn stored_line(file: &File, same: Result<Option<File>>) -> String {
    let stored = format!("{} is stored", file.name);
    match same {
        Ok(None) => stored,
        Ok(Some(other)) => format!(
            "{stored}; it has the same bytes as {} {}: nothing was stored again, and both are listed",
            other.id, other.name
        ),
        Err(error) => {
            format!("{stored}; whether it was there before is not known: {}", error.chain())
        }
    }
}

/// Follows a file's video to its end.
async fn follow(client: &Client, id: FileId, bars: &MultiProgress) -> Result<File> {
    let bar = bars
        .add(ProgressBar::new(1000).with_style(style("{prefix} {bar:30} {percent:>3} %  {msg}")));
    bar.set_prefix("transcoding");
    loop {
        let file = client.file(id).await?;
        let Some(video) = &file.video else {
            bar.finish_and_clear();
            say::talk(&format!("{} is no video and is kept as a file", file.name));
            return Ok(file);
        };
        let thousandths = (video.progress.clamp(0.0, 1.0) * 1000.0).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1000"
        )]
        bar.set_position(thousandths as u64);
        bar.set_message(match video.state {
            VideoState::Queued => "waits for a worker",
            VideoState::Playable => "can be watched already",
            _ => "",
        });
        match video.state {
            VideoState::Ready => {
                bar.finish_and_clear();
                // The note of damage within it, and what is missing at its end.
                for note in video.reason.clone().into_iter().chain(video.cut_off()) {
                    say::talk(&format!("{}: {note}", file.name));
                }
                return Ok(file);
            }
            VideoState::Failed | VideoState::Cancelled => {
                bar.finish_and_clear();
                return Ok(file);
            }
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

/// Shows an upload on a bar, and remembers it on disk.
struct Shown {
    name: String,
    size: u64,
    transfer: Transfer,
    /// Whether the server has said once where the upload stands.
    begun: AtomicBool,
    resume: Mutex<Resume>,
}

impl Progress for Shown {
    fn created(&self, url: &UploadUrl) {
        let mut resume = self.resume.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Err(error) = resume.remember(url) {
            let warning = format!("this upload could not be resumed later: {}", error.chain());
            self.transfer.bar.suspend(|| say::talk(&warning));
        }
    }

    fn stands_at(&self, offset: u64) {
        // What stands there at first is of an earlier run.
        if !self.begun.swap(true, Ordering::Relaxed) && offset > 0 {
            let line = goes_on(&self.name, offset, self.size);
            self.transfer.bar.suspend(|| say::talk(&line));
        }
        self.transfer.stands_at(offset);
    }

    fn sent(&self, bytes: u64) {
        self.transfer.bar.set_message("");
        self.transfer.bar.inc(bytes);
    }

    fn interrupted(&self, error: &Error, pause: Duration) {
        let seconds = pause.as_secs_f32();
        self.transfer
            .bar
            .set_message(format!("interrupted ({error}); tries again in {seconds:.0} s"));
    }
}
