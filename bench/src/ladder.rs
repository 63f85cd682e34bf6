//! `ladder`: a minute of 1080p30 into five rungs and its audio, beside one ffmpeg command that makes the
//! same ladder.
//!
//! Ours is the whole way: from the last byte of the upload until the video is ready. A round counts
//! only if both made every frame; bytes and PSNR of each rung are compared, since faster is easy for
//! whoever spends more bits or looks worse.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clip::{self, FRAMES_A_SECOND, Quality, SECONDS};
use crate::playlist::{segments, variants};
use crate::report::{Better, Check, Ratio, Report, Series};
use crate::server::{Kind, Server};
use crate::work::{Folder, run};
use crate::{Options, Result, curl};

/// Name, width, height, and the cap in bits a second: the default profile.
const RUNGS: [(&str, u32, u32, u32); 5] = [
    ("1080p", 1920, 1080, 5_000_000),
    ("720p", 1280, 720, 2_800_000),
    ("480p", 854, 480, 1_400_000),
    ("360p", 640, 360, 800_000),
    ("240p", 426, 240, 400_000),
];
const PRESET: &str = "veryfast";
const CRF: u32 = 23;
const TARGET: f64 = 0.95;
const BYTES_WITHIN: f64 = 0.01;
const PSNR_WITHIN_DB: f64 = 0.05;

const READY_LIMIT: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(100);

type Ladder = [Quality; RUNGS.len()];

