//! A video's life over a real store: made once however many files hold it, one effect a task, no
//! segment of two attempts, nothing left when nobody holds it.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use catalog::{
    About, Catalog, Commit, Dialect, Scope, Upload, VideoLink,
    jobs::Job,
    videos::{
        Cause, Claim, DueJob, Failure, Held, Init, Leaving, Missed, NewPlan, Part, Policy, Poster,
        Rendition, Segment, TakenUp, TaskId, VideoKey,
    },
};
use cmaf::manifest::{FrameRate, Kind};
use model::{
    ContentId, ErrorKind, FileId, OwnerId, RenditionId, Sha256, Timestamp, UploadId,
    event::EventType, upload::UploadState, video::VideoStatus,
};
use serde_json::json;
use std::time::Duration;
use testkit::faults::{Effect, Fault, Faults};

const PROFILE: &str = "test.1";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn owner() -> OwnerId {
    "alice".parse().unwrap()
}

struct Tables {
    catalog: Catalog,
    _dir: tempfile::TempDir,
}

async fn tables() -> Tables {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/records.db", dir.path().display());
    Tables { catalog: Catalog::new(records::open(&url).await.unwrap()), _dir: dir }
}

/// A file without a byte, which its hash says to be `movie`.
async fn file(catalog: &Catalog, movie: &str) -> FileId {
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

fn key(movie: &str) -> VideoKey {
    VideoKey { sha256: Sha256::of(movie.as_bytes()), profile: PROFILE.into() }
}

async fn taken_up(catalog: &Catalog, movie: &str) -> FileId {
    let file = file(catalog, movie).await;
    let taken = catalog.take_up(file, PROFILE, at(0)).await.unwrap();
    assert_eq!(taken, TakenUp::Video(key(movie)));
    file
}

async fn left(catalog: &Catalog) -> Vec<DueJob> {
    catalog.left_jobs(None, at(1_000_000), 1000).await.unwrap()
}

async fn claim(catalog: &Catalog, task: TaskId, attempt: &str, now: i64) -> Claim {
    let policy = Policy::default();
    catalog.claim(&key("m"), task, attempt, &policy, at(now), at(now + 15)).await.unwrap()
}

async fn held(catalog: &Catalog, task: TaskId, attempt: &str, now: i64) -> Held {
    match claim(catalog, task, attempt, now).await {
        Claim::Held(held) => held,
        other => panic!("{other:?}"),
    }
}

fn rendition(kind: Kind, name: &str) -> Rendition {
    let (id, name) = (RenditionId::random(), name.into());
    Rendition { id, video: key("m"), kind, name, cap: 1000, init: None }
}

fn plan(tasks: u32) -> NewPlan {
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
        expected: 3,
        longest_seconds: 11,
    }
}

/// A video with so many tasks, `width` of them outstanding.
async fn planned(catalog: &Catalog, tasks: u32, width: u32) -> Vec<DueJob> {
    taken_up(catalog, "m").await;
    let probe = held(catalog, TaskId::Probe, "p", 1).await;
    catalog.planned(&probe, plan(tasks), width, at(1)).await.unwrap()
}

async fn status(catalog: &Catalog) -> VideoStatus {
    catalog.video(&key("m")).await.unwrap().unwrap().status
}

