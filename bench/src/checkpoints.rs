//! `catalog`: durable upload checkpoints a second in SQLite, by 64 writers.
//!
//! A checkpoint here is what ingest writes for one block: the upload's progress with the whole file's
//! hasher state, the block's entry and record, and an event; then it is on the disk. There is no peer;
//! beside it stand the target, and how often this disk syncs 4 KiB.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{
    About, BlockEntry, Catalog, Checkpoint, Dialect, HasherState, Scope, Stored, Upload,
};
use chunking::StreamHasher;
use model::block::{BlockState, Codec, Placement};
use model::upload::UploadState;
use model::{ContentId, FileId, OwnerId, Sha256, Timestamp, UploadId};
use records::sqlite::SqliteRecords;

use crate::report::{Better, Ratio, Report, Series};
use crate::work::Folder;
use crate::{Options, Result};

const WRITERS: u32 = 64;
const ROUND: Duration = Duration::from_secs(5);
const TARGET: f64 = 5_000.0;
const BLOCK: u32 = 1 << 20;

pub fn measure(options: &Options) -> Result<Report> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut ours = Series::new("checkpoints, 64 writers");
    let mut target = Series::new("target");
    let mut disk = Series::new("fdatasync of 4 KiB");
    for round in 1..=options.runs {
        println!("catalog, round {round} of {}", options.runs);
        ours.push(runtime.block_on(checkpoints())?);
        disk.push(syncs()?);
        target.push(TARGET);
    }
    let ratio = Ratio::new("over the target", &ours, &target, Better::Higher, 1.0);
    let what = ("catalog", "upload checkpoints a second in SQLite, each durable");
    let series = vec![ours, target, disk];
    Ok(Report::new(what, "a second", Better::Higher, vec![ratio], series)?
        .note("Waiting checkpoints share one transaction and one sync."))
}

/// Checkpoints a second of all writers together, on a fresh database.
async fn checkpoints() -> Result<f64> {
    let folder = Folder::fresh("catalog")?;
    let records = SqliteRecords::open(folder.path().join("records.db")).await?;
    let catalog = Catalog::new(Arc::new(records));
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        writers.push(catalog.create_upload(upload()).await?);
    }
    let start = Instant::now();
    let writers: Vec<_> = writers
        .into_iter()
        .map(|held| tokio::spawn(write_until(catalog.clone(), held, start + ROUND)))
        .collect();
    let mut written = 0;
    for writer in writers {
        written += writer.await??;
    }
    Ok(f64::from(written) / start.elapsed().as_secs_f64())
}

/// Moves one upload on, a block at a time; how often.
async fn write_until(
    catalog: Catalog,
    mut held: Stored<Upload>,
    deadline: Instant,
) -> model::Result<u32> {
    let mut written = 0;
    while Instant::now() < deadline {
        let start = u64::from(written) * u64::from(BLOCK);
        let hash = Sha256::of(format!("{} {written}", held.value.id).as_bytes());
        let stored = BlockState::Present(Placement {
            object: format!("blocks/global/00/{hash}.0"),
            offset: 0,
            len: u64::from(BLOCK),
            codec: Codec::Plain,
        });
        let checkpoint = Checkpoint {
            offset: start + u64::from(BLOCK),
            start,
            entries: vec![BlockEntry { hash, len: BLOCK }],
            intents: vec![written],
            tail: Vec::new(),
            hasher: Some(HasherState(StreamHasher::new().save())),
            present: vec![(hash, None, stored)],
            scope: Scope::Global,
            now: Timestamp::now(),
        };
        catalog.checkpoint(&mut held, checkpoint).await?;
        written += 1;
    }
    Ok(written)
}

fn upload() -> Upload {
    let now = Timestamp::now();
    Upload {
        id: UploadId::new(now),
        owner: OwnerId::local(),
        dialect: Dialect::Tus,
        created: now,
        expires: now + Duration::from_secs(3600),
        length: None,
        about: About {
            name: "bench".to_owned(),
            media_type: "application/octet-stream".to_owned(),
            relative_path: None,
        },
        metadata: None,
        content: ContentId::new(now),
        file: FileId::new(now),
        state: UploadState::created(),
        tail: Vec::new(),
        hasher: None,
    }
}

/// How often a second one writer can append 4 KiB to a file and have it on the disk.
fn syncs() -> Result<f64> {
    let folder = Folder::fresh("catalog")?;
    let mut file = File::create(folder.path().join("synced"))?;
    let (start, mut synced) = (Instant::now(), 0);
    while start.elapsed() < ROUND / 5 {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        synced += 1;
    }
    Ok(f64::from(synced) / start.elapsed().as_secs_f64())
}
