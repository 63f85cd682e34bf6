//! How fast bytes become durable blocks: one upload of random bytes from memory through `append` into
//! files and SQLite in a temporary directory, beside what the disk and the hashes allow.
//!
//! `cargo run --release -p content --example ingest -- [MiB] [DIR]`

use bytes::Bytes;
use catalog::{About, Catalog, Dialect};
use content::{Append, Config, Ended, NewUpload, Store};
use futures::{StreamExt, stream};
use model::{ByteRange, OwnerId, Timestamp};
use std::{io, path::PathBuf, sync::Arc, time::Instant};
use tokio_util::sync::CancellationToken;

/// Frames as a server reads them from a fast socket.
const FRAME: usize = 256 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mib: u64 = args.next().map_or(Ok(1024), |arg| arg.parse())?;
    let parent = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(mib << 20, parent))
}

async fn run(len: u64, parent: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir_in(parent)?;
    let objects = objects::fs::FsObjects::open(dir.path().join("objects")).await?;
    let records = records::sqlite::SqliteRecords::open(dir.path().join("records.db")).await?;
    let counted = objects::layer::Counted::new(Arc::new(objects));
    let store =
        Store::new(Catalog::new(Arc::new(records)), Arc::new(counted.clone()), Config::default())?;

    let owner = OwnerId::local();
    let about = About { name: "noise".into(), media_type: String::new(), relative_path: None };
    let new = NewUpload {
        owner: owner.clone(),
        dialect: Dialect::Tus,
        expires: Timestamp::MAX,
        length: Some(len),
        about,
        metadata: None,
    };
    let upload = store.create(new).await?;
    let append = Append { owner, id: upload.id, at: 0, limit: len, closes: false };

    let start = Instant::now();
    let done = store.append(append, noise(len), CancellationToken::new()).await?;
    let seconds = start.elapsed().as_secs_f64();
    let Ended::Complete(file) = done.ended else { return Err("the upload is not complete".into()) };
    let counts = counted.counts();
    say(&format!(
        "write: {:.0} MB/s ({seconds:.2} s, {} blocks, {} groups), peak memory {} MiB",
        len as f64 / 1e6 / seconds,
        counts.created,
        counts.batches,
        peak_memory() >> 20,
    ));

    let start = Instant::now();
    let mut stream = Box::pin(store.reader(&file.current).stream(ByteRange::new(0, len))?);
    let mut read = 0;
    while let Some(part) = stream.next().await {
        read += part?.len() as u64;
    }
    let seconds = start.elapsed().as_secs_f64();
    say(&format!("read: {:.0} MB/s ({read} bytes verified)", len as f64 / 1e6 / seconds));
    Ok(())
}

/// `len` random bytes in frames. Making them costs about as much as taking them from a socket would.
fn noise(len: u64) -> impl futures::Stream<Item = io::Result<Bytes>> + Send {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let frames = (0..len).step_by(FRAME).map(move |at| {
        let mut frame = vec![0; usize::try_from(len - at).unwrap_or(FRAME).min(FRAME)];
        for word in frame.chunks_mut(8) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            word.copy_from_slice(&seed.to_le_bytes()[..word.len()]);
        }
        Ok(Bytes::from(frame))
    });
    stream::iter(frames)
}

/// Peak resident memory of this process in bytes, as Linux tells it; 0 elsewhere.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

#[expect(clippy::print_stdout, reason = "an example's output")]
fn say(line: &str) {
    println!("{line}");
}