/// Segment `k` of 10 s in both rungs, or of the audio.
async fn parts(catalog: &Catalog, k: u32, audio: bool, attempt: &str) -> Vec<Part> {
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

async fn make(catalog: &Catalog, held: &Held, k: u32, audio: bool) -> Vec<String> {
    let parts = parts(catalog, k, audio, &held.attempt).await;
    // Events of one millisecond have no order.
    let at = at(2 + i64::from(k)) + Duration::from_millis(if audio { 500 } else { 0 });
    catalog.segment_made(held, &parts, at).await.unwrap().unused
}

/// States that the owner was told of for `file`.
async fn told(catalog: &Catalog, file: FileId) -> Vec<String> {
    let events = catalog.events(&owner(), None, 900).await.unwrap();
    let mine = events
        .into_iter()
        .filter(|event| event.kind == EventType::VideoChanged && event.file == Some(file));
    let mut states: Vec<_> =
        mine.map(|event| event.data["state"].as_str().unwrap().to_owned()).collect();
    states.dedup();
    states
}

async fn rows(catalog: &Catalog, partition: String) -> Vec<String> {
    let query = records::Query::partition(partition).limit(1000);
    let records = catalog.records().query(query).await.unwrap().records;
    records.into_iter().map(|record| record.key.sort).collect()
}

#[tokio::test]
async fn the_same_movie_has_one_video_whoever_holds_it() {
    let Tables { catalog, _dir } = tables().await;
    let first = taken_up(&catalog, "m").await;
    let second = taken_up(&catalog, "m").await;
    let other = taken_up(&catalog, "another").await;
    for (file, movie) in [(first, "m"), (second, "m"), (other, "another")] {
        let file = catalog.any_file(file).await.unwrap().unwrap().value;
        assert_eq!(file.current.video, Some(VideoLink::Video(key(movie))));
    }
    let (holders, _) = catalog.holders(&key("m"), 10, None).await.unwrap();
    let files: Vec<_> = holders.iter().map(|holder| holder.file).collect();
    assert_eq!(files.len(), 2);
    assert!(files.contains(&first) && files.contains(&second));
    // Both were told, and there is one probe to do.
    assert_eq!(told(&catalog, second).await, ["queued"]);
    held(&catalog, TaskId::Probe, "a", 1).await;
    assert!(matches!(claim(&catalog, TaskId::Probe, "b", 2).await, Claim::Later(_)));
    // Taking up twice changes nothing.
    let again = catalog.take_up(first, PROFILE, at(1)).await.unwrap();
    assert_eq!(again, TakenUp::Video(key("m")));
    assert_eq!(told(&catalog, first).await, ["queued"]);
}

#[tokio::test]
async fn a_video_keeps_its_width_of_tasks_outstanding_and_finishes_once() {
    let Tables { catalog, _dir } = tables().await;
    let mut jobs = planned(&catalog, 5, 2).await;
    let (mut order, mut finishes) = (Vec::new(), 0);
    while !jobs.is_empty() {
        assert!(jobs.len() <= 2, "{jobs:?}");
        assert_eq!(left(&catalog).await.len(), jobs.len());
        let due = jobs.remove(0);
        catalog.forget_jobs(std::slice::from_ref(&due)).await.unwrap();
        match due.job {
            Job::Task { task, .. } => {
                order.push(task);
                let value = catalog.planned_task(&key("m"), task).await.unwrap();
                assert_eq!(value, json!({"n": task}));
                let held = held(&catalog, TaskId::Number(task), "a", 1).await;
                jobs.extend(catalog.task_done(&held, 0, 2, at(1)).await.unwrap());
                // Delivered again: there is nothing to do, and nothing is sent again.
                assert!(matches!(claim(&catalog, TaskId::Number(task), "b", 1).await, Claim::Over));
                let again = catalog.task_done(&held, 0, 2, at(1)).await.unwrap_err();
                assert_eq!(again.kind(), ErrorKind::Cancelled);
            }
            Job::Finish { .. } => finishes += 1,
            Job::Probe { .. } => panic!("a probe is due"),
        }
    }
    assert_eq!((order, finishes), ((0..5).collect(), 1));
}

#[tokio::test]
async fn two_workers_that_race_for_a_task_have_one_winner() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 1, 1).await;
    let names: Vec<_> = (0..8).map(|n| format!("w{n}")).collect();
    let mut racers = tokio::task::JoinSet::new();
    for name in names {
        let catalog = catalog.clone();
        racers.spawn(async move { claim(&catalog, TaskId::Number(0), &name, 5).await });
    }
    let claims = racers.join_all().await;
    let winners = claims.iter().filter(|claim| matches!(claim, Claim::Held(_))).count();
    assert_eq!(winners, 1, "{claims:?}");
}

