//! A block with the same bytes is stored once, however often and however concurrently it arrives.
//! Asserted on the objects that were made, not on what is said about them.

use crate::support::*;
use content::{Config, Ended, ScopeRule};
use model::OwnerId;
use std::collections::HashSet;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_file_again_stores_nothing() {
    let bed = bed().await;
    let bytes = noise(2_000_000, 1);
    let first = bed.put(&bytes).await;
    let before = bed.counted.counts();
    let second = bed.put(&bytes).await;
    let after = bed.counted.counts();
    assert_eq!(after.created + after.existed, before.created + before.existed);
    assert_ne!(first.id, second.id);
    assert!(bed.read(&second).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_stores_only_the_blocks_around_it() {
    let bed = bed().await;
    let bytes = noise(2_000_000, 2);
    bed.put(&bytes).await;
    let before = bed.counted.counts().created;
    let edited = [&bytes[..1_000_000], b"a few bytes", &bytes[1_000_000..]].concat();
    let file = bed.put(&edited).await;
    let created = bed.counted.counts().created - before;
    assert!((1..=4).contains(&created), "{created} new blocks for one edit");
    assert!(bed.read(&file).await.unwrap() == edited);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_equal_uploads_at_once_put_each_block_once() {
    let bed = bed_with(Config { budget: 64 << 20, ..config() }).await;
    let bytes = noise(3_000_000, 3);
    let uploads = (0..16).map(|_| {
        let (store, bytes) = (bed.store.clone(), bytes.clone());
        tokio::spawn(async move {
            let upload = store.create(new_upload(Some(bytes.len() as u64))).await.unwrap();
            let sent = body(&bytes, 50_000);
            let done = store.append(at(upload.id, 0), sent, CancellationToken::new()).await;
            match done.unwrap().ended {
                Ended::Complete(file) => file,
                other => panic!("not complete: {other:?}"),
            }
        })
    });
    let files = futures::future::join_all(uploads).await;
    let counts = bed.counted.counts();
    let hashes: HashSet<_> = bed
        .objects("blocks/")
        .await
        .iter()
        .map(|name| name.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(counts.existed, 0, "nobody put a block that another was putting");
    assert_eq!(counts.created, hashes.len() as u64, "one object a block");
    assert_eq!(counts.bytes_created, bytes.len() as u64);
    for file in files {
        assert!(bed.read(&file.unwrap()).await.unwrap() == bytes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_repeats_within_a_file_is_put_once() {
    let bed = bed().await;
    let zeros = vec![0; 5_000_000];
    let file = bed.put(&zeros).await;
    // Blocks of the greatest length, and the rest.
    assert_eq!(bed.counted.counts().created, 2);
    assert!(bed.counted.counts().bytes_created < 1000, "zeros compress");
    assert!(bed.read(&file).await.unwrap() == zeros);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_share_nothing() {
    let bed = bed_with(Config { scope: ScopeRule::PerOwner, ..config() }).await;
    let bytes = noise(50_000, 4);
    bed.put(&bytes).await;
    let before = bed.counted.counts().created;
    let bob: OwnerId = "bob".parse().unwrap();
    let new = content::NewUpload { owner: bob.clone(), ..new_upload(Some(50_000)) };
    let upload = bed.store.create(new).await.unwrap();
    let append = content::Append { owner: bob, ..at(upload.id, 0) };
    bed.store.append(append, body(&bytes, 9999), CancellationToken::new()).await.unwrap();
    assert_eq!(bed.counted.counts().created, 2 * before);
    assert_eq!(bed.objects("blocks/owner-bob/").await.len() as u64, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_is_stored_smaller_and_read_as_it_was() {
    let bed = bed().await;
    let text = (0..40_000).map(|line| format!("line {line} of a log\n")).collect::<String>();
    let file = bed.put(text.as_bytes()).await;
    let stored = bed.counted.counts().bytes_created;
    assert!(stored * 2 < text.len() as u64, "{stored} of {} bytes", text.len());
    assert!(bed.read(&file).await.unwrap() == text.as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_files_blocks_serve_the_next_upload() {
    let bed = bed().await;
    let bytes = noise(300_000, 5);
    let file = bed.put(&bytes).await;
    bed.store.delete_file(&owner(), file.id).await.unwrap();
    let before = bed.counted.counts().created;
    let again = bed.put(&bytes).await;
    assert_eq!(bed.counted.counts().created, before, "no sweep has come by");
    assert!(bed.read(&again).await.unwrap() == bytes);
}
