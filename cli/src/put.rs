//! `hashreel put`: uploads that go on where they stopped, with a bar, and the transcode after them.

use crate::{
    args::PutArgs,
    client::{Client, File, Progress, Source, UploadUrl, VideoState},
    resume::Resume,
    say,
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use model::{Error, ErrorKind, FileId, Result};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

/// How often the state of a video is asked for while it is waited on.
const POLL: Duration = Duration::from_millis(500);

/// Uploads all files, one after the other; a file that fails does not keep the others from going on.
///
/// # Errors
/// That of the first file that failed.
pub async fn run(args: &PutArgs) -> Result<()> {
    let client = Client::new(&args.server)?;
    let bars = MultiProgress::new();
    let mut first = None;
    for path in &args.files {
        match put(&client, path, args.wait, &bars).await {
            Ok(file) if args.json => say::data(&serde_json::to_string(&file).unwrap_or_default()),
            Ok(file) => {
                say::data(&file.id.to_string());
                if file.video.as_ref().is_some_and(|video| video.state != VideoState::Failed) {
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
/// What keeps the upload from ending, or the reason why its video failed.
pub async fn put(client: &Client, path: &Path, wait: bool, bars: &MultiProgress) -> Result<File> {
    let meta = look_at(path).await?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Error::invalid(format!("{} has no name", path.display())))?;
    let source =
        Source { path: path.to_owned(), name, size: meta.len(), changed: meta.modified().ok() };

    let resume = Resume::of(client.server(), path, &meta)?;
    let bar = bars.add(upload_bar(&source));
    let shown = Arc::new(Shown { bar: bar.clone(), resume: Mutex::new(resume.clone()) });
    let id = client.upload(&source, resume.url(), shown).await;
    bar.finish_and_clear();
    let id = id?;
    resume.forget()?;
    bars.suspend(|| say::talk(&format!("{} is stored", source.name)));
    if wait { follow(client, id, bars).await } else { client.file(id).await }
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
                let reason = video.reason.as_deref().unwrap_or("the transcoding was cancelled");
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{} is stored, but no stream was made of it: {reason}", file.name),
                ));
            }
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

fn upload_bar(source: &Source) -> ProgressBar {
    let bar = ProgressBar::new(source.size).with_style(style(
        "{prefix} {bar:30} {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {msg}",
    ));
    bar.set_prefix(source.name.clone());
    bar
}

fn style(template: &str) -> ProgressStyle {
    // A template that does not parse would be a defect that the first run shows.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

/// Shows an upload on a bar, and remembers it on disk.
struct Shown {
    bar: ProgressBar,
    resume: Mutex<Resume>,
}

impl Progress for Shown {
    fn created(&self, url: &UploadUrl) {
        let mut resume = self.resume.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Err(error) = resume.remember(url) {
            let warning = format!("this upload could not be resumed later: {}", error.chain());
            self.bar.suspend(|| say::talk(&warning));
        }
    }

    fn stands_at(&self, offset: u64) {
        self.bar.set_position(offset);
        self.bar.reset_eta();
    }

    fn sent(&self, bytes: u64) {
        self.bar.set_message("");
        self.bar.inc(bytes);
    }

    fn interrupted(&self, error: &Error, pause: Duration) {
        let seconds = pause.as_secs_f32();
        self.bar.set_message(format!("interrupted ({error}); tries again in {seconds:.0} s"));
    }
}
