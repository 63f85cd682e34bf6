//! What is not a video, is broken, or is out to do harm ends with a reason, and harms nobody.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::cast_possible_truncation, reason = "seconds and samples of short clips")]

mod common;

use async_trait::async_trait;
use bytes::Bytes;
use common::{Keep, Memory, host, profile, stream};
use media::ladder::{Planned, plan};
use media::task::Made;
use media::{Host, Limits, RangeSource, Sink};
use model::{ByteRange, Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use testkit::media_fixtures::make;

async fn refused(bytes: impl Into<Bytes>) -> Error {
    host().probe(&Memory(bytes.into())).await.unwrap_err()
}

fn clip(folder: &Path) -> Memory {
    let arguments = "-f lavfi -i testsrc2=s=320x180:r=30:d=3 -c:v libx264 -g 30 -pix_fmt yuv420p";
    Memory::of(&make(folder, "clip.mp4", arguments))
}

#[tokio::test]
async fn a_script_that_names_local_files_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("local.mp4");
    std::fs::write(&local, &clip(folder.path()).0).unwrap();
    for script in [
        format!("ffconcat version 1.0\nfile '{}'\n", local.display()),
        format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n",
            local.display()
        ),
    ] {
        assert_eq!(refused(script).await.kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_file_without_its_end_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let whole = clip(folder.path()).0;
    for len in [whole.len() / 2, whole.len() - 100, 40] {
        let error = refused(whole.slice(..len)).await;
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains("cut off"), "{error}");
    }
}

#[tokio::test]
async fn noise_is_refused() {
    // A fixed sequence (Knuth's MMIX generator): the same in every run.
    let mut state = 7u64;
    let mut noise = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let heads: [&[u8]; 4] = [
        b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
        b"RIFF\0\0\0\x10AVI LIST",
        b"",
    ];
    for head in heads {
        let bytes: Vec<u8> = head.iter().copied().chain((0..300_000).map(|_| noise())).collect();
        let error = refused(bytes).await;
        assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported), "{error}");
    }
    assert_eq!(refused(Vec::new()).await.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn damage_anywhere_in_a_file_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let whole = clip(folder.path()).0;
    for seed in 0..12usize {
        let mut bytes = whole.to_vec();
        for n in 0..40 {
            let place = (seed * 7_919 + n * 104_729) % bytes.len();
            bytes[place] ^= u8::try_from(1 + (seed * 31 + n * 17) % 255).unwrap();
        }
        // Either it is made as far as it goes, or refused for a reason of the file's.
        if let Err(error) = stream(&Memory(bytes.into()), &profile()).await {
            let blamed = [ErrorKind::Invalid, ErrorKind::Unsupported, ErrorKind::TooLarge];
            assert!(blamed.contains(&error.kind()), "seed {seed}: {}", error.chain());
        }
    }
}

#[tokio::test]
async fn a_picture_of_too_many_pixels_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        "-f lavfi -i color=s=9000x9000:r=1:d=1 -frames:v 1 -c:v mjpeg -pix_fmt yuvj420p";
    let error = refused(std::fs::read(make(folder.path(), "a.mkv", arguments)).unwrap()).await;
    assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::TooLarge), "{}", error.chain());
    assert!(error.to_string().contains("pixels"), "{error}");
}

#[tokio::test]
async fn a_codec_that_is_not_let_in_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "-f lavfi -i testsrc2=s=320x180:r=30:d=1 -c:v png";
    let error = refused(std::fs::read(make(folder.path(), "a.mkv", arguments)).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("png"), "{error}");
}

