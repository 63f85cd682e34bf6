//! One effect a job, whatever the queue delivers and whoever dies; and at the end nothing is left.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod common;

use catalog::jobs::Job;
use common::{House, Worker, fake::Fake, owner, queues::Bad, until};
use model::{ErrorKind, event::EventType, video::VideoStatus};
use std::sync::Arc;
use tokio::sync::Semaphore;
use transcode_worker::Config;

/// All tasks of a source of 30 s, in the order in which they are sent.
const TASKS: [&str; 6] = ["probe", "video 0", "audio 1", "video 1", "video 2", "poster"];

#[tokio::test]
async fn a_file_becomes_a_stream_that_is_complete_and_names_all_its_objects() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    let file = house.movie("a movie").await;
    let worker = house.start(&media);
    house.ended(file).await;
    house.drain().await;
    worker.stop().await;
    house.assert_whole(file, &media).await;
    let mut begun = media.begun();
    begun.sort_unstable();
    let mut tasks = TASKS;
    tasks.sort_unstable();
    assert_eq!(begun, tasks, "each task is done once");
    let video = house.video(file).await.unwrap();
    assert_eq!((video.seconds(), video.progress(), video.lost), (Some(30.0), 1.0, 0));
}

#[tokio::test]
async fn one_slot_does_the_tasks_in_the_order_that_viewers_need() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    let file = house.movie("a movie").await;
    let config = Config { width: 3, ..house.config().with_slots(1) };
    let worker = Worker::start(config, house.deps(media.clone()));
    house.ended(file).await;
    house.drain().await;
    worker.stop().await;
    assert_eq!(media.begun(), TASKS);
}

#[tokio::test]
async fn the_same_movie_again_is_there_at_once_and_makes_nothing() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    let first = house.movie("a movie").await;
    let worker = house.start(&media);
    house.ended(first).await;
    house.drain().await;
    let (begun, created) = (media.begun().len(), house.counted.counts().created);
    let second = house.movie("a movie").await;
    assert_eq!(house.ended(second).await, house.ended(first).await);
    house.drain().await;
    worker.stop().await;
    assert_eq!((media.begun().len(), house.counted.counts().created), (begun, created));
    let events = house.catalog.events(&owner(), None, 500).await.unwrap();
    let told = events
        .iter()
        .find(|event| event.kind == EventType::VideoChanged && event.file == Some(second));
    assert_eq!(told.unwrap().data["state"], "ready");
}

#[tokio::test]
async fn jobs_that_come_three_times_to_two_workers_have_one_effect() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    let file = house.movie("a movie").await;
    let workers = [0, 1].map(|_| {
        let mut deps = house.deps(media.clone());
        let queue = Bad { copies: 3, ..Bad::new(&house.queue) };
        deps.quick = Arc::new(queue.beside(&house.quick));
        deps.queue = Arc::new(queue);
        Worker::start(house.config(), deps)
    });
    for _ in 0..5 {
        house.send(&Job::Probe { file }).await;
    }
    house.ended(file).await;
    house.drain().await;
    for worker in workers {
        worker.stop().await;
    }
    house.assert_whole(file, &media).await;
    for task in TASKS {
        assert_eq!(media.count(task), 1, "{task}");
    }
}

#[tokio::test]
async fn two_files_with_the_same_bytes_at_the_same_time_share_one_video() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    let files = [house.movie("a movie").await, house.movie("a movie").await];
    let worker = house.start(&media);
    for file in files {
        house.ended(file).await;
    }
    house.drain().await;
    worker.stop().await;
    house.assert_whole(files[1], &media).await;
    assert_eq!(media.count("probe"), 1);
    assert_eq!(media.begun().len(), TASKS.len());
}

#[tokio::test]
async fn failures_are_tried_again_and_what_was_made_counts() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    for kind in [ErrorKind::Unavailable, ErrorKind::Internal] {
        media.fail("audio 1", kind);
        media.fail("probe", kind);
    }
    let file = house.movie("a movie").await;
    let worker = house.start(&media);
    house.drain().await;
    worker.stop().await;
    house.assert_whole(file, &media).await;
    assert_eq!((media.count("audio 1"), media.count("probe")), (3, 3));
    assert_eq!((media.count("video 0"), media.count("video 2")), (1, 1));
}

#[tokio::test]
async fn a_task_that_always_fails_ends_its_video_with_a_reason() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    for _ in 0..20 {
        media.fail("audio 1", ErrorKind::Unavailable);
    }
    let file = house.movie("a movie").await;
    let worker = house.start(&media);
    house.drain().await;
    worker.stop().await;
    let video = house.video(file).await.unwrap();
    assert_eq!(video.status, VideoStatus::Failed);
    assert!(video.reason.unwrap().contains("failed several times"));
    assert_eq!(media.count("audio 1"), 4, "no more than the policy says");
    // What was made is kept, and can be watched as far as it goes.
    let segments = house.catalog.segments(video.needed[0], 0, 10).await.unwrap();
    assert!(segments.iter().any(|segment| segment.k == 0));
}