#[tokio::test]
async fn an_attempt_given_up_for_dead_can_write_nothing_more() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    let slow = held(&catalog, TaskId::Number(0), "slow", 1).await;
    catalog.keep(&slow, at(20)).await.unwrap();
    assert!(
        matches!(claim(&catalog, TaskId::Number(0), "b", 19).await, Claim::Later(until) if until == at(20))
    );
    let next = held(&catalog, TaskId::Number(0), "next", 20).await;

    let policy = Policy::default();
    let why = Failure { cause: Cause::Source, reason: "no".into() };
    let poster = Poster { object: "p".into(), bytes: 1, width: 1, height: 1 };
    let slow_parts = parts(&catalog, 0, false, "slow").await;
    let kinds = [
        catalog.keep(&slow, at(99)).await.unwrap_err().kind(),
        catalog.segment_made(&slow, &slow_parts, at(20)).await.unwrap_err().kind(),
        catalog.poster_made(&slow, poster, at(20)).await.unwrap_err().kind(),
        catalog.task_done(&slow, 0, 2, at(20)).await.unwrap_err().kind(),
        catalog.task_missed(&slow, &why, &policy, at(20)).await.unwrap_err().kind(),
        catalog.give_back(&slow, at(20)).await.unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Cancelled; 6]);
    assert_eq!(make(&catalog, &next, 0, false).await, Vec::<String>::new());
    assert_eq!(status(&catalog).await, VideoStatus::Running);
}

#[tokio::test]
async fn attempts_never_mix_within_a_segment() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 1, 1).await;
    let first = held(&catalog, TaskId::Number(0), "first", 1).await;
    assert!(make(&catalog, &first, 0, false).await.is_empty());
    let second = held(&catalog, TaskId::Number(0), "second", 50).await;
    assert!(second.is_retry());
    // All that the second stored for this segment is unused, and it knows.
    assert_eq!(make(&catalog, &second, 0, false).await.len(), 2);
    assert!(make(&catalog, &second, 1, false).await.is_empty());
    for rendition in &catalog.renditions(&key("m")).await.unwrap()[..2] {
        let made = catalog.segments(rendition.id, 0, 10).await.unwrap();
        let of: Vec<_> = made.iter().map(|s| s.object.as_deref().unwrap()).collect();
        assert!(of[0].ends_with("/0.first") && of[1].ends_with("/1.second"), "{of:?}");
        assert!(rendition.init.as_ref().unwrap().object.ends_with("init.first"));
    }
    let video = catalog.video(&key("m")).await.unwrap().unwrap();
    assert_eq!((video.made, video.expected), (2, 3));
}

#[tokio::test]
async fn an_init_segment_that_differs_is_a_defect_and_is_not_taken() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 1, 1).await;
    let held = held(&catalog, TaskId::Number(0), "a", 1).await;
    let mut second = parts(&catalog, 1, false, "a").await;
    make(&catalog, &held, 0, false).await;
    // Stored by an attempt that began before the rendition had one: the same is unused, not wrong.
    let same = catalog.segment_made(&held, &second, at(0)).await.unwrap();
    assert_eq!(same.unused.len(), 2);
    for part in &mut second {
        part.segment.k = 2;
        part.init.as_mut().unwrap().sha256 = Sha256::of(b"other");
    }
    let error = catalog.segment_made(&held, &second, at(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(catalog.segment(second[0].rendition, 2).await.unwrap().is_none());
}

#[tokio::test]
async fn a_video_is_playable_once_picture_and_sound_have_their_second_segment() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    let picture = held(&catalog, TaskId::Number(0), "a", 1).await;
    let sound = held(&catalog, TaskId::Number(1), "b", 1).await;
    for (held, k, audio) in
        [(&sound, 0, true), (&sound, 1, true), (&sound, 2, true), (&picture, 1, false)]
    {
        make(&catalog, held, k, audio).await;
        assert_eq!(status(&catalog).await, VideoStatus::Running);
    }
    make(&catalog, &picture, 0, false).await;
    assert_eq!(status(&catalog).await, VideoStatus::Playable);
}

/// All of a video of three segments, made by two tasks.
async fn complete(catalog: &Catalog) {
    let picture = held(catalog, TaskId::Number(0), "a", 1).await;
    let sound = held(catalog, TaskId::Number(1), "b", 1).await;
    for k in 0..3 {
        make(catalog, &picture, k, false).await;
        make(catalog, &sound, k, true).await;
    }
    catalog.task_done(&picture, 0, 2, at(1)).await.unwrap();
    catalog.task_done(&sound, 0, 2, at(1)).await.unwrap();
}

