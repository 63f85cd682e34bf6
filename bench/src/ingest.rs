//! `ingest`: 1 GiB of random bytes, one tus request over loopback, durable at the end.
//!
//! Beside the two peers stand the two limits: the disk (`dd conv=fsync` of the same bytes) and one
//! core that finds the boundaries and hashes the blocks. The peers neither hash nor sync.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chunking::{Chunker, Profile, StreamHasher};

use crate::report::{Better, Ratio, Report, Series};
use crate::server::{Kind, Server};
use crate::work::{self, Folder};
use crate::{Options, Result, curl};

const LEN: u64 = 1 << 30;
const PEERS_TARGET: f64 = 1.5;
const LIMITS_TARGET: f64 = 0.85;

pub fn measure(options: &Options) -> Result<Report> {
    let file = work::random_file("random-1GiB", LEN)?;
    let kinds = [Kind::Hashreel(&options.hashreel), Kind::TusServer, Kind::Rustus];
    let mut servers = kinds.map(|kind| Series::new(kind.name()));
    let mut disk = Series::new("dd conv=fsync");
    let mut core = Series::new("FastCDC + SHA-256, one core");
    for round in 1..=options.runs {
        println!("ingest, round {round} of {}", options.runs);
        for (kind, series) in kinds.into_iter().zip(&mut servers) {
            let (took, peak_rss_mib) = upload(kind, &file)?;
            series.push(megabytes_a_second(took));
            series.note_peak_rss(peak_rss_mib);
        }
        disk.push(megabytes_a_second(write_and_sync(&file)?));
        core.push(megabytes_a_second(chunk_and_hash(&file)?));
    }

    let [ours, tus_server, rustus] = servers;
    let faster_peer = if tus_server.median() > rustus.median() { &tus_server } else { &rustus };
    let slower_limit = if disk.median() < core.median() { &disk } else { &core };
    let ratios = vec![
        Ratio::new("over the faster peer", &ours, faster_peer, Better::Higher, PEERS_TARGET),
        Ratio::new("over the slower limit", &ours, slower_limit, Better::Higher, LIMITS_TARGET),
    ];
    let report = Report::new(
        ("ingest", "1 GiB in one tus request over loopback"),
        "MB/s",
        Better::Higher,
        ratios,
        vec![ours, tus_server, rustus, disk, core],
    )?;
    Ok(report
        .note("The target is one of the two ratios: the second where the disk forbids the first.")
        .note("hashreel finds boundaries, hashes, stores once and syncs; the peers do none of it."))
}

/// One upload to a fresh server: the time of its requests, and the server's peak memory in MiB.
fn upload(kind: Kind<'_>, file: &Path) -> Result<(Duration, f64)> {
    let folder = Folder::fresh("ingest")?;
    let data = folder.path().join("data");
    fs::create_dir(&data)?;
    let server = Server::start(kind, &data)?;
    let start = Instant::now();
    let upload = curl::create(&server.url("/uploads"), LEN)?;
    let created_in = start.elapsed();
    let took = created_in + curl::append(&upload, file, LEN)?.took;
    Ok((took, server.peak_rss_mib()?))
}

fn write_and_sync(file: &Path) -> Result<Duration> {
    let folder = Folder::fresh("ingest")?;
    let mut command = Command::new("dd");
    command.arg(format!("if={}", file.display()));
    command.arg(format!("of={}", folder.path().join("copy").display()));
    command.args(["bs=1M", "conv=fsync", "status=none"]);
    let start = Instant::now();
    work::run(&mut command)?;
    Ok(start.elapsed())
}

/// Boundaries and block hashes of the whole file, held in memory, on this thread.
fn chunk_and_hash(file: &Path) -> Result<Duration> {
    let bytes = fs::read(file)?;
    let start = Instant::now();
    let mut chunker = Chunker::new(Profile::default());
    let mut rest = bytes.as_slice();
    let mut blocks = 0_u32;
    while !rest.is_empty() {
        let end = chunker.next_boundary(rest).unwrap_or(rest.len());
        let mut hasher = StreamHasher::new();
        hasher.update(&rest[..end]);
        std::hint::black_box(hasher.finish());
        rest = &rest[end..];
        blocks += 1;
    }
    let took = start.elapsed();
    let expected = LEN / u64::from(Profile::default().avg());
    if u64::from(blocks) * 2 > expected { Ok(took) } else { Err("too few blocks".into()) }
}

#[expect(clippy::cast_precision_loss, reason = "2^30 is exact")]
fn megabytes_a_second(took: Duration) -> f64 {
    LEN as f64 / 1e6 / took.as_secs_f64()
}
