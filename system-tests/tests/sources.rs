//! Every kind of source, through the whole of the system: each frame at its time and as it was, the sound
//! in step.
//!
//! `HASHREEL_SOURCES` names a folder of other sources to put through the same checks.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use system_tests::{clips, server::Server, stream};
use testkit::media_fixtures::{complaints, psnr, times};

/// What a rendition has at least, in dB. A picture that was not turned, or is another frame's, has less
/// than half of it.
const LIKENESS: f64 = 30.0;

#[tokio::test]
async fn a_minute_of_1080p_becomes_five_renditions_of_six_segments() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let file = made(&server, dir.path(), &clips::full()).await;

    let video = &file["video"];
    assert!((video["duration"].as_f64().unwrap() - 60.0).abs() < 0.03, "{video}");
    assert_eq!(video["progress"], 1.0);
    let renditions = stream::renditions(&server, &file).await;
    let heights: Vec<u32> = renditions.iter().map(|made| made.height).collect();
    assert_eq!(heights, [1080, 720, 480, 360, 240, 0]);
    for rendition in renditions {
        assert_eq!(rendition.segments.len(), 6, "{}", rendition.name);
    }
    for manifest in ["hls", "dash", "poster"] {
        server.get(video[manifest].as_str().unwrap()).await;
    }
}

#[tokio::test]
async fn every_source_keeps_its_frames_its_times_and_its_sound() {
    let sources = match std::env::var("HASHREEL_SOURCES") {
        Ok(folder) => files(Path::new(&folder)),
        Err(_) => clips::kinds(),
    };
    assert!(!sources.is_empty());
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    for source in sources {
        let file = made(&server, dir.path(), &source).await;
        compare(&server, &file, &source, dir.path()).await;
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

async fn made(server: &Server, home: &Path, source: &Path) -> Value {
    let id = server.put(home, source);
    server.video_in(&id, "ready").await
}

/// Compares what was made with its source, frame by frame.
async fn compare(server: &Server, file: &Value, source: &Path, dir: &Path) {
    let name = source.file_name().unwrap().to_string_lossy();
    let (shown, _) = times(source, "v");
    let (heard, samples) = times(source, "a");
    let zero = shown.first().or(heard.first()).copied().unwrap();
    for rendition in stream::renditions(server, file).await {
        let whole = dir.join(format!("{}.mp4", rendition.name));
        rendition.write(&whole);
        assert_eq!(complaints(&whole), "", "{name} {}", rendition.name);
        if rendition.height > 0 {
            let (times, _) = times(&whole, "v");
            let off = times.iter().zip(&shown).map(|(at, wanted)| (at - (wanted - zero)).abs());
            let worst = off.fold(0.0, f64::max);
            let (width, height) = (rendition.width, rendition.height);
            let likeness = psnr(&whole, source, width, height);
            println!(
                "{name} {width}x{height}: {} frames, {:.3} ms off, {likeness:.1} dB",
                times.len(),
                worst * 1e3
            );
            assert_eq!(times.len(), shown.len(), "{name} {height}");
            assert!(worst < 0.001, "{name} {height}: {worst} s off");
            assert!(likeness > LIKENESS, "{name} {width}x{height}: {likeness} dB");
        } else {
            let (_, made) = times(&whole, "a");
            let rate = samples_a_second(source);
            let wanted = (heard[0] - zero + samples as f64 / rate) * 48_000.0;
            let off = made as f64 - wanted;
            println!("{name} audio: {made} samples, {off:.0} off");
            assert!(off.abs() <= 1024.0, "{name}: the sound is {off} samples off");
        }
        let told: f64 = rendition.segments.iter().map(|(duration, _)| duration).sum();
        let lasts = file["video"]["duration"].as_f64().unwrap();
        assert!(
            (told - lasts).abs() < 0.03,
            "{name}: the playlist lasts {told} s, the video {lasts} s"
        );
    }
}

fn samples_a_second(source: &Path) -> f64 {
    let path = source.to_string_lossy();
    let show = ["-show_entries", "stream=sample_rate", "-of", "csv=p=0"];
    let args = ["-v", "error", "-select_streams", "a:0"].into_iter().chain(show).chain([&*path]);
    system_tests::program::succeed("ffprobe", args).trim().parse().unwrap()
}