#[tokio::test]
async fn a_complete_video_is_ready_and_its_holders_are_told_each_state_once() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    complete(&catalog).await;
    // Delivered twice.
    for _ in 0..2 {
        let video = catalog.finish(&key("m"), at(9)).await.unwrap().unwrap();
        assert_eq!((video.status, video.seconds()), (VideoStatus::Ready, Some(30.0)));
    }
    let (holders, _) = catalog.holders(&key("m"), 10, None).await.unwrap();
    assert_eq!(told(&catalog, holders[0].file).await, ["queued", "running", "playable", "ready"]);
    let video = catalog.renditions(&key("m")).await.unwrap();
    let segments = catalog.segments(video[0].id, 0, 10).await.unwrap();
    assert_eq!(video[0].manifest(&segments).unwrap().prefix().len(), 3);
}

#[tokio::test]
async fn segments_that_do_not_fit_together_are_never_called_ready() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    let picture = held(&catalog, TaskId::Number(0), "a", 1).await;
    let sound = held(&catalog, TaskId::Number(1), "b", 1).await;
    let mut uneven = parts(&catalog, 0, false, "a").await;
    uneven[1].segment.frames -= 1;
    catalog.segment_made(&picture, &uneven, at(1)).await.unwrap();
    make(&catalog, &sound, 0, true).await;
    catalog.task_done(&picture, 0, 2, at(1)).await.unwrap();
    catalog.task_done(&sound, 0, 2, at(1)).await.unwrap();
    let video = catalog.finish(&key("m"), at(9)).await.unwrap().unwrap();
    assert_eq!(video.status, VideoStatus::Failed);
    assert!(video.reason.unwrap().contains("360p"), "the rung is named");
}

#[tokio::test]
async fn a_finish_of_an_earlier_life_does_a_video_that_is_being_made_no_harm() {
    let Tables { catalog, _dir } = tables().await;
    taken_up(&catalog, "m").await;
    let early = catalog.finish(&key("m"), at(1)).await.unwrap_err();
    assert_eq!((early.kind(), status(&catalog).await), (ErrorKind::Conflict, VideoStatus::Queued));
    let probe = held(&catalog, TaskId::Probe, "p", 1).await;
    catalog.planned(&probe, plan(2), 2, at(1)).await.unwrap();
    let picture = held(&catalog, TaskId::Number(0), "a", 1).await;
    make(&catalog, &picture, 0, false).await;
    catalog.task_done(&picture, 0, 2, at(1)).await.unwrap();
    let early = catalog.finish(&key("m"), at(1)).await.unwrap_err();
    assert_eq!((early.kind(), status(&catalog).await), (ErrorKind::Conflict, VideoStatus::Running));
}

/// Two segments of both rungs, of which the second begins `late` ticks behind the first one's end; the
/// tasks met `damaged` packets.
async fn apart(catalog: &Catalog, late: u64, damaged: u64) -> catalog::videos::Video {
    planned(catalog, 2, 2).await;
    let picture = held(catalog, TaskId::Number(0), "a", 1).await;
    let sound = held(catalog, TaskId::Number(1), "b", 1).await;
    make(catalog, &picture, 0, false).await;
    let mut second = parts(catalog, 1, false, "a").await;
    for part in &mut second {
        part.segment.start += late;
    }
    catalog.segment_made(&picture, &second, at(1)).await.unwrap();
    for k in 0..2 {
        make(catalog, &sound, k, true).await;
    }
    catalog.task_done(&picture, damaged, 2, at(1)).await.unwrap();
    catalog.task_done(&sound, 0, 2, at(1)).await.unwrap();
    catalog.finish(&key("m"), at(9)).await.unwrap().unwrap()
}

#[tokio::test]
async fn seams_of_a_damaged_source_are_mended_and_its_owner_is_told_where() {
    let Tables { catalog, _dir } = tables().await;
    let video = apart(&catalog, 3000, 1).await;
    assert_eq!((video.status, video.seconds()), (VideoStatus::Ready, Some(20.0)));
    assert!(video.reason.unwrap().contains("damaged near 0:10"));
    for rendition in &catalog.renditions(&key("m")).await.unwrap()[..2] {
        let segments = catalog.segments(rendition.id, 0, 10).await.unwrap();
        let times: Vec<_> = segments.iter().map(|segment| (segment.start, segment.end)).collect();
        // What players add up is where each segment's own time says that it begins.
        assert_eq!(times, [(0, 903_000), (903_000, 1_800_000)]);
    }
    // Delivered again.
    let again = catalog.finish(&key("m"), at(9)).await.unwrap().unwrap();
    assert!(again.reason.is_some());
}

