//! What an append promises, in quiet times.

use crate::{gates::Keeps, support::*};
use bytes::Bytes;
use content::{Append, Ended};
use futures::{SinkExt, StreamExt, stream};
use model::{ErrorKind, Sha256, upload::UploadState};
use objects::layer::Counted;
use std::io;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_is_what_was_sent() {
    let bed = bed().await;
    for len in [1, 100, 4096, 65_536, 65_537, 1_000_000, 5_000_000] {
        let bytes = noise(len, len as u64);
        let file = bed.put(&bytes).await;
        assert_eq!(file.current.size, len as u64);
        assert_eq!(file.current.sha256, Some(Sha256::of(&bytes)));
        assert!(bed.read(&file).await.unwrap() == bytes, "{len} bytes");
    }
    assert_eq!(bed.store.buffered(), 0);
    assert!(bed.objects("tails/").await.is_empty());
}

#[tokio::test]
async fn nothing_is_a_file_at_once() {
    let bed = bed().await;
    let file = bed.put(b"").await;
    assert_eq!((file.current.size, file.current.sha256), (0, Some(Sha256::of(b""))));
    assert_eq!(bed.read(&file).await.unwrap(), b"");
    assert_eq!(bed.objects("").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_where_a_broken_one_stopped() {
    let bed = bed().await;
    let bytes = noise(600_000, 1);
    let upload = bed.create(bytes.len()).await;
    let mut offset = 0;
    for cut in [1, 70_000, 70_001, 70_500, 300_000] {
        let sent = body(&bytes[offset as usize..cut], 7_000).chain(stream::iter([Err(broken())]));
        let appended =
            bed.store.append(at(upload.id, offset), sent, CancellationToken::new()).await.unwrap();
        assert!(matches!(appended.ended, Ended::BodyFailed(_)), "{:?}", appended.ended);
        assert_eq!(appended.offset, cut as u64, "all that came is durable");
        let head = bed.store.take_over(&owner(), upload.id).await.unwrap();
        assert_eq!(head.offset(), Some(cut as u64));
        offset = appended.offset;
    }
    let done = bed.append(upload.id, offset, &bytes[offset as usize..]).await.unwrap();
    let Ended::Complete(file) = done.ended else { panic!("{:?}", done.ended) };
    assert_eq!(file.current.sha256, Some(Sha256::of(&bytes)));
    assert!(bed.read(&file).await.unwrap() == bytes);
    assert!(bed.objects("tails/").await.is_empty(), "tails go when a block has their bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boundaries_do_not_depend_on_interruptions() {
    let bed = bed().await;
    let bytes = noise(400_000, 2);
    bed.put(&bytes).await;
    let before = bed.counted.counts().created;
    let upload = bed.create(bytes.len()).await;
    for (at, part) in bytes.chunks(23_456).enumerate() {
        bed.append(upload.id, at as u64 * 23_456, part).await.unwrap();
    }
    let tails = bytes.len().div_ceil(23_456) - 1;
    let created = bed.counted.counts().created - before;
    assert!(created <= tails as u64, "{created} objects for {tails} tails and known blocks");
}

#[tokio::test]
async fn an_append_at_another_offset_reads_nothing() {
    let bed = bed().await;
    let upload = bed.create(100).await;
    let never = stream::poll_fn(|_| -> std::task::Poll<Option<io::Result<Bytes>>> {
        panic!("the body was read")
    });
    let wrong = bed.store.append(at(upload.id, 7), never, CancellationToken::new()).await;
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn others_uploads_do_not_exist() {
    let bed = bed().await;
    let upload = bed.create(100).await;
    let mallory: model::OwnerId = "mallory".parse().unwrap();
    let append = Append { owner: mallory.clone(), ..at(upload.id, 0) };
    let appended = bed.store.append(append, body(b"x", 1), CancellationToken::new()).await;
    assert_eq!(appended.unwrap_err().kind(), ErrorKind::NotFound);
    let head = bed.store.take_over(&mallory, upload.id).await;
    assert_eq!(head.unwrap_err().kind(), ErrorKind::NotFound);
    let abort = bed.store.abort(&mallory, upload.id).await;
    assert_eq!(abort.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_body_beyond_the_length_is_cut_and_refused() {
    let bed = bed().await;
    let bytes = noise(50_000, 3);
    for (step, over) in [(50_001, 1), (10_000, 1), (10_000, 30_000)] {
        let upload = bed.create(50_000).await;
        let sent = [&bytes[..], &noise(over, 4)[..]].concat();
        let appended = bed
            .store
            .append(at(upload.id, 0), body(&sent, step), CancellationToken::new())
            .await
            .unwrap();
        assert!(matches!(appended.ended, Ended::TooLong), "{:?}", appended.ended);
        assert_eq!(appended.offset, 50_000);
        let head = bed.store.take_over(&owner(), upload.id).await.unwrap();
        let file = bed.store.catalog().file(&owner(), head.file).await.unwrap().value;
        assert!(bed.read(&file).await.unwrap() == bytes);
    }
}

#[tokio::test]
async fn an_upload_of_unknown_length_ends_with_its_body() {
    let bed = bed().await;
    for bytes in [noise(150_000, 5), noise(3, 6), Vec::new()] {
        let upload = bed.store.create(new_upload(None)).await.unwrap();
        let append = Append { closes: true, limit: 150_000, ..at(upload.id, 0) };
        let done = bed.store.append(append, body(&bytes, 9_000), CancellationToken::new()).await;
        let Ended::Complete(file) = done.unwrap().ended else { panic!("not complete") };
        assert_eq!(file.current.size, bytes.len() as u64);
        assert!(bed.read(&file).await.unwrap() == bytes);
    }
    let upload = bed.store.create(new_upload(None)).await.unwrap();
    let append = Append { closes: true, limit: 999, ..at(upload.id, 0) };
    let done = bed.store.append(append, body(&noise(1000, 7), 100), CancellationToken::new()).await;
    assert!(matches!(done.unwrap().ended, Ended::TooLong));
}

#[tokio::test]
async fn finishing_gives_the_same_file_ever_after() {
    let bed = bed().await;
    let bytes = noise(30_000, 8);
    let upload = bed.create(bytes.len()).await;
    let done = bed.append(upload.id, 0, &bytes).await.unwrap();
    let Ended::Complete(file) = done.ended else { panic!("not complete") };
    for _ in 0..2 {
        let head = bed.store.take_over(&owner(), upload.id).await.unwrap();
        assert_eq!(head.state, UploadState::Committed { file: file.id, version: 1 });
        assert_eq!(head.offset(), Some(30_000));
        let again = bed.append(upload.id, 30_000, b"").await.unwrap();
        assert!(matches!(again.ended, Ended::Complete(again) if again == file));
    }
    let more = bed.append(upload.id, 30_000, b"x").await.unwrap_err();
    assert_eq!(more.kind(), ErrorKind::Forbidden);
    assert_eq!(bed.store.catalog().list_files(&owner(), 10, None).await.unwrap().0, [file]);
}

#[tokio::test]
async fn an_aborted_upload_is_gone_with_its_tails() {
    let bed = bed().await;
    let upload = bed.create(100_000).await;
    bed.append(upload.id, 0, &noise(70_100, 9)).await.unwrap();
    assert!(!bed.objects("tails/").await.is_empty());
    bed.store.abort(&owner(), upload.id).await.unwrap();
    assert!(bed.objects("tails/").await.is_empty());
    let kind = |error: model::Error| error.kind();
    assert_eq!(
        bed.append(upload.id, 70_100, b"x").await.map_err(kind).unwrap_err(),
        ErrorKind::Gone
    );
    assert_eq!(bed.store.abort(&owner(), upload.id).await.map_err(kind), Err(ErrorKind::Gone));
}

#[tokio::test]
async fn an_append_that_is_told_to_stop_keeps_what_came() {
    let bed = bed().await;
    let bytes = noise(200_000, 10);
    let upload = bed.create(bytes.len()).await;
    let stop = CancellationToken::new();
    // The body ends the token's wait itself, after all frames were taken, and then never ends.
    let frames = body(&bytes[..100_000], 10_000).chain(stream::once({
        let stop = stop.clone();
        async move {
            stop.cancel();
            std::future::pending().await
        }
    }));
    let stopped = bed.store.append(at(upload.id, 0), frames, stop).await.unwrap();
    assert!(matches!(stopped.ended, Ended::Stopped), "{:?}", stopped.ended);
    assert_eq!(stopped.offset, 100_000);
    assert!(matches!(
        bed.append(upload.id, 100_000, &bytes[100_000..]).await.unwrap().ended,
        Ended::Complete(_)
    ));
}

#[tokio::test]
async fn what_has_arrived_is_taken_though_it_was_told_to_stop_before() {
    let bed = bed().await;
    let bytes = noise(200_000, 12);
    let upload = bed.create(bytes.len()).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let frames = body(&bytes[..100_000], 10_000).chain(stream::pending());
    let stopped = bed.store.append(at(upload.id, 0), frames, stop.clone()).await.unwrap();
    assert!(matches!(stopped.ended, Ended::Stopped), "{:?}", stopped.ended);
    assert_eq!(stopped.offset, 100_000);
    // One that has all its bytes is even finished.
    let rest = body(&bytes[100_000..], 10_000);
    let done = bed.store.append(at(upload.id, 100_000), rest, stop).await.unwrap();
    assert!(matches!(done.ended, Ended::Complete(_)), "{:?}", done.ended);
}

#[tokio::test]
async fn a_body_without_end_does_not_keep_it_from_stopping() {
    let bed = bed().await;
    let upload = bed.create(1 << 40).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let frame = Bytes::from(noise(10_000, 13));
    let endless = stream::repeat_with(move || io::Result::Ok(frame.clone()));
    let stopped = bed.store.append(at(upload.id, 0), endless, stop).await.unwrap();
    assert!(matches!(stopped.ended, Ended::Stopped), "{:?}", stopped.ended);
    let upload = bed.store.take_over(&owner(), upload.id).await.unwrap();
    assert_eq!(upload.offset(), Some(stopped.offset), "what it took is durable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_could_not_be_deleted_goes_with_the_end_of_the_upload() {
    let dir = std::sync::Arc::new(tempfile::TempDir::new().unwrap());
    let (objects, records) = ports(dir.path()).await;
    let keeps = std::sync::Arc::new(Keeps::new(objects));
    let store = content::Store::new(catalog::Catalog::new(records), keeps.clone(), config());
    let bed = Bed { store: store.unwrap(), counted: Counted::new(keeps.clone()), dir };
    let bytes = noise(100_000, 14);
    let upload = bed.create(bytes.len()).await;
    // One request, so one writer, whose tail is written while it is idle.
    let (mut feed, frames) = futures::channel::mpsc::channel::<io::Result<Bytes>>(0);
    let append = tokio::spawn({
        let (store, append) = (bed.store.clone(), at(upload.id, 0));
        async move { store.append(append, frames, CancellationToken::new()).await }
    });
    feed.send(Ok(Bytes::copy_from_slice(&bytes[..3000]))).await.unwrap();
    keeps.refuse_deletions(true);
    while bed.store.catalog().upload(&owner(), upload.id).await.unwrap().value.offset() == Some(0) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    feed.send(Ok(Bytes::copy_from_slice(&bytes[3000..99_000]))).await.unwrap();
    keeps.refused().await;
    keeps.refuse_deletions(false);
    feed.send(Ok(Bytes::copy_from_slice(&bytes[99_000..]))).await.unwrap();
    assert!(matches!(append.await.unwrap().unwrap().ended, Ended::Complete(_)));
    assert!(bed.objects("tails/").await.is_empty());
}

#[tokio::test]
async fn whoever_asks_takes_over() {
    let bed = bed().await;
    let bytes = noise(300_000, 11);
    let upload = bed.create(bytes.len()).await;
    let (mut feed, frames) = futures::channel::mpsc::channel::<io::Result<Bytes>>(0);
    let first = tokio::spawn({
        let store = bed.store.clone();
        let (append, stop) = (at(upload.id, 0), CancellationToken::new());
        async move { store.append(append, frames, stop).await }
    });
    feed.send(Ok(Bytes::copy_from_slice(&bytes[..50_000]))).await.unwrap();
    let head = bed.store.take_over(&owner(), upload.id).await.unwrap();
    let offset = head.offset().unwrap();
    // The first goes on, not knowing, and fails at its next checkpoint.
    feed.send(Ok(Bytes::copy_from_slice(&bytes[50_000..150_000]))).await.ok();
    drop(feed);
    assert_eq!(first.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    let done = bed.append(upload.id, offset, &bytes[offset as usize..]).await.unwrap();
    let Ended::Complete(file) = done.ended else { panic!("not complete") };
    assert!(bed.read(&file).await.unwrap() == bytes);
}
