//! How a video ends: verified and ready, given up, or gone with its last holder.

use catalog::{
    Catalog,
    videos::{Cause, Claim, Failure, Leaving, Missed, Policy, TakenUp, TaskId},
};
use model::{ErrorKind, video::VideoStatus};

use crate::tables::*;

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