#[tokio::test]
async fn seams_that_no_damage_explains_are_a_defect() {
    let Tables { catalog, _dir } = tables().await;
    let video = apart(&catalog, 3000, 0).await;
    assert_eq!(video.status, VideoStatus::Failed);
    assert!(video.reason.unwrap().contains("a defect of this program"));
}

#[tokio::test]
async fn a_damaged_source_whose_segments_meet_is_ready_without_a_note() {
    let Tables { catalog, _dir } = tables().await;
    let video = apart(&catalog, 0, 7).await;
    assert_eq!((video.status, video.reason), (VideoStatus::Ready, None));
}

#[tokio::test]
async fn progress_within_a_segment_is_told_and_lost_attempts_tell_none() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    let slow = held(&catalog, TaskId::Number(0), "a", 1).await;
    catalog.progressed(&slow, 500, at(2)).await.unwrap();
    let video = catalog.video(&key("m")).await.unwrap().unwrap();
    assert!((video.progress() - 0.5 / 3.0).abs() < 1e-9);
    let events = catalog.events(&owner(), None, 900).await.unwrap();
    assert!(events.iter().any(|event| event.data["progress"].as_f64() > Some(0.1)), "{events:?}");
    // It passes, unlike the states.
    let query = records::Query::partition("log#events#alice").limit(1000);
    let records = catalog.records().query(query).await.unwrap().records;
    let passing = records.iter().filter(|record| record.expires.is_some()).count();
    assert_eq!((passing, records.len() > 2), (1, true), "{records:?}");
    held(&catalog, TaskId::Number(0), "b", 50).await;
    let lost = catalog.progressed(&slow, 900, at(51)).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn a_video_that_is_given_up_fails_with_a_reason_and_an_ended_one_stays_as_it_is() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    for reason in ["no use", "once more"] {
        catalog.give_up_video(&key("m"), reason, at(9)).await.unwrap();
        let video = catalog.video(&key("m")).await.unwrap().unwrap();
        assert_eq!((video.status, video.reason.as_deref()), (VideoStatus::Failed, Some("no use")));
    }
    catalog.give_up_video(&key("none"), "gone", at(9)).await.unwrap();
}

#[tokio::test]
async fn a_change_is_made_also_where_not_all_holders_can_be_told() {
    // The reading and writing behind the change itself.
    for call in [4, 5] {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/records.db", dir.path().display());
        let faults = Faults::new();
        let catalog = Catalog::new(faults.records(records::open(&url).await.unwrap()));
        for _ in 0..18 {
            taken_up(&catalog, "m").await;
        }
        let (effect, kind) = (Effect::None, ErrorKind::Internal);
        faults.arm(Fault { call, effect, lasting: false, kind });
        catalog.give_up_video(&key("m"), "no use", at(9)).await.unwrap();
        assert_eq!(faults.calls(), call);
        assert_eq!(status(&catalog).await, VideoStatus::Failed);
    }
}

#[tokio::test]
async fn entries_of_the_log_that_cannot_be_read_keep_no_job_from_being_found() {
    let Tables { catalog, _dir } = tables().await;
    let (unknown, jobs) = (json!({"v": 99, "job": "dance"}), "log#jobs#0");
    let first = records::Key::new(jobs, model::EventId::new(at(-9)).to_string());
    let write = records::Write::put(first, records::Condition::Any, unknown);
    catalog.records().write(vec![write]).await.unwrap();
    planned(&catalog, 3, 3).await;
    let mut after = None;
    for _ in 0..3 {
        let one = catalog.left_jobs(after, at(99), 1).await.unwrap();
        assert_eq!(one.len(), 1);
        after = Some(one[0].entry);
    }
    assert_eq!(catalog.left_jobs(after, at(99), 1).await.unwrap(), []);
    assert_eq!(left(&catalog).await.len(), 3);
}

