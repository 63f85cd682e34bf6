//! `read`: 1 GiB back with `GET content`, whole and in 1,000 random ranges of 1 MiB, beside nginx serving
//! the plain file from memory.
//!
//! Ours reads the blocks and verifies every one of them, for the ranges too, where a block is more than
//! what was asked for; nginx sends what the page cache has.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::report::{Better, Ratio, Report, Series};
use crate::server::{Kind, Server};
use crate::work::{self, Folder};
use crate::{Options, Result, curl};

const LEN: u64 = 1 << 30;
const RANGES: u64 = 1_000;
const RANGE_LEN: u64 = 1 << 20;
const WHOLE_TARGET: f64 = 0.5;
const RANGES_TARGET: f64 = 0.4;

pub fn measure(options: &Options) -> Result<Report> {
    let file = work::random_file("random-1GiB", LEN)?;
    let folder = Folder::fresh("read")?;
    let (data, www) = (folder.path().join("data"), folder.path().join("www"));
    fs::create_dir(&data)?;
    fs::create_dir(&www)?;
    symlink(&file, www.join("file"))?;
    let server = Server::start(Kind::Hashreel(&options.hashreel), &data)?;
    let nginx = Server::start(Kind::Nginx, &www)?;
    let uploaded = curl::append(&curl::create(&server.url("/uploads"), LEN)?, &file, LEN)?;
    let ours = server.url(&format!("/v1/files/{}/content", uploaded.header("hashreel-file")?));
    let peer = nginx.url("/file");
    for url in [&ours, &peer] {
        must_be_equal(url, &file, folder.path())?;
    }

    let mut whole = ["hashreel, whole", "nginx, whole"].map(Series::new);
    let mut ranges = ["hashreel, ranges", "nginx, ranges"].map(Series::new);
    for round in 1..=options.runs {
        println!("read, round {round} of {}", options.runs);
        let requests = random_ranges()?;
        for (at, url) in [&ours, &peer].into_iter().enumerate() {
            whole[at].push(megabytes_a_second(LEN, timed_get(url)?));
            let took = timed_ranges(url, &requests, folder.path())?;
            ranges[at].push(megabytes_a_second(RANGES * RANGE_LEN, took));
        }
    }
    let [whole, nginx_whole] = whole;
    let [ranges, nginx_ranges] = ranges;
    let ratios = vec![
        Ratio::new("the whole file", &whole, &nginx_whole, Better::Higher, WHOLE_TARGET),
        Ratio::new("1 MiB ranges", &ranges, &nginx_ranges, Better::Higher, RANGES_TARGET),
    ];
    let what = ("read", "1 GiB from memory over loopback, whole and in 1,000 ranges of 1 MiB");
    let series = vec![whole, ranges, nginx_whole, nginx_ranges];
    Ok(Report::new(what, "MB/s", Better::Higher, ratios, series)?
        .note("hashreel verifies the SHA-256 of every block that it reads."))
}

/// What is measured must be the file's bytes.
fn must_be_equal(url: &str, file: &Path, folder: &Path) -> Result<()> {
    let got = folder.join("got");
    curl::download(&[url.to_owned()], &got)?;
    work::run(Command::new("cmp").arg(&got).arg(file))?;
    Ok(fs::remove_file(got)?)
}

fn timed_get(url: &str) -> Result<Duration> {
    let start = Instant::now();
    work::run(Command::new("curl").args(["-sS", "--fail", "-o", "/dev/null", url]))?;
    Ok(start.elapsed())
}

/// All ranges one after the other, on one connection.
fn timed_ranges(url: &str, ranges: &[String], folder: &Path) -> Result<Duration> {
    // Options hold up to the next `next`.
    let request = format!(
        "url = \"{url}\"\nsilent\nshow-error\nfail\noutput = \"/dev/null\"\n\
         write-out = \"%{{http_code}} %{{size_download}}\\n\"\n"
    );
    let requests: Vec<String> =
        ranges.iter().map(|range| format!("{request}range = \"{range}\"\n")).collect();
    let path = folder.join("ranges");
    fs::write(&path, requests.join("next\n"))?;
    let mut command = Command::new("curl");
    command.arg("-K").arg(path);
    let start = Instant::now();
    let answers = work::run(&mut command)?;
    let took = start.elapsed();
    let expected = format!("206 {RANGE_LEN}");
    let complete = answers.lines().filter(|line| *line == expected).count();
    if complete == ranges.len() {
        Ok(took)
    } else {
        Err(format!("{complete} of {} ranges came back whole", ranges.len()).into())
    }
}

/// Ranges that begin anywhere, other ones in each round.
fn random_ranges() -> Result<Vec<String>> {
    let mut random = fs::File::open("/dev/urandom")?;
    let mut ranges = Vec::new();
    for _ in 0..RANGES {
        let mut bytes = [0; 8];
        random.read_exact(&mut bytes)?;
        let start = u64::from_ne_bytes(bytes) % (LEN - RANGE_LEN);
        ranges.push(format!("{start}-{}", start + RANGE_LEN - 1));
    }
    Ok(ranges)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
fn megabytes_a_second(len: u64, took: Duration) -> f64 {
    len as f64 / 1e6 / took.as_secs_f64()
}
