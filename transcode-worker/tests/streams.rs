//! The whole way with real media work: a clip goes in, and the stream that comes out has every frame.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod common;

use catalog::VideoLink;
use cmaf::manifest::{Kind, Progress, Uris};
use common::{House, Worker, owner};
use media::{Host, Limits, ladder::Profile};
use model::{event::EventType, video::VideoStatus};
use std::{fs, path::Path, sync::Arc};
use testkit::media_fixtures::{make, times};
use transcode_worker::Transcoder;

fn transcoder() -> Arc<Transcoder> {
    let host = Host::new(env!("CARGO_BIN_EXE_transcode-worker"), Limits::default());
    Arc::new(Transcoder::new(host, Profile::default()))
}

/// Init and segments of each rendition as one file, by the rendition's name.
async fn joined(
    house: &House,
    file: model::FileId,
    to: &Path,
) -> Vec<(String, std::path::PathBuf)> {
    let mut joined = Vec::new();
    let video = house.video(file).await.unwrap();
    for id in video.renditions {
        let rendition = house.catalog.rendition(id).await.unwrap().unwrap();
        let mut objects = vec![rendition.init.unwrap().object];
        let segments = house.catalog.segments(id, 0, 1000).await.unwrap();
        objects.extend(segments.into_iter().filter_map(|segment| segment.object));
        let mut bytes = Vec::new();
        for object in objects {
            bytes.extend(house.objects.get(&object.parse().unwrap(), None).await.unwrap());
        }
        let path = to.join(format!("{}.mp4", rendition.name));
        fs::write(&path, bytes).unwrap();
        joined.push((rendition.name, path));
    }
    joined
}

#[tokio::test]
async fn a_clip_becomes_a_stream_of_all_its_frames() {
    let dir = tempfile::tempdir().unwrap();
    let source = make(
        dir.path(),
        "clip.mp4",
        "-f lavfi -i testsrc2=size=640x360:rate=30:duration=12 \
         -f lavfi -i sine=frequency=440:duration=12 \
         -c:v libx264 -preset ultrafast -g 60 -c:a aac -shortest",
    );
    let house = House::new().await;
    let file = house.upload(&fs::read(&source).unwrap()).await;
    let worker = Worker::start(house.config(), house.deps(transcoder()));
    let video = house.ended(file).await;
    assert_eq!(video.status, VideoStatus::Ready, "{:?}", video.reason);
    house.drain().await;
    worker.stop().await;

    let (frames, _) = times(&source, "v");
    for (name, path) in joined(&house, file, dir.path()).await {
        let track = if name.starts_with("audio") { "a" } else { "v" };
        let (made, samples) = times(&path, track);
        if track == "v" {
            assert_eq!(made.len(), frames.len(), "{name}");
            let apart = made.iter().zip(&frames).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 0.001, "{name}: {apart} s");
        } else {
            assert!(samples.abs_diff(12 * 48_000) <= 1024, "{name}: {samples} samples");
        }
    }
    assert!((video.seconds().unwrap() - 12.0).abs() < 0.05, "{:?}", video.seconds());
    let poster = house.objects.get(&video.poster.unwrap().object.parse().unwrap(), None).await;
    assert!(poster.unwrap().starts_with(&[0xff, 0xd8]), "a JPEG");

    // What the tables hold is enough for every manifest.
    let Some(VideoLink::Video(key)) =
        house.catalog.any_file(file).await.unwrap().unwrap().value.current.video
    else {
        panic!("the file holds its video");
    };
    let mut renditions = Vec::new();
    for rendition in house.catalog.renditions(&key).await.unwrap() {
        let segments = house.catalog.segments(rendition.id, 0, 1000).await.unwrap();
        let rendition = rendition.manifest(&segments).unwrap();
        let codec =
            if matches!(rendition.kind, Kind::Video { .. }) { "avc1." } else { "mp4a.40.2" };
        assert!(rendition.codecs.starts_with(codec), "{}", rendition.codecs);
        renditions.push(rendition);
    }
    let uris = Uris::local(file);
    assert!(cmaf::hls::master(&renditions, Progress::Ended, &uris).is_some());
    assert!(cmaf::dash::mpd(&renditions, &uris).is_some());

    let events = house.catalog.events(&owner(), None, 500).await.unwrap();
    let last = events.iter().rfind(|event| event.kind == EventType::VideoChanged).unwrap();
    assert_eq!((&last.data["state"], &last.data["progress"]), (&"ready".into(), &1.0.into()));
}

#[tokio::test]
async fn a_damaged_clip_becomes_a_stream_whose_segments_meet() {
    let dir = tempfile::tempdir().unwrap();
    // No keyframe lies at a cut, so that neighbouring tasks come to it by different ways. The clip is the
    // same in every run and on every processor: of a hundred seeds only 55 damages a seam so that its
    // two sides read it differently.
    let source = make(
        dir.path(),
        "clip.mkv",
        "-f lavfi -i testsrc2=size=160x90:rate=30:duration=32 \
         -c:v libx264 -preset veryfast -g 47 -bf 3 -x264-params cpu-independent=1:threads=1 \
         -fflags +bitexact -flags:v +bitexact",
    );
    let whole = fs::read(&source).unwrap();
    let mut notes = Vec::new();
    for seed in [1, 7, 55] {
        let mut bytes = whole.clone();
        for n in 0..600 {
            let place = bytes.len() / 20 + (seed * 7_919 + n * 104_729) % (bytes.len() * 8 / 10);
            bytes[place] ^= 0x55;
        }
        let house = House::new().await;
        let file = house.upload(&bytes).await;
        let worker = Worker::start(house.config(), house.deps(transcoder()));
        let video = house.ended(file).await;
        house.drain().await;
        worker.stop().await;
        assert_eq!(video.status, VideoStatus::Ready, "seed {seed}: {:?}", video.reason);
        assert!(video.damaged > 0, "seed {seed}: nothing was damaged");
        for id in video.renditions {
            let mut next = 0;
            for segment in house.catalog.segments(id, 0, 100).await.unwrap() {
                if segment.frames > 0 {
                    assert_eq!(segment.start, next, "seed {seed}: segment {}", segment.k);
                    next = segment.end;
                }
            }
        }
        notes.extend(video.reason);
    }
    assert!(!notes.is_empty(), "no seam was damaged: nothing was shown");
    assert!(notes.iter().all(|note| note.contains("damaged near 0:")), "{notes:?}");
}

#[tokio::test]
async fn a_broken_video_is_failed_with_a_reason() {
    let house = House::new().await;
    // A container's first box, and nothing that it promises.
    let mut broken = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    broken.extend(vec![7; 5000]);
    let file = house.upload(&broken).await;
    let worker = Worker::start(house.config(), house.deps(transcoder()));
    let video = house.ended(file).await;
    house.drain().await;
    worker.stop().await;
    assert_eq!(video.status, VideoStatus::Failed);
    assert!(video.reason.unwrap().len() > 10);
}

#[tokio::test]
async fn what_does_not_look_like_media_is_never_looked_at() {
    let house = House::new().await;
    let file = house.upload(b"just a text").await;
    let version = house.catalog.any_file(file).await.unwrap().unwrap().value.current;
    assert_eq!(version.video, None);
    assert_eq!(house.catalog.left_jobs(None, house.clock.now(), 10).await.unwrap(), []);
}
