//! `hashreel ls`, `info`, `rm`, `watch` and `jobs`: what the server has.

use crate::{
    args::{FileArgs, JobsAction, JobsArgs, ListArgs, RmArgs, ServerArgs, WatchArgs},
    client::{Client, File, Job, VideoState},
    letters, say,
};
use indicatif::HumanBytes;
use model::{Error, ErrorKind, Result};

/// Lists files, newest first.
///
/// # Errors
/// As every request.
pub async fn ls(args: &ListArgs) -> Result<()> {
    let files = Client::new(&args.server)?.files(args.limit.get()).await?;
    if args.json {
        return files.iter().try_for_each(json);
    }
    if files.is_empty() {
        say::talk("nothing here yet; upload something with `hashreel put FILE`");
    }
    for file in files {
        say::data(&format!(
            "{}  {:>11}  {:<9}  {}",
            file.id,
            HumanBytes(file.size).to_string(),
            state(&file),
            file.name
        ));
    }
    Ok(())
}

/// Shows one file.
///
/// # Errors
/// As every request.
pub async fn info(args: &FileArgs) -> Result<()> {
    let client = Client::new(&args.server)?;
    let file = client.find(&args.file).await?;
    if args.json {
        return json(&file);
    }
    let mut lines = vec![
        ("name", file.name.clone()),
        ("id", file.id.to_string()),
        ("size", format!("{} ({} bytes)", HumanBytes(file.size), file.size)),
        ("type", file.media_type.clone()),
        ("sha256", file.sha256.map_or("being computed".into(), |hash| hash.to_string())),
        ("created", format!("{:.0}", file.created_at)),
        ("video", state(&file)),
    ];
    if let Some(video) = &file.video {
        lines.extend(video.reason.clone().map(|reason| ("reason", reason)));
        lines.extend(video.duration.map(|seconds| ("duration", format!("{seconds:.3} s"))));
        lines.extend(video.cut_off().map(|missing| ("note", missing)));
        for (label, path) in [("hls", &video.hls), ("dash", &video.dash)] {
            if let Some(path) = path {
                lines.push((label, client.url(path)?.to_string()));
            }
        }
        if video.hls.is_some() {
            lines.push(("watch", client.url(&format!("/watch/{}", file.id))?.to_string()));
        }
        lines.extend(video.renditions.iter().map(|made| ("rendition", rendition(made))));
    }
    for (label, value) in lines {
        say::data(&format!("{label:<10} {value}"));
    }
    Ok(())
}

/// Deletes files.
///
/// # Errors
/// As every request; files before the one that failed are gone.
pub async fn rm(args: &RmArgs) -> Result<()> {
    let client = Client::new(&args.server)?;
    for wanted in &args.files {
        let file = client.find(wanted).await?;
        client.delete(file.id).await?;
        say::talk(&format!("{} is deleted", file.name));
    }
    Ok(())
}

/// Prints where to watch a video, and opens it.
///
/// # Errors
/// `Unsupported` for a file without a stream; as every request.
pub async fn watch(args: &WatchArgs) -> Result<()> {
    let client = Client::new(&args.server)?;
    let file = client.find(&args.file).await?;
    let why_not = match &file.video {
        None => Some("is not a video; download it with `hashreel get`".to_owned()),
        Some(video) if video.hls.is_none() && video.state == VideoState::Failed => {
            Some(format!("has no stream: {}", video.reason.as_deref().unwrap_or("it failed")))
        }
        Some(_) => None,
    };
    if let Some(why_not) = why_not {
        return Err(Error::new(ErrorKind::Unsupported, format!("{} {why_not}", file.name)));
    }
    let url = client.url(&format!("/watch/{}", file.id))?;
    say::data(url.as_str());
    if args.open {
        let opened = tokio::process::Command::new("xdg-open").arg(url.as_str()).status().await;
        if !opened.is_ok_and(|status| status.success()) {
            return Err(Error::invalid(
                "no browser could be opened here; open the address yourself",
            ));
        }
    }
    Ok(())
}

/// Lists or retries videos that are not ready, or sees to jobs that were put aside.
///
/// # Errors
/// As every request, and those of [`letters`].
pub async fn jobs(args: &JobsArgs) -> Result<()> {
    match &args.action {
        None => list_jobs(&args.server).await,
        Some(JobsAction::List { server }) => list_jobs(server).await,
        Some(JobsAction::Retry { file, force, server }) => {
            let client = Client::new(server)?;
            let file = client.find(file).await?;
            client.retry(file.id, *force).await?;
            say::talk(&format!("{} is tried again", file.name));
            Ok(())
        }
        Some(JobsAction::Dead { json, stores }) => letters::list(stores, *json).await,
        Some(JobsAction::Redrive { letters }) => letters::redrive(letters).await,
        Some(JobsAction::Discard { letters }) => letters::discard(letters).await,
    }
}

async fn list_jobs(server: &ServerArgs) -> Result<()> {
    let jobs = Client::new(server)?.jobs().await?;
    if jobs.is_empty() {
        say::talk("every video is ready");
    }
    for Job { file, name, state, progress, reason } in jobs {
        let percent = progress * 100.0;
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        say::data(&format!("{file}  {:<9}  {percent:>3.0} %  {name}{reason}", word(state)));
    }
    Ok(())
}

fn json(file: &File) -> Result<()> {
    let line = serde_json::to_string(file)
        .map_err(|error| Error::with_source(ErrorKind::Internal, "cannot write JSON", error))?;
    say::data(&line);
    Ok(())
}

fn state(file: &File) -> String {
    match &file.video {
        None => "file".into(),
        Some(video) if video.state.is_terminal() => word(video.state).into(),
        Some(video) => format!("{} {:.0} %", word(video.state), video.progress * 100.0),
    }
}

fn word(state: VideoState) -> &'static str {
    match state {
        VideoState::Queued => "queued",
        VideoState::Running => "running",
        VideoState::Playable => "playable",
        VideoState::Ready => "ready",
        VideoState::Failed => "failed",
        VideoState::Cancelled => "cancelled",
    }
}

fn rendition(made: &serde_json::Value) -> String {
    let number = |name: &str| made.get(name).and_then(serde_json::Value::as_u64);
    let kbits = number("bandwidth")
        .map_or_else(String::new, |bits| format!("  at most {} kbit/s", bits / 1000));
    match (number("width"), number("height")) {
        (Some(width), Some(height)) => format!("{width}x{height}{kbits}"),
        _ => format!("audio{kbits}"),
    }
}
