//! The tables that the tests work on, and the steps that all of them take.

use catalog::{
    About, Catalog, Commit, Dialect, Scope, Upload,
    jobs::Job,
    videos::{
        Claim, DueJob, Held, Init, NewPlan, Part, Policy, Rendition, Segment, TakenUp, TaskId,
        VideoKey,
    },
};
use cmaf::manifest::{FrameRate, Kind};
use model::{
    ContentId, FileId, OwnerId, RenditionId, Sha256, Timestamp, UploadId, event::EventType,
    upload::UploadState, video::VideoStatus,
};
use serde_json::json;
use std::time::Duration;

pub const PROFILE: &str = "test.1";

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub fn owner() -> OwnerId {
    "alice".parse().unwrap()
}

pub struct Tables {
    pub catalog: Catalog,
    pub _dir: tempfile::TempDir,
}

pub async fn tables() -> Tables {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/records.db", dir.path().display());
    Tables { catalog: Catalog::new(records::open(&url).await.unwrap()), _dir: dir }
}

/// A file without a byte, which its hash says to be `movie`.
pub async fn file(catalog: &Catalog, movie: &str) -> FileId {
    let upload = Upload {
        id: UploadId::new(at(0)),
        owner: owner(),
        dialect: Dialect::Tus,
        created: at(0),
        expires: at(1000),
        length: Some(0),
        about: About {
            name: "clip.mp4".into(),
            media_type: "video/mp4".into(),
            relative_path: None,
        },
        metadata: None,
        content: ContentId::new(at(0)),
        file: FileId::new(at(0)),
        state: UploadState::created(),
        tail: Vec::new(),
        hasher: None,
    };
    let id = upload.id;
    catalog.create_upload(upload).await.unwrap();
    let held = catalog.take_over(&owner(), id, None, at(0)).await.unwrap();
    let commit = Commit {
        sha256: Some(Sha256::of(movie.as_bytes())),
        looks_like_media: true,
        chunking: "test".into(),
        scope: Scope::Global,
        now: at(0),
    };
    let file = catalog.commit(&held, commit).await.unwrap().id;
    let jobs = left(catalog).await;
    assert!(jobs.iter().any(|due| due.job == Job::Probe { file }), "{jobs:?}");
    catalog.forget_jobs(&jobs).await.unwrap();
    file
}

pub fn key(movie: &str) -> VideoKey {
    VideoKey { sha256: Sha256::of(movie.as_bytes()), profile: PROFILE.into() }
}

pub async fn taken_up(catalog: &Catalog, movie: &str) -> FileId {
    let file = file(catalog, movie).await;
    let taken = catalog.take_up(file, PROFILE, at(0)).await.unwrap();
    assert_eq!(taken, TakenUp::Video(key(movie)));
    file
}

pub async fn left(catalog: &Catalog) -> Vec<DueJob> {
    catalog.left_jobs(None, at(1_000_000), 1000).await.unwrap()
}

pub async fn claim(catalog: &Catalog, task: TaskId, attempt: &str, now: i64) -> Claim {
    let policy = Policy::default();
    catalog.claim(&key("m"), task, attempt, &policy, at(now), at(now + 15)).await.unwrap()
}

pub async fn held(catalog: &Catalog, task: TaskId, attempt: &str, now: i64) -> Held {
    match claim(catalog, task, attempt, now).await {
        Claim::Held(held) => held,
        other => panic!("{other:?}"),
    }
}

pub fn rendition(kind: Kind, name: &str) -> Rendition {
    let (id, name) = (RenditionId::random(), name.into());
    Rendition { id, video: key("m"), kind, name, cap: 1000, init: None }
}

pub fn plan(tasks: u32) -> NewPlan {
    let rung =
        |width, height| Kind::Video { width, height, frame_rate: FrameRate { num: 30, den: 1 } };
    let sound = Kind::Audio { name: "a".into(), language: None, channels: 2, default: true };
    let renditions = vec![
        rendition(rung(1280, 720), "720p"),
        rendition(rung(640, 360), "360p"),
        rendition(sound, "audio 1"),
    ];
    NewPlan {
        plan: json!({"shared": true}),
        tasks: (0..tasks).map(|n| json!({"n": n})).collect(),
        needed: vec![renditions[0].id, renditions[2].id],
        renditions,
        duration: Some(900_000),
        announced: None,
        expected: 3,
        longest_seconds: 11,
    }
}

/// A video with so many tasks, `width` of them outstanding.
pub async fn planned(catalog: &Catalog, tasks: u32, width: u32) -> Vec<DueJob> {
    taken_up(catalog, "m").await;
    let probe = held(catalog, TaskId::Probe, "p", 1).await;
    catalog.planned(&probe, plan(tasks), width, at(1)).await.unwrap()
}

pub async fn status(catalog: &Catalog) -> VideoStatus {
    catalog.video(&key("m")).await.unwrap().unwrap().status
}

/// Segment `k` of 10 s in both rungs, or of the audio.
pub async fn parts(catalog: &Catalog, k: u32, audio: bool, attempt: &str) -> Vec<Part> {
    let renditions = catalog.renditions(&key("m")).await.unwrap();
    let mine = if audio { &renditions[2..] } else { &renditions[..2] };
    let ten = if audio { 480_000 } else { 900_000 };
    let part = |rendition: &Rendition| Part {
        rendition: rendition.id,
        segment: Segment {
            k,
            start: u64::from(k) * ten,
            end: u64::from(k + 1) * ten,
            frames: 300,
            object: Some(format!("renditions/{}/{k}.{attempt}", rendition.id)),
            bytes: 10,
        },
        init: rendition.init.is_none().then(|| Init {
            object: format!("renditions/{}/init.{attempt}", rendition.id),
            bytes: 1,
            sha256: Sha256::of(b"init"),
            codecs: "avc1.64001f".into(),
        }),
    };
    mine.iter().map(part).collect()
}

pub async fn make(catalog: &Catalog, held: &Held, k: u32, audio: bool) -> Vec<String> {
    let parts = parts(catalog, k, audio, &held.attempt).await;
    // Events of one millisecond have no order.
    let at = at(2 + i64::from(k)) + Duration::from_millis(if audio { 500 } else { 0 });
    catalog.segment_made(held, &parts, at).await.unwrap().unused
}

/// States that the owner was told of for `file`.
pub async fn told(catalog: &Catalog, file: FileId) -> Vec<String> {
    let events = catalog.events(&owner(), None, 900).await.unwrap();
    let mine = events
        .into_iter()
        .filter(|event| event.kind == EventType::VideoChanged && event.file == Some(file));
    let mut states: Vec<_> =
        mine.map(|event| event.data["state"].as_str().unwrap().to_owned()).collect();
    states.dedup();
    states
}

pub async fn rows(catalog: &Catalog, partition: String) -> Vec<String> {
    let query = records::Query::partition(partition).limit(1000);
    let records = catalog.records().query(query).await.unwrap().records;
    records.into_iter().map(|record| record.key.sort).collect()
}

pub async fn delete(catalog: &Catalog, file: FileId) {
    catalog.delete_file(&owner(), file, at(3)).await.unwrap();
}
