//! What time and crashes leave is cleared away when it is due, and nothing else is touched.

use crate::support::*;
use content::Cleared;
use model::{ErrorKind, Timestamp, upload::UploadState};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

async fn clear(bed: &Bed, now: Timestamp) -> Cleared {
    bed.store.clear_due(now, &CancellationToken::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_time_is_over_is_ended_and_leaves_nothing() {
    let bed = bed().await;
    let expires = Timestamp::now() + Duration::from_secs(3600);
    let new = content::NewUpload { expires, ..new_upload(Some(500_000)) };
    let upload = bed.store.create(new).await.unwrap();
    bed.append(upload.id, 0, &noise(200_100, 1)).await.unwrap();
    assert!(!bed.objects("tails/").await.is_empty());

    let before = expires - Duration::from_secs(1);
    assert_eq!(clear(&bed, before).await, Cleared::default());
    bed.append(upload.id, 200_100, b"it is still open").await.unwrap();

    assert_eq!(clear(&bed, expires).await, Cleared { done: 1, failed: 0 });
    let ended = bed.store.catalog().upload(&owner(), upload.id).await.unwrap().value;
    assert_eq!(ended.state, UploadState::Expired);
    assert!(bed.objects("tails/").await.is_empty());
    let more = bed.append(upload.id, 200_116, b"x").await.unwrap_err();
    assert_eq!(more.kind(), ErrorKind::Gone);
    assert_eq!(clear(&bed, Timestamp::MAX).await, Cleared::default(), "done once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_complete_stays() {
    let bed = bed().await;
    let bytes = noise(300_000, 2);
    let file = bed.put(&bytes).await;
    assert_eq!(clear(&bed, Timestamp::MAX).await, Cleared::default());
    assert!(bed.read(&file).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_a_crash_cut_is_finished_when_it_is_due() {
    let bed = bed().await;
    let upload = bed.create(100_000).await;
    bed.append(upload.id, 0, &noise(70_100, 3)).await.unwrap();
    let file = bed.put(&noise(90_000, 4)).await;
    // What `abort` and `delete_file` write first, and then no more.
    let (catalog, now) = (bed.store.catalog(), Timestamp::now());
    catalog.abort_upload(&owner(), upload.id, now).await.unwrap();
    catalog.delete_file(&owner(), file.id, now).await.unwrap();

    assert_eq!(clear(&bed, now).await, Cleared { done: 1, failed: 0 }, "the file's content");
    let due = Timestamp::MAX;
    assert_eq!(clear(&bed, due).await, Cleared { done: 1, failed: 0 }, "the upload, at its expiry");
    assert!(bed.objects("tails/").await.is_empty());
    let content = catalog.content(file.current.content).await.unwrap_err();
    assert_eq!(content.kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_when_it_is_told_to() {
    let bed = bed().await;
    let now = Timestamp::now();
    let new = content::NewUpload { expires: now, ..new_upload(Some(10)) };
    bed.store.create(new).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    assert_eq!(bed.store.clear_due(now, &stop).await.unwrap(), Cleared::default());
    assert_eq!(clear(&bed, now).await, Cleared { done: 1, failed: 0 });
}