#[tokio::test]
async fn an_audio_track_without_a_sample_is_left_out() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    let picture = held(&catalog, TaskId::Number(0), "a", 1).await;
    let sound = held(&catalog, TaskId::Number(1), "b", 1).await;
    make(&catalog, &picture, 0, false).await;
    catalog.task_done(&picture, 0, 2, at(1)).await.unwrap();
    catalog.task_done(&sound, 0, 2, at(1)).await.unwrap();
    let video = catalog.finish(&key("m"), at(9)).await.unwrap().unwrap();
    assert_eq!((video.status, video.renditions.len()), (VideoStatus::Ready, 2));
    assert_eq!(catalog.renditions(&key("m")).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_failed_task_is_tried_again_and_its_last_failure_ends_the_video_with_its_reason() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    let policy = Policy { failures: 3, ..Policy::default() };
    let why = Failure { cause: Cause::Attempt, reason: "the child was killed".into() };
    let mut now = 10;
    for rest in [2, 4] {
        let held = held(&catalog, TaskId::Number(0), "a", now).await;
        let missed = catalog.task_missed(&held, &why, &policy, at(now)).await.unwrap();
        assert_eq!(missed, Missed::Again(at(now + rest)));
        let early = claim(&catalog, TaskId::Number(0), "b", now).await;
        assert!(matches!(early, Claim::Later(then) if then == at(now + rest)));
        now += rest;
    }
    let other = held(&catalog, TaskId::Number(1), "c", now).await;
    make(&catalog, &other, 0, true).await;
    let last = held(&catalog, TaskId::Number(0), "a", now).await;
    let missed = catalog.task_missed(&last, &why, &policy, at(now)).await.unwrap();
    assert_eq!(missed, Missed::Failed);
    let video = catalog.video(&key("m")).await.unwrap().unwrap();
    assert_eq!(video.status, VideoStatus::Failed);
    assert_eq!(video.reason.as_deref(), Some("the child was killed"));
    // The others stop, and what was made is kept.
    assert_eq!(catalog.keep(&other, at(99)).await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(matches!(claim(&catalog, TaskId::Number(1), "d", 99).await, Claim::Over));
    let sound = &catalog.renditions(&key("m")).await.unwrap()[2];
    assert_eq!(catalog.segments(sound.id, 0, 10).await.unwrap().len(), 1);
}

async fn delete(catalog: &Catalog, file: FileId) {
    catalog.delete_file(&owner(), file, at(3)).await.unwrap();
}

async fn clean(catalog: &Catalog, leaving: &Leaving) {
    for &id in &leaving.renditions {
        catalog.forget_rendition(id).await.unwrap();
    }
    catalog.forget_video(leaving).await.unwrap();
}

#[tokio::test]
async fn a_video_goes_with_its_last_holder_and_takes_all_its_rows_along() {
    let Tables { catalog, _dir } = tables().await;
    planned(&catalog, 2, 2).await;
    let second = taken_up(&catalog, "m").await;
    let picture = held(&catalog, TaskId::Number(0), "a", 1).await;
    make(&catalog, &picture, 0, false).await;
    let (holders, _) = catalog.holders(&key("m"), 10, None).await.unwrap();
    let first = holders.iter().find(|holder| holder.file != second).unwrap().file;

    delete(&catalog, first).await;
    catalog.keep(&picture, at(20)).await.unwrap();
    assert_eq!(catalog.leaving_video(&key("m"), at(3)).await.unwrap(), None);

    delete(&catalog, second).await;
    assert_eq!(catalog.keep(&picture, at(20)).await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(matches!(claim(&catalog, TaskId::Number(1), "b", 3).await, Claim::Leaving));
    let leaving = catalog.leaving_video(&key("m"), at(3)).await.unwrap().unwrap();
    assert_eq!(leaving.renditions.len(), 3);
    // From here on nothing of it can be written.
    let late = parts(&catalog, 1, false, "a").await;
    let late = catalog.segment_made(&picture, &late, at(3)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Cancelled);

    // The same bytes come again meanwhile: they wait until the cleaning is through.
    let again = file(&catalog, "m").await;
    let waiting = catalog.take_up(again, PROFILE, at(4)).await.unwrap();
    assert_eq!(waiting, TakenUp::Leaving(key("m")));
    let (slow, fast) = (leaving.clone(), leaving);
    clean(&catalog, &fast).await;
    assert_eq!(rows(&catalog, format!("video#{}", key("m"))).await, Vec::<String>::new());
    for id in &fast.renditions {
        assert_eq!(rows(&catalog, format!("rendition#{id}")).await, Vec::<String>::new());
    }
    catalog.take_up(again, PROFILE, at(5)).await.unwrap();
    // A second cleaner that comes late does the new one no harm.
    clean(&catalog, &slow).await;
    assert_eq!(status(&catalog).await, VideoStatus::Queued);
    held(&catalog, TaskId::Probe, "z", 5).await;
}

#[tokio::test]
async fn bytes_that_failed_and_that_nobody_holds_get_another_chance() {
    let Tables { catalog, _dir } = tables().await;
    let first = taken_up(&catalog, "m").await;
    let probe = held(&catalog, TaskId::Probe, "p", 1).await;
    let why = Failure { cause: Cause::Source, reason: "broken".into() };
    let missed = catalog.task_missed(&probe, &why, &Policy::default(), at(1)).await.unwrap();
    assert_eq!(missed, Missed::Failed);
    // A second holder learns of it at once.
    let second = taken_up(&catalog, "m").await;
    assert_eq!(told(&catalog, second).await, ["failed"]);
    delete(&catalog, first).await;
    delete(&catalog, second).await;
    let third = file(&catalog, "m").await;
    let taken = catalog.take_up(third, PROFILE, at(4)).await.unwrap();
    assert_eq!(taken, TakenUp::Leaving(key("m")));
    let leaving = catalog.leaving_video(&key("m"), at(4)).await.unwrap().unwrap();
    clean(&catalog, &leaving).await;
    catalog.take_up(third, PROFILE, at(5)).await.unwrap();
    assert_eq!(status(&catalog).await, VideoStatus::Queued);
}

#[tokio::test]
async fn the_relay_sends_only_what_nobody_has_taken() {
    let Tables { catalog, _dir } = tables().await;
    let file = file(&catalog, "m").await;
    let probe = Job::Probe { file };
    assert!(catalog.is_due(&probe).await.unwrap());
    catalog.take_up(file, PROFILE, at(1)).await.unwrap();
    assert!(catalog.is_due(&probe).await.unwrap());
    let held_probe = held(&catalog, TaskId::Probe, "p", 1).await;
    assert!(!catalog.is_due(&probe).await.unwrap());
    catalog.planned(&held_probe, plan(2), 1, at(1)).await.unwrap();
    assert!(!catalog.is_due(&probe).await.unwrap());

    let task = |task| Job::Task { video: key("m"), task };
    assert!(catalog.is_due(&task(0)).await.unwrap());
    assert!(!catalog.is_due(&task(1)).await.unwrap(), "not sent yet");
    let held = held(&catalog, TaskId::Number(0), "a", 1).await;
    assert!(!catalog.is_due(&task(0)).await.unwrap());
    catalog.give_back(&held, at(2)).await.unwrap();
    assert!(catalog.is_due(&task(0)).await.unwrap());
    assert!(catalog.is_due(&Job::Finish { video: key("m") }).await.unwrap());
    assert!(!catalog.is_due(&Job::Finish { video: key("x") }).await.unwrap());
    delete(&catalog, file).await;
    assert!(!catalog.is_due(&probe).await.unwrap());

    // Entries are handed out by age.
    assert_eq!(catalog.left_jobs(None, at(1), 10).await.unwrap(), []);
    assert_eq!(left(&catalog).await.len(), 1);
}

#[tokio::test]
async fn a_film_of_a_day_fits_in_the_tables() {
    let Tables { catalog, _dir } = tables().await;
    let jobs = planned(&catalog, 8640, 1000).await;
    assert_eq!(jobs.len(), 16, "no more than one write has room for");
    for task in [0, 999, 1000, 8639] {
        let value = catalog.planned_task(&key("m"), task).await.unwrap();
        assert_eq!(value, json!({"n": task}));
    }
    let beyond = catalog.planned_task(&key("m"), 8640).await.unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::Cancelled);
    assert_eq!(catalog.plan(&key("m")).await.unwrap(), json!({"shared": true}));
}