#[tokio::test]
async fn a_source_at_fault_fails_at_once_with_its_own_reason_and_stays_a_file() {
    for kind in [ErrorKind::Invalid, ErrorKind::Unsupported, ErrorKind::TooLarge] {
        let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
        media.fail("probe", kind);
        let file = house.movie("no movie").await;
        let worker = house.start(&media);
        house.drain().await;
        worker.stop().await;
        let video = house.video(file).await.unwrap();
        assert_eq!(video.status, VideoStatus::Failed);
        assert_eq!(video.reason.as_deref(), Some("probe fails, as planned"));
        assert_eq!(media.begun(), ["probe"]);
        let version = house.catalog.any_file(file).await.unwrap().unwrap().value.current;
        let whole = model::ByteRange::new(0, version.size);
        assert_eq!(
            house.store().reader(&version).read(whole).await.unwrap(),
            common::movie("no movie")
        );
    }
}

#[tokio::test]
async fn a_video_without_a_picture_to_stand_for_it_is_a_video() {
    for (kind, tries) in [(ErrorKind::Invalid, 1), (ErrorKind::Unavailable, 2)] {
        let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
        for _ in 0..9 {
            media.fail("poster", kind);
        }
        let file = house.movie("a movie").await;
        let worker = house.start(&media);
        house.drain().await;
        worker.stop().await;
        assert_eq!(house.status(file).await, Some(VideoStatus::Ready));
        assert_eq!(media.count("poster"), tries);
    }
}

#[tokio::test]
async fn no_video_has_more_tasks_outstanding_than_its_width_and_none_waits_for_a_long_one() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let media = Arc::new(Fake::new(300).gated(&gate));
    let config = Config { width: 4, ..house.config().with_slots(1) };
    let long = house.movie("a long movie").await;
    let worker = Worker::start(config, house.deps(media.clone()));
    until("the long one to begin", async || media.count("video 0") == 1).await;
    let other = house.movie("another movie").await;
    house.send(&Job::Probe { file: other }).await;
    let mut done_when_other_began = None;
    until("both to end", async || {
        gate.add_permits(1);
        for file in [long, other] {
            let Some(video) = house.video(file).await else { continue };
            assert!(video.sent - video.done <= 4, "{video:?}");
        }
        if media.count("video 0") == 2 && done_when_other_began.is_none() {
            done_when_other_began = house.video(long).await.map(|video| video.done);
        }
        let ended = VideoStatus::is_terminal;
        house.status(long).await.is_some_and(ended) && house.status(other).await.is_some_and(ended)
    })
    .await;
    house.drain().await;
    worker.stop().await;
    // 32 tasks and more: the other one's first came among the first of the long one.
    assert!(done_when_other_began.unwrap() <= 10, "{done_when_other_began:?}");
}

#[tokio::test]
async fn long_runs_in_every_slot_keep_nobody_from_learning_what_became_of_their_upload() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let media = Arc::new(Fake::new(300).of_one_run().gated(&gate));
    let worker = house.start(&media);
    for movie in ["one", "another"] {
        house.movie(movie).await;
    }
    until("both slots to be taken", async || media.count("video 0") + media.count("audio 1") == 2)
        .await;
    let film = house.movie("a third").await;
    until("its probe", async || house.status(film).await == Some(VideoStatus::Running)).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_run_that_is_tried_again_goes_on_behind_what_was_made() {
    let house = House::new().await;
    // The first segment, the sound of 60 s, and three segments of the run of five.
    let gate = Arc::new(Semaphore::new(1 + 6 + 3));
    let slow = Arc::new(Fake::new(60).of_one_run().gated(&gate));
    let film = house.movie("a film").await;
    let one_slot = || house.config().with_slots(1);
    let first = Worker::start(one_slot(), house.deps(slow.clone()));
    until("three of the run", async || {
        let Some(lead) = house.video(film).await.and_then(|v| v.needed.first().copied()) else {
            return false;
        };
        house.catalog.segments(lead, 0, 10).await.unwrap().len() == 4
    })
    .await;
    first.kill().await;
    house.clock.leap();
    let media = Arc::new(Fake::new(60).of_one_run());
    let second = Worker::start(one_slot(), house.deps(media.clone()));
    house.ended(film).await;
    house.drain().await;
    second.stop().await;
    house.assert_whole(film, &media).await;
    assert_eq!(slow.begun(), ["probe", "video 0", "audio 1", "video 1"]);
    let mut begun = media.begun();
    begun.sort_unstable();
    assert_eq!(begun, ["poster", "video 4"]);
}

