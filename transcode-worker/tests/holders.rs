//! Work goes on as long as anybody wants it, from whoever has the bytes, and no longer.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod common;

use catalog::{VideoLink, jobs::Job, videos::VideoKey};
use common::{House, fake::Fake, until};
use model::{FileId, video::VideoStatus};
use std::sync::Arc;
use tokio::sync::Semaphore;

async fn key(house: &House, file: FileId) -> VideoKey {
    match house.catalog.any_file(file).await.unwrap().unwrap().value.current.video {
        Some(VideoLink::Video(key)) => key,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_deleted_file_stops_its_work_and_takes_all_that_was_made_along() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(4));
    let media = Arc::new(Fake::new(300).gated(&gate));
    let file = house.movie("a movie").await;
    let worker = house.start(&media);
    until("four things to be made", async || gate.available_permits() == 0).await;
    until("something to be stored", async || !house.made().await.is_empty()).await;
    let key = key(&house, file).await;
    house.delete(file).await;
    // The running tasks notice when they next keep their lease; without a permit they would never end.
    house.drain().await;
    worker.stop().await;
    assert_eq!(house.catalog.video(&key).await.unwrap(), None);
    assert_eq!(house.made().await.len(), 0);
    let begun = media.begun().len();
    assert!(begun < 10, "{begun} of 33 tasks were begun");
    for partition in [format!("video#{key}"), "log#jobs#0".into()] {
        let query = records::Query::partition(partition.clone());
        let page = house.catalog.records().query(query).await.unwrap();
        assert_eq!(page.records, [], "{partition}");
    }
}

#[tokio::test]
async fn a_source_that_vanishes_goes_on_from_another_holder() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let media = Arc::new(Fake::new(30).gated(&gate));
    let first = house.movie("a movie").await;
    let worker = house.start(&media);
    until("work to begin", async || media.count("video 0") == 1).await;
    let second = house.movie("a movie").await;
    house.send(&Job::Probe { file: second }).await;
    until("the second to hold the video", async || house.video(second).await.is_some()).await;
    house.delete(first).await;
    gate.add_permits(1000);
    house.ended(second).await;
    house.drain().await;
    worker.stop().await;
    house.assert_whole(second, &media).await;
    assert_eq!((media.count("probe"), media.count("video 0")), (1, 1));
}

#[tokio::test]
async fn the_bytes_come_again_while_their_video_is_cleaned_away() {
    let house = House::new().await;
    let media = Arc::new(Fake::new(30));
    let failing = Arc::new(Fake::new(30));
    failing.fail("video 0", model::ErrorKind::Invalid);
    let first = house.movie("a movie").await;
    let worker = house.start(&failing);
    assert_eq!(house.ended(first).await.status, VideoStatus::Failed);
    house.drain().await;
    worker.stop().await;
    assert!(!house.made().await.is_empty(), "what was made is kept");
    house.delete(first).await;
    let second = house.movie("a movie").await;
    let worker = house.start(&media);
    house.ended(second).await;
    house.drain().await;
    worker.stop().await;
    house.assert_whole(second, &media).await;
}

#[tokio::test]
async fn a_file_deleted_before_its_probe_leaves_nothing_to_do() {
    let house = House::new().await;
    let media = Arc::new(Fake::new(30));
    let file = house.movie("a movie").await;
    house.delete(file).await;
    let worker = house.start(&media);
    house.drain().await;
    worker.stop().await;
    assert_eq!(media.begun(), Vec::<String>::new());
}