pub fn measure(options: &Options) -> Result<Report> {
    let source = clip::clip()?;
    let mut ours = Series::new(Kind::Hashreel(&options.hashreel).name());
    let mut peer = Series::new("one ffmpeg command");
    let mut made = None;
    for round in 1..=options.runs {
        println!("ladder, round {round} of {}", options.runs);
        // The result is the same in each round, so its quality is looked at once.
        let last = round == options.runs;
        let (took, our_quality) = hashreel(options, &source, last)?;
        ours.push(took.as_secs_f64());
        let (took, peer_quality) = one_command(&source, last)?;
        peer.push(took.as_secs_f64());
        made = our_quality.zip(peer_quality);
    }
    let (our_ladder, peer_ladder) = made.ok_or("no round was measured")?;
    let ratio = Ratio::new("over the one command", &ours, &peer, Better::Lower, TARGET);
    let report = Report::new(
        ("ladder", "60 s of 1080p30 into five rungs, x264 veryfast"),
        "s",
        Better::Lower,
        vec![ratio],
        vec![ours, peer],
    )?;
    Ok(report.checks(compare(&our_ladder, &peer_ladder)))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
fn compare(ours: &Ladder, peer: &Ladder) -> Vec<Check> {
    let total = |ladder: &Ladder| ladder.iter().map(|rung| rung.bytes).sum::<u64>() as f64;
    let mut checks = vec![Check::new(
        "video bytes of all rungs, relative",
        total(ours) / total(peer) - 1.0,
        BYTES_WITHIN,
    )];
    for ((name, ..), (ours, peer)) in RUNGS.iter().zip(ours.iter().zip(peer)) {
        let bytes = ours.bytes as f64 / peer.bytes as f64 - 1.0;
        checks.push(Check::new(&format!("{name} bytes, relative"), bytes, BYTES_WITHIN));
        checks.push(Check::new(&format!("{name} PSNR, dB"), ours.psnr - peer.psnr, PSNR_WITHIN_DB));
    }
    checks
}

/// Uploads the clip to a fresh server; from the last byte until the video is ready.
fn hashreel(options: &Options, source: &Path, look: bool) -> Result<(Duration, Option<Ladder>)> {
    let folder = Folder::fresh("ladder")?;
    let data = folder.path().join("data");
    fs::create_dir(&data)?;
    let server = Server::start(Kind::Hashreel(&options.hashreel), &data)?;
    let len = fs::metadata(source)?.len();
    let uploaded = curl::append(&curl::create(&server.url("/uploads"), len)?, source, len)?;
    let start = Instant::now();
    let file = server.url(&format!("/v1/files/{}", uploaded.header("hashreel-file")?));
    let video = wait_until_ready(&file, start + READY_LIMIT)?;
    let took = start.elapsed();
    if !look {
        return Ok((took, None));
    }
    let master = video["hls"].as_str().ok_or("the file has no HLS address")?;
    let renditions = download_rungs(&curl::resolve(&file, master), folder.path())?;
    Ok((took, Some(look_at(&renditions, source)?)))
}

fn wait_until_ready(file: &str, deadline: Instant) -> Result<Value> {
    loop {
        let video = serde_json::from_str::<Value>(&curl::poll(file)?)?["video"].take();
        match video["state"].as_str() {
            Some("ready") => return Ok(video),
            Some("failed" | "cancelled") => return Err(format!("the video: {video}").into()),
            _ if Instant::now() > deadline => return Err("the video is not ready in time".into()),
            _ => sleep(LOOK_EVERY),
        }
    }
}

/// Init segment and segments of each rung in one file, in the order of [`RUNGS`].
fn download_rungs(master: &str, folder: &Path) -> Result<[PathBuf; RUNGS.len()]> {
    let variants = variants(&curl::get(master)?);
    let mut files = RUNGS.map(|(name, ..)| folder.join(format!("ours-{name}.mp4")));
    for (file, (name, width, height, _)) in files.iter_mut().zip(RUNGS) {
        let size = format!("{width}x{height}");
        let (_, uri) = variants
            .iter()
            .find(|(attributes, _)| attributes.contains(&format!("RESOLUTION={size}")))
            .ok_or_else(|| format!("the master playlist has no {name} of {size}"))?;
        let playlist = curl::resolve(master, uri);
        let parts = segments(&curl::get(&playlist)?);
        let parts: Vec<String> = parts.iter().map(|part| curl::resolve(&playlist, part)).collect();
        curl::download(&parts, file)?;
    }
    Ok(files)
}

/// One ffmpeg that decodes once and makes the whole ladder, as its manual shows it. It begins with a decoder
/// buffer as full as ours (x264's own 0.9 would have it spend 1.3 % more than the cap in its first seconds).
fn one_command(source: &Path, look: bool) -> Result<(Duration, Option<Ladder>)> {
    let folder = Folder::fresh("ladder")?;
    let outputs = RUNGS.map(|(name, ..)| folder.path().join(format!("peer-{name}.mp4")));
    let split: String = RUNGS.iter().map(|(name, ..)| format!("[in{name}]")).collect();
    let mut filter = format!("[0:v]split={}{split}", RUNGS.len());
    for (name, width, height, _) in RUNGS {
        filter += &format!(";[in{name}]scale={width}:{height}:flags=bicubic[{name}]");
    }
    let mut command = clip::ffmpeg();
    command.arg("-i").arg(source).args(["-filter_complex", &filter]);
    for (output, (name, _, _, cap)) in outputs.iter().zip(RUNGS) {
        command.args(["-map", &format!("[{name}]"), "-c:v", "libx264", "-preset", PRESET]);
        command.args(["-crf", &CRF.to_string(), "-maxrate", &cap.to_string()]);
        command.args(["-bufsize", &(2 * cap).to_string()]);
        command.args(["-x264-params", "vbv-init=0.5"]);
        command.args(["-g", &(2 * FRAMES_A_SECOND).to_string(), "-sc_threshold", "0"]);
        command.arg(output);
    }
    command.args(["-map", "0:a", "-c:a", "aac", "-b:a", "128k"]).arg(folder.path().join("a.m4a"));
    let start = Instant::now();
    run(&mut command)?;
    let took = start.elapsed();
    Ok((took, if look { Some(look_at(&outputs, source)?) } else { None }))
}

/// The quality of each rung; an error when one has not every frame of the source.
fn look_at(files: &[PathBuf; RUNGS.len()], source: &Path) -> Result<Ladder> {
    let mut ladder = [Quality { bytes: 0, frames: 0, psnr: 0.0 }; RUNGS.len()];
    for ((rung, file), (name, width, height, _)) in ladder.iter_mut().zip(files).zip(RUNGS) {
        *rung = clip::quality(file, source, (width, height))?;
        if rung.frames != u64::from(SECONDS * FRAMES_A_SECOND) {
            return Err(format!("{name} has {} frames", rung.frames).into());
        }
    }
    Ok(ladder)
}