#[tokio::test]
async fn progress_is_told_before_the_first_segment_is_made() {
    let films = [Fake::new(60), Fake::new(60).of_one_run(), Fake::new(60).of_unknown_length()];
    for film in films {
        let house = House::new().await;
        let gate = Arc::new(Semaphore::new(0));
        let media = Arc::new(film.gated(&gate));
        let file = house.movie("a film").await;
        let worker = house.start(&media);
        until("some progress", async || {
            house.video(file).await.is_some_and(|video| video.progress() > 0.0)
        })
        .await;
        assert_eq!(house.video(file).await.unwrap().made, 0);
        worker.stop().await;
    }
}

#[tokio::test]
async fn only_sound_that_plays_by_itself_is_needed() {
    for (track, status) in [("audio 1", VideoStatus::Failed), ("audio 2", VideoStatus::Ready)] {
        for kind in [ErrorKind::Invalid, ErrorKind::Internal] {
            let (house, media) = (House::new().await, Arc::new(Fake::new(30).with_tracks(2)));
            for _ in 0..9 {
                media.fail(track, kind);
            }
            let file = house.movie("a movie").await;
            let worker = house.start(&media);
            house.drain().await;
            worker.stop().await;
            assert_eq!(house.status(file).await, Some(status), "{track} {kind:?}");
            let tries = if kind == ErrorKind::Invalid { 1 } else { 4 };
            assert_eq!(media.count(track), tries, "{track} {kind:?}");
        }
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_worked_on_fails_its_video_and_is_buried() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let media = Arc::new(Fake::new(30).gated(&gate));
    let file = house.movie("a movie").await;
    let worker = Worker::start(house.config().with_slots(1), house.deps(media.clone()));
    until("work to begin", async || media.count("video 0") == 1).await;
    let Some(catalog::VideoLink::Video(video)) =
        house.catalog.any_file(file).await.unwrap().unwrap().value.current.video
    else {
        panic!("the file holds its video")
    };
    let task = records::Key::new(format!("video#{video}"), "task#00000003");
    let unreadable = serde_json::json!({"v": 1, "state": "dancing"});
    let write = records::Write::put(task, records::Condition::Any, unreadable);
    house.catalog.records().write(vec![write]).await.unwrap();
    gate.add_permits(1000);
    house.leap_until("the burial", async || !house.dead().await.is_empty()).await;
    worker.stop().await;
    let video = house.video(file).await.unwrap();
    assert_eq!(video.status, VideoStatus::Failed);
    assert!(video.reason.unwrap().contains("a defect of this program"));
    assert!(house.dead().await[0].1.as_ref().unwrap().contains("a task cannot be read"));
}

#[tokio::test]
async fn messages_that_are_no_jobs_are_buried_with_their_reason() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    let worker = house.start(&media);
    house.queue.send(vec![queue::Outgoing::now("hello")]).await.unwrap();
    until("the burial", async || house.queue.depth().await.unwrap().dead == 1).await;
    worker.stop().await;
    let dead = house.dead().await;
    assert_eq!(dead[0].0, "hello");
    assert!(dead[0].1.as_ref().unwrap().contains("not JSON"));
}

#[tokio::test]
async fn a_stopped_worker_gives_its_work_back_at_once() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let slow = Arc::new(Fake::new(30).gated(&gate));
    let file = house.movie("a movie").await;
    let worker = house.start(&slow);
    until("work to begin", async || slow.begun().len() == 3).await;
    worker.stop().await;
    // Without a leap in time, another one takes it up and is done.
    let media = Arc::new(Fake::new(30));
    let worker = house.start(&media);
    house.ended(file).await;
    house.drain().await;
    worker.stop().await;
    house.assert_whole(file, &media).await;
    assert_eq!(media.begun().len(), TASKS.len() - 1, "all but the probe");
}

#[tokio::test]
async fn an_outage_of_the_stores_is_waited_out() {
    let house = House::new().await;
    let file = house.movie("a movie").await;
    let gate = Arc::new(Semaphore::new(0));
    let slow = Arc::new(Fake::new(30).gated(&gate));
    let worker = house.start(&slow);
    until("work to begin", async || slow.begun().len() == 3).await;
    let away = testkit::faults::Fault {
        call: 1,
        effect: testkit::faults::Effect::None,
        lasting: true,
        kind: ErrorKind::Unavailable,
    };
    house.faults.arm(away);
    gate.add_permits(1000);
    until("the outage to be noticed", async || house.faults.calls() > 20).await;
    house.faults.disarm();
    house.drain().await;
    worker.stop().await;
    house.assert_whole(file, &slow).await;
}
