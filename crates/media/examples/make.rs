//! Makes a stream of each file named, as a worker would, and prints what was made:
//!
//!     cargo run --release -p media --example make -- OUT_DIR [--tasks N] FILE...
//!
//! `OUT_DIR/NAME/RUNG/` gets `init.mp4`, `K.m4s` and `all.mp4` (the init and all segments, one after the
//! other, for ffprobe), `OUT_DIR/NAME/audio-N/` the same; `poster.jpg` lies beside them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for people")]

use async_trait::async_trait;
use bytes::Bytes;
use media::ladder::{Plan, Planned, Profile, plan};
use media::task::{Made, Outcome};
use media::{Host, Limits, RangeSource, Sink};
use model::{ByteRange, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

struct Disk {
    file: File,
    len: u64,
    read: AtomicU64,
}

fn disk_error(error: std::io::Error) -> Error {
    Error::with_source(ErrorKind::Unavailable, "cannot read or write a file", error)
}

#[async_trait]
impl RangeSource for Disk {
    fn len(&self) -> u64 {
        self.len
    }

    async fn read(&self, range: ByteRange) -> Result<Bytes> {
        let mut bytes =
            vec![0; usize::try_from(range.len()).map_err(|e| Error::internal(e.to_string()))?];
        self.file.read_exact_at(&mut bytes, range.start).map_err(disk_error)?;
        self.read.fetch_add(range.len(), Ordering::Relaxed);
        Ok(bytes.into())
    }
}

/// By rendition: k -> (frames, start, end, bytes).
type Segments = BTreeMap<String, BTreeMap<u32, (u32, u64, u64, usize)>>;

struct Folder {
    at: PathBuf,
    names: Vec<String>,
    made: Arc<Mutex<Segments>>,
}

#[async_trait]
impl Sink for Folder {
    async fn made(&mut self, made: Made) -> Result<()> {
        match made {
            Made::Poster { jpeg, .. } => {
                std::fs::write(self.at.join("poster.jpg"), jpeg).map_err(disk_error)
            }
            Made::Segment(segment) => {
                for (name, part) in self.names.iter().zip(&segment.parts) {
                    let folder = self.at.join(name);
                    std::fs::create_dir_all(&folder).map_err(disk_error)?;
                    let init = folder.join("init.mp4");
                    if let Ok(before) = std::fs::read(&init)
                        && before != part.init
                    {
                        return Err(Error::internal("two tasks made different init segments"));
                    }
                    std::fs::write(init, &part.init).map_err(disk_error)?;
                    let file = folder.join(format!("{}.m4s", segment.k));
                    std::fs::write(file, &part.bytes).map_err(disk_error)?;
                    let entry = (segment.frames, segment.start, segment.end, part.bytes.len());
                    let mut made = self.made.lock().map_err(|e| Error::internal(e.to_string()))?;
                    made.entry(name.clone()).or_default().insert(segment.k, entry);
                }
                Ok(())
            }
        }
    }
}

async fn task(
    host: Host,
    source: Arc<Disk>,
    plan: Arc<Plan>,
    planned: Planned,
    at: PathBuf,
    made: Arc<Mutex<Segments>>,
) -> Result<()> {
    let names = match planned {
        Planned::Video { .. } => plan.rungs.iter().map(|rung| rung.name.clone()).collect(),
        Planned::Audio { track } => vec![format!("audio-{track}")],
        Planned::Poster => Vec::new(),
    };
    let began = Instant::now();
    let mut sink = Folder { at, names, made };
    let outcome = host.run(plan.task(planned)?, &*source, &mut sink).await?;
    if let Outcome::Done(done) = outcome {
        eprintln!("  {planned:?}: {:.1} s, {done:?}", began.elapsed().as_secs_f64());
    }
    Ok(())
}

async fn make(host: &Host, file: &Path, out: &Path, tasks: usize) -> Result<()> {
    let opened = File::open(file).map_err(disk_error)?;
    let len = opened.metadata().map_err(disk_error)?.len();
    let source = Arc::new(Disk { file: opened, len, read: AtomicU64::new(0) });
    let began = Instant::now();
    let probed = host.probe(&*source).await?;
    let plan = Arc::new(plan(&probed, &Profile::default())?);
    let probing = began.elapsed().as_secs_f64();
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    println!(
        "{name}: probed in {probing:.2} s, {} bytes read",
        source.read.load(Ordering::Relaxed)
    );
    println!("  zero {:?}, duration {:?}, video {:?}", plan.zero, plan.duration, plan.video);
    println!("  audio {:?}", plan.audio);

    let (at, made) = (out.join(&name), Arc::new(Mutex::new(Segments::new())));
    if at.exists() {
        std::fs::remove_dir_all(&at).map_err(disk_error)?;
    }
    std::fs::create_dir_all(&at).map_err(disk_error)?;
    let mut left = plan.tasks.clone().into_iter();
    let mut working = tokio::task::JoinSet::new();
    loop {
        while working.len() < tasks
            && let Some(planned) = left.next()
        {
            working.spawn(task(
                host.clone(),
                source.clone(),
                plan.clone(),
                planned,
                at.clone(),
                made.clone(),
            ));
        }
        match working.join_next().await {
            Some(ended) => ended.map_err(|e| Error::internal(e.to_string()))??,
            None => break,
        }
    }
    let wall = began.elapsed().as_secs_f64();
    let made = made.lock().map_err(|e| Error::internal(e.to_string()))?;
    for (rendition, segments) in made.iter() {
        let mut all = std::fs::read(at.join(rendition).join("init.mp4")).map_err(disk_error)?;
        let (mut next, mut frames, mut bytes) = (0, 0, 0);
        for (k, (count, start, end, size)) in segments {
            if *start != next {
                println!("  {rendition}: segment {k} begins at {start}, not at {next}");
            }
            (next, frames, bytes) = (*end, frames + count, bytes + size);
            let segment = at.join(rendition).join(format!("{k}.m4s"));
            all.extend(std::fs::read(segment).map_err(disk_error)?);
        }
        std::fs::write(at.join(rendition).join("all.mp4"), all).map_err(disk_error)?;
        println!(
            "  {rendition}: {} segments, {frames} frames, {bytes} bytes, ends at {next}",
            segments.len()
        );
    }
    println!("  {wall:.1} s, {} bytes read", source.read.load(Ordering::Relaxed));
    Ok(())
}

async fn all(arguments: Vec<String>) -> Result<()> {
    let program = std::env::current_exe().map_err(disk_error)?;
    let host = Host::new(program, Limits::default());
    let mut arguments = arguments.into_iter();
    let out = arguments.next().ok_or_else(|| Error::invalid("name a folder, then files"))?;
    let mut tasks = 2;
    while let Some(argument) = arguments.next() {
        if argument == "--tasks" {
            tasks = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(tasks);
            continue;
        }
        if let Err(error) = make(&host, Path::new(&argument), Path::new(&out), tasks).await {
            println!("{argument}: {:?}: {}", error.kind(), error.chain());
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    if media::child::requested() {
        return media::child::run();
    }
    let arguments = std::env::args().skip(1).collect();
    let ended =
        tokio::runtime::Runtime::new().map_err(disk_error).and_then(|r| r.block_on(all(arguments)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.chain());
            ExitCode::FAILURE
        }
    }
}
