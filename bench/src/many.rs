//! `ingest-many`: 64 uploads of 64 MiB at once, each by a curl of its own.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::report::{Better, Check, Ratio, Report, Series};
use crate::server::{Kind, Server};
use crate::work::{self, Folder};
use crate::{Options, Result, curl};

const UPLOADS: usize = 64;
const LEN: u64 = 64 << 20;
const TARGET: f64 = 1.5;
const PEAK_RSS_MIB: f64 = 512.0;

pub fn measure(options: &Options) -> Result<Report> {
    let files: Vec<PathBuf> = (0..UPLOADS)
        .map(|n| work::random_file(&format!("random-64MiB-{n:02}"), LEN))
        .collect::<Result<_>>()?;
    let kinds = [Kind::Hashreel(&options.hashreel), Kind::TusServer];
    let mut servers = kinds.map(|kind| Series::new(kind.name()));
    for round in 1..=options.runs {
        println!("ingest-many, round {round} of {}", options.runs);
        for (kind, series) in kinds.into_iter().zip(&mut servers) {
            let (took, peak_rss_mib) = upload_all(kind, &files)?;
            series.push(megabytes_a_second(took));
            series.note_peak_rss(peak_rss_mib);
        }
    }
    let [ours, tus_server] = servers;
    let ratio = Ratio::new("over the peer", &ours, &tus_server, Better::Higher, TARGET);
    let peak = ours.peak_rss_mib.ok_or("no memory was measured")?;
    let report = Report::new(
        ("ingest-many", "64 concurrent tus uploads of 64 MiB over loopback"),
        "MB/s",
        Better::Higher,
        vec![ratio],
        vec![ours, tus_server],
    )?;
    Ok(report.checks(vec![Check::new("peak RSS of hashreel, MiB", peak, PEAK_RSS_MIB)]))
}

/// All uploads to a fresh server at once: the time until the last is done, and the peak memory in MiB.
fn upload_all(kind: Kind<'_>, files: &[PathBuf]) -> Result<(Duration, f64)> {
    let folder = Folder::fresh("ingest-many")?;
    let data = folder.path().join("data");
    fs::create_dir(&data)?;
    let server = Server::start(kind, &data)?;
    let endpoint = server.url("/uploads");
    let uploads: Vec<String> =
        files.iter().map(|_| curl::create(&endpoint, LEN)).collect::<Result<_>>()?;
    let start = Instant::now();
    let failed = thread::scope(|scope| {
        let clients: Vec<_> = uploads
            .iter()
            .zip(files)
            .map(|(upload, file)| {
                scope.spawn(|| curl::append(upload, file, LEN).err().map(|e| e.to_string()))
            })
            .collect();
        // A client that panicked has not uploaded either.
        let ends = clients.into_iter().map(|client| client.join());
        ends.filter_map(|end| end.unwrap_or_else(|_| Some("a client panicked".to_owned()))).next()
    });
    match failed {
        None => Ok((start.elapsed(), server.peak_rss_mib()?)),
        Some(error) => Err(error.into()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^32 is exact")]
fn megabytes_a_second(took: Duration) -> f64 {
    (UPLOADS as u64 * LEN) as f64 / 1e6 / took.as_secs_f64()
}
