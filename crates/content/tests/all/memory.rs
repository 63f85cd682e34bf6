//! Bounded memory, whatever the number of uploads, and nobody starves.

use crate::{gates::Keeps, support::*};
use bytes::Bytes;
use catalog::Catalog;
use content::{Appended, Config, Ended, Store};
use futures::{SinkExt, channel::mpsc, stream};
use model::Sha256;
use objects::layer::Counted;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// Eight buffers.
fn tight() -> Config {
    Config { budget: (8 * 2 * 64) << 10, ..config() }
}

/// Waits until `ready`, ten seconds at most.
async fn until(what: &str, mut ready: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !ready().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn whole(store: Store, bytes: Vec<u8>, step: usize) {
    let upload = store.create(new_upload(Some(bytes.len() as u64))).await.unwrap();
    let sent = body(&bytes, step);
    let done = store.append(at(upload.id, 0), sent, CancellationToken::new()).await.unwrap();
    let Ended::Complete(file) = done.ended else { panic!("not complete: {:?}", done.ended) };
    assert_eq!(file.current.sha256, Some(Sha256::of(&bytes)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_uploads_share_one_budget() {
    let bed = bed_with(tight()).await;
    let uploads: Vec<_> = (0..64)
        .map(|n| tokio::spawn(whole(bed.store.clone(), noise(700_000, n), 1000 << (n % 8))))
        .collect();
    let mut most = 0;
    while !uploads.iter().all(JoinHandle::is_finished) {
        most = most.max(bed.store.buffered());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for upload in uploads {
        upload.await.unwrap();
    }
    assert!((128 << 10..=1 << 20).contains(&most), "{most} bytes were in use");
    assert_eq!(bed.store.buffered(), 0);
}

/// A client that has sent `bytes` and says no more.
async fn silent(bed: &Bed, bytes: &[u8]) -> (mpsc::Sender<io::Result<Bytes>>, model::UploadId) {
    let upload = bed.create(1_000_000).await;
    let (mut feed, frames) = mpsc::channel(0);
    let (store, append) = (bed.store.clone(), at(upload.id, 0));
    tokio::spawn(async move { store.append(append, frames, CancellationToken::new()).await });
    feed.send(Ok(Bytes::copy_from_slice(bytes))).await.unwrap();
    (feed, upload.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_upload_gives_its_memory_back_and_its_bytes_are_durable() {
    let bed = bed().await;
    let bytes = noise(1_000_000, 1);
    let (mut feed, id) = silent(&bed, &bytes[..3000]).await;
    until("the bytes are durable", async || {
        bed.store.catalog().upload(&owner(), id).await.unwrap().value.offset() == Some(3000)
    })
    .await;
    until("the memory is free", async || bed.store.buffered() == 0).await;
    // It goes on as if nothing had happened.
    for part in bytes[3000..].chunks(50_000) {
        feed.send(Ok(Bytes::copy_from_slice(part))).await.unwrap();
    }
    drop(feed);
    until("the upload is complete", async || {
        bed.store.catalog().upload(&owner(), id).await.unwrap().value.offset() == Some(1_000_000)
    })
    .await;
    let upload = bed.store.take_over(&owner(), id).await.unwrap();
    let file = bed.store.catalog().file(&owner(), upload.file).await.unwrap().value;
    assert!(bed.read(&file).await.unwrap() == bytes);
    assert!(bed.objects("tails/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_clients_do_not_starve_the_others() {
    let bed = bed_with(tight()).await;
    let mut feeds = Vec::new();
    for n in 0..40 {
        feeds.push(silent(&bed, &noise(2000, n)).await);
    }
    whole(bed.store.clone(), noise(2_000_000, 99), 100_000).await;
    for (_, id) in &feeds {
        until("the bytes are durable", async || {
            bed.store.catalog().upload(&owner(), *id).await.unwrap().value.offset() == Some(2000)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_request_makes_progress_that_others_see() {
    let bed = bed().await;
    let bytes = noise(1_000_000, 2);
    let (mut feed, id) = silent(&bed, &bytes[..300_000]).await;
    // A trickle, so that it is never idle.
    let mut sent = 300_000;
    until("a checkpoint was made", async || {
        feed.send(Ok(Bytes::copy_from_slice(&bytes[sent..sent + 10]))).await.unwrap();
        sent += 10;
        bed.store.catalog().upload(&owner(), id).await.unwrap().value.offset() >= Some(300_000)
    })
    .await;
}

/// A store whose puts wait, all of whose memory an upload holds that waits for them.
async fn full() -> (Bed, Arc<Keeps>, JoinHandle<Appended>) {
    let dir = Arc::new(tempfile::TempDir::new().unwrap());
    let (objects, records) = ports(dir.path()).await;
    let keeps = Arc::new(Keeps::new(objects));
    let config = Config { patience: Duration::from_millis(300), ..tight() };
    let store = Store::new(Catalog::new(records), keeps.clone(), config).unwrap();
    let bed = Bed { store, counted: Counted::new(keeps.clone()), dir };
    keeps.let_puts_wait(true);
    let upload = bed.create(2_000_000).await;
    let (store, sent) = (bed.store.clone(), body(&noise(2_000_000, 1), 10_000));
    let greedy = tokio::spawn(async move {
        store.append(at(upload.id, 0), sent, CancellationToken::new()).await.unwrap()
    });
    until("all memory is taken", async || bed.store.buffered() == 1 << 20).await;
    (bed, keeps, greedy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_uploads_that_wait_for_memory_have_asked_for_no_byte() {
    let (bed, keeps, greedy) = full().await;
    let asked = Arc::new(AtomicU64::new(0));
    let frame = Bytes::from(noise(100_000, 2));
    let mut waiting = Vec::new();
    for _ in 0..300 {
        let upload = bed.create(100_000).await;
        let (asked, frame) = (Arc::clone(&asked), frame.clone());
        let frames = stream::once(async move {
            asked.fetch_add(frame.len() as u64, Ordering::Relaxed);
            io::Result::Ok(frame)
        });
        let store = bed.store.clone();
        waiting.push((
            upload.id,
            tokio::spawn(async move {
                store.append(at(upload.id, 0), frames, CancellationToken::new()).await.unwrap()
            }),
        ));
    }
    for (id, append) in waiting {
        let done = append.await.unwrap();
        assert!(matches!(done.ended, Ended::NoMemory), "{:?}", done.ended);
        let upload = bed.store.catalog().upload(&owner(), id).await.unwrap().value;
        assert_eq!(upload.offset(), Some(0), "it stands where it stood, and may go on");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    keeps.let_puts_wait(false);
    let greedy = greedy.await.unwrap();
    assert!(matches!(greedy.ended, Ended::NoMemory), "{:?}", greedy.ended);
    assert!(greedy.offset > 300_000, "what it had is durable: {}", greedy.offset);
}