#[tokio::test]
async fn an_encrypted_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "-f lavfi -i testsrc2=s=320x180:r=30:d=1 -c:v libx264 -pix_fmt yuv420p \
        -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb \
        -encryption_kid a7e61c373e219033c21091fa607bf3b8";
    let error = refused(std::fs::read(make(folder.path(), "a.mp4", arguments)).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", error.chain());
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[tokio::test]
async fn memory_and_time_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    let source = clip(folder.path());
    let with = |limits| Host::new(env!("CARGO_BIN_EXE_media-task"), limits);
    let tight = with(Limits { memory: 64 << 20, ..Limits::default() });
    let error = tight.probe(&source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{}", error.chain());

    // x264's slowest preset takes far longer than a second of processor time for this.
    let mut heavy = profile();
    heavy.video.preset = "placebo".into();
    heavy.segment_seconds = 100;
    let plan = plan(&host().probe(&source).await.unwrap(), &heavy).unwrap();
    let brief = with(Limits { cpu: Duration::from_secs(1), ..Limits::default() });
    let task = plan.task(Planned::Video { first: 0, end: None }).unwrap();
    let error = brief.run(task, &source, &mut Keep::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{}", error.chain());
    assert!(error.to_string().contains("processor time"), "{error}");
}

#[tokio::test]
async fn a_film_of_unknown_length_may_take_as_long_as_its_segments() {
    let folder = tempfile::tempdir().unwrap();
    // As a browser records: without a duration, so that the plan has one segment and one run.
    let arguments =
        "-f lavfi -i testsrc2=s=320x180:r=30:d=12 -c:v libx264 -g 30 -pix_fmt yuv420p -live 1";
    let source = Memory::of(&make(folder.path(), "a.mkv", arguments));
    let mut slow = profile();
    slow.video.preset = "slow".into();
    let plan = plan(&host().probe(&source).await.unwrap(), &slow).unwrap();
    assert_eq!((plan.duration, plan.cuts.len()), (None, 1));
    let limits = Limits { cpu: Duration::from_secs(1), ..Limits::default() };
    let task = plan.task(Planned::Video { first: 0, end: None }).unwrap();
    let mut keep = Keep::default();
    Host::new(env!("CARGO_BIN_EXE_media-task"), limits)
        .run(task, &source, &mut keep)
        .await
        .unwrap();
    assert_eq!(keep.segments.len(), 12);
}

/// A source whose store goes away after some reads.
struct Failing(Memory, AtomicU32);

#[async_trait]
impl RangeSource for Failing {
    fn len(&self) -> u64 {
        self.0.len()
    }

    async fn read(&self, range: ByteRange) -> Result<Bytes> {
        if self.1.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.1.store(0, Ordering::SeqCst);
            return Err(Error::new(ErrorKind::Unavailable, "the store is away"));
        }
        self.0.read(range).await
    }
}

#[tokio::test]
async fn an_error_of_the_source_is_not_the_files_fault() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "-f lavfi -i testsrc2=s=640x360:r=30:d=6,noise=alls=60 -c:v libx264 -qp 10 \
        -preset ultrafast -pix_fmt yuv420p";
    let path = make(folder.path(), "a.mp4", arguments);
    let probed = host().probe(&Memory::of(&path)).await.unwrap();
    let plan = plan(&probed, &profile()).unwrap();
    for reads in [0, 1, 3] {
        let source = Failing(Memory::of(&path), AtomicU32::new(reads));
        let task = plan.task(Planned::Video { first: 0, end: None }).unwrap();
        let error = host().run(task, &source, &mut Keep::default()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Unavailable, "the store is away")
        );
    }
}

/// A sink that is full.
struct Full;

#[async_trait]
impl Sink for Full {
    async fn made(&mut self, _: Made) -> Result<()> {
        Err(Error::new(ErrorKind::NoSpace, "the disk is full"))
    }
}

#[tokio::test]
async fn an_error_of_the_sink_ends_the_task_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = clip(folder.path());
    let plan = plan(&host().probe(&source).await.unwrap(), &profile()).unwrap();
    let task = plan.task(Planned::Video { first: 0, end: None }).unwrap();
    let error = host().run(task, &source, &mut Full).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
}

/// The folders below /proc of processes whose program is `program`.
fn running(program: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let command =
        |entry: &std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
    let wanted = program.as_os_str().as_encoded_bytes();
    entries.filter(|entry| command(entry).starts_with(wanted)).map(|entry| entry.path()).collect()
}

/// A sink that never returns, and says that it was reached and how readily the kernel would end the
/// children of the program that it names.
struct Stuck(tokio::sync::mpsc::Sender<Vec<String>>, PathBuf);

#[async_trait]
impl Sink for Stuck {
    async fn made(&mut self, _: Made) -> Result<()> {
        let score = |process: &PathBuf| std::fs::read_to_string(process.join("oom_score_adj"));
        let scores = running(&self.1).iter().map(|process| score(process).unwrap()).collect();
        self.0.send(scores).await.unwrap();
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_dropped_task_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let source = clip(folder.path());
    // A copy of the program under a name of its own, so that its processes can be told from others'.
    let program = folder.path().join("media-task-of-this-test");
    std::fs::copy(env!("CARGO_BIN_EXE_media-task"), &program).unwrap();
    let host = Host::new(&program, Limits::default());
    let plan = plan(&host.probe(&source).await.unwrap(), &profile()).unwrap();
    let task = plan.task(Planned::Video { first: 0, end: None }).unwrap();
    let (reached, mut is_reached) = tokio::sync::mpsc::channel(1);
    let mut sink = Stuck(reached, program.clone());
    tokio::select! {
        ended = host.run(task, &source, &mut sink) => panic!("the task ended: {ended:?}"),
        // Where memory runs out, the kernel ends the child before anything else.
        reached = is_reached.recv() => assert_eq!(reached.unwrap(), ["1000\n"]),
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while !running(&program).is_empty() {
        assert!(Instant::now() < deadline, "the child outlived its task");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_child_that_does_not_keep_to_the_conversation_is_ended() {
    let source = Memory(Bytes::from_static(b"anything"));
    // Says back what it was told; says nothing; is not there; waits for ever.
    for (program, kind) in [
        ("/bin/cat", ErrorKind::Internal),
        ("/bin/true", ErrorKind::Internal),
        ("/nowhere/to/be/found", ErrorKind::Unavailable),
    ] {
        let error = Host::new(program, Limits::default()).probe(&source).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{program}: {}", error.chain());
    }
}
