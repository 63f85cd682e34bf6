//! `ingest-s3`: 1 GiB in one tus request into a bucket, beside plain `PutObject`s of the same bytes in
//! objects of the same sizes, 16 or 64 at a time; beside those that S3 checks as it does ours; and beside
//! the same from a client that only sends, which is what S3 itself takes.
//!
//! Only S3 is LocalStack's: records and queue are SQLite, so that nothing else takes its processor.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chunking::{Chunker, Profile};
use tokio::runtime::Runtime;

use crate::bucket::{self, Bucket, Checksum, Object};
use crate::report::{Better, Ratio, Report, Series};
use crate::server::{Kind, Server};
use crate::work::{self, Folder};
use crate::{Options, Result, curl};

const LEN: u64 = 1 << 30;
const TARGET: f64 = 0.9;
const PEERS: [(&str, (usize, Checksum)); 4] = [
    ("PutObject, 16 at a time", (16, Checksum::Sdk)),
    ("PutObject, 64 at a time", (64, Checksum::Sdk)),
    ("PutObject with SHA-256", (64, Checksum::Sha256)),
    ("PutObject, SHA-256 known", (64, Checksum::KnownSha256)),
];

pub fn measure(options: &Options) -> Result<Report> {
    let file = work::random_file("random-1GiB", LEN)?;
    let blocks = blocks(&file)?;
    let runtime = Runtime::new()?;
    let bucket = runtime.block_on(Bucket::of_the_environment())?;
    let mut ours = Series::new("upload-svc");
    let mut peers = PEERS.map(|(name, _)| Series::new(name));
    for round in 1..=options.runs {
        println!("ingest-s3, round {round} of {}", options.runs);
        let prefix = format!("bench-{round}");
        let before = work::processor_time()?;
        let (took, peak_rss_mib) = upload(options, &prefix, &file)?;
        ours.processor_s.push((work::processor_time()? - before).as_secs_f64());
        let (count, bytes) = runtime.block_on(bucket.clear(&prefix))?;
        // The blocks, and the empty mark of whose objects these are.
        if (count, bytes) != (blocks.len() + 1, LEN) {
            return Err(format!("{count} objects of {bytes} bytes are in the bucket").into());
        }
        ours.push(megabytes_a_second(took));
        ours.note_peak_rss(peak_rss_mib);
        for ((_, kind), series) in PEERS.into_iter().zip(&mut peers) {
            let before = work::processor_time()?;
            let start = Instant::now();
            runtime.block_on(bucket.put(&prefix, &blocks, kind))?;
            series.push(megabytes_a_second(start.elapsed()));
            series.processor_s.push((work::processor_time()? - before).as_secs_f64());
            runtime.block_on(bucket.clear(&prefix))?;
        }
    }
    let [few, many, checked, sent] = peers;
    let faster = if few.median() > many.median() { &few } else { &many };
    let ratios = vec![
        Ratio::new("over the faster peer", &ours, faster, Better::Higher, TARGET),
        Ratio::new("over the peer with the same check", &ours, &checked, Better::Higher, TARGET),
    ];
    Ok(Report::new(
        ("ingest-s3", "1 GiB in one tus request into LocalStack's S3"),
        "MB/s",
        Better::Higher,
        ratios,
        vec![ours, few, many, checked, sent],
    )?
    .note("upload-svc has S3 check each object's SHA-256; the plain peer's objects have the SDK's CRC.")
    .note("The SDK hashes each body once more for its signature, unless the SHA-256 is known.")
    .note("Processor: of clients and upload-svc, its start and stop included; LocalStack's is not in it."))
}

/// One upload to a fresh service: the time of its requests, and the service's peak memory in MiB.
fn upload(options: &Options, prefix: &str, file: &Path) -> Result<(Duration, f64)> {
    let folder = Folder::fresh("ingest-s3")?;
    let data = folder.path().join("data");
    fs::create_dir(&data)?;
    let sqlite = |name: &str| format!("sqlite://{}/{name}.db", data.display());
    let settings = [
        ("HASHREEL_OBJECTS", format!("s3://{}/{prefix}", bucket::name()?)),
        ("HASHREEL_RECORDS", sqlite("records")),
        ("HASHREEL_QUEUE", sqlite("queue")),
    ];
    let program = options.hashreel.with_file_name("upload-svc");
    let kind = Kind::Service { name: "upload-svc", program: &program, settings: &settings };
    let server = Server::start(kind, &data)?;
    let start = Instant::now();
    let upload = curl::create(&server.url("/uploads"), LEN)?;
    let created_in = start.elapsed();
    let took = created_in + curl::append(&upload, file, LEN)?.took;
    Ok((took, server.peak_rss_mib()?))
}

/// The file in memory, in the blocks that the upload makes of it.
fn blocks(file: &Path) -> Result<Vec<Object>> {
    let mut rest = Bytes::from(fs::read(file)?);
    let mut chunker = Chunker::new(Profile::default());
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let end = chunker.next_boundary(&rest).unwrap_or(rest.len());
        blocks.push(Object::new(rest.split_to(end)));
    }
    Ok(blocks)
}

#[expect(clippy::cast_precision_loss, reason = "2^30 is exact")]
fn megabytes_a_second(took: Duration) -> f64 {
    LEN as f64 / 1e6 / took.as_secs_f64()
}
