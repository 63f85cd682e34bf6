//! Tasks and what they make: one effect each, whoever works on them.

use catalog::{
    VideoLink,
    jobs::Job,
    videos::{Cause, Claim, Failure, Missed, Policy, Poster, TakenUp, TaskId},
};
use model::{ErrorKind, Sha256, video::VideoStatus};
use serde_json::json;

use crate::tables::*;

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
