//! Every state that a block's record may be in when an upload brings the block.

use crate::support::*;
use catalog::Scope;
use content::{Ended, Store};
use model::{
    Sha256,
    block::{BlockState, Codec},
};
use objects::{ObjectName, Put};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio_util::sync::CancellationToken;

/// One block's worth of bytes.
fn block() -> Vec<u8> {
    noise(3000, 77)
}

async fn record(store: &Store, bytes: &[u8]) -> catalog::Stored<BlockState> {
    let hash = Sha256::of(bytes);
    store.catalog().blocks(&Scope::Global, &[hash]).await.unwrap().remove(0).unwrap()
}

async fn set(bed: &Bed, bytes: &[u8], state: BlockState) {
    let hash = Sha256::of(bytes);
    let catalog = bed.store.catalog();
    let found = catalog.blocks(&Scope::Global, &[hash]).await.unwrap().remove(0);
    let change = (hash, found.map(|found| found.version), state);
    catalog.set_blocks(&Scope::Global, vec![change]).await.unwrap();
}

/// Uploads the block and says how many objects that made and found.
async fn upload(bed: &Bed) -> (u64, u64) {
    let before = bed.counted.counts();
    let file = bed.put(&block()).await;
    let after = bed.counted.counts();
    assert!(bed.read(&file).await.unwrap() == block());
    assert!(matches!(record(&bed.store, &block()).await.value, BlockState::Present(_)));
    (after.created - before.created, after.existed - before.existed)
}

fn pending() -> (String, BlockState) {
    let object = format!("blocks/global/00/{}.0000000000000001", Sha256::of(&block()));
    (object.clone(), BlockState::Pending { object, codec: Codec::Plain })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_is_announced_for_deletion_is_taken_back_without_a_put() {
    let bed = bed().await;
    assert_eq!(upload(&bed).await, (1, 0));
    let present = record(&bed.store, &block()).await.value;
    set(&bed, &block(), present.announce().unwrap()).await;
    assert_eq!(upload(&bed).await, (0, 0));
    assert_eq!(record(&bed.store, &block()).await.value, present);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_was_pending_when_it_was_announced_is_put_under_its_name() {
    let bed = bed().await;
    let (object, pending) = pending();
    set(&bed, &block(), pending.announce().unwrap()).await;
    assert_eq!(upload(&bed).await, (1, 0));
    assert_eq!(bed.objects("blocks/").await, [object]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reserved_name_is_used_by_whoever_comes_next() {
    let bed = bed().await;
    let (object, pending) = pending();
    set(&bed, &block(), pending).await;
    assert_eq!(upload(&bed).await, (1, 0));
    assert_eq!(bed.objects("blocks/").await, [object]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_a_crash_left_unsaid_is_found() {
    let bed = bed().await;
    let (object, pending) = pending();
    set(&bed, &block(), pending).await;
    let name = ObjectName::new(object.as_str()).unwrap();
    bed.store.objects().put_all(vec![Put::new(name, block().into())]).await.unwrap();
    assert_eq!(upload(&bed).await, (0, 1));
    assert_eq!(bed.objects("blocks/").await, [object]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_was_reserved_is_kept_to() {
    let bed = bed().await;
    let object = pending().0;
    // Noise would be stored plain by choice.
    set(&bed, &block(), BlockState::Pending { object, codec: Codec::Zstd }).await;
    assert_eq!(upload(&bed).await, (1, 0));
    let BlockState::Present(placement) = record(&bed.store, &block()).await.value else {
        panic!("not present")
    };
    assert_eq!(placement.codec, Codec::Zstd);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_block_gets_a_name_that_no_object_had() {
    let bed = bed().await;
    assert_eq!(upload(&bed).await, (1, 0));
    set(&bed, &block(), BlockState::Damaged).await;
    assert_eq!(upload(&bed).await, (1, 0));
    let objects = bed.objects("blocks/").await;
    assert_eq!(objects.len(), 2, "{objects:?}");
}

/// A sweep that announces and takes back, as fast as it can, while uploads bring the same blocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_and_a_sweep_that_finds_references_get_along() {
    let bed = bed().await;
    let bytes = noise(60_000, 5);
    let first = bed.put(&bytes).await;
    let all = model::ByteRange::new(0, u64::MAX);
    let blocks = bed.store.catalog().content_blocks(first.current.content, all).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let sweep = tokio::spawn({
        let (catalog, done) = (bed.store.catalog().clone(), Arc::clone(&done));
        async move {
            let mut times = 0;
            while !done.load(Ordering::Relaxed) {
                for (_, block) in &blocks {
                    let hashes = [block.hash];
                    let found = catalog.blocks(&Scope::Global, &hashes).await.unwrap().remove(0);
                    let found = found.unwrap();
                    let Ok(announced) = found.value.announce() else { continue };
                    let change = vec![(block.hash, Some(found.version), announced)];
                    let Ok(versions) = catalog.set_blocks(&Scope::Global, change).await else {
                        continue;
                    };
                    let back = vec![(block.hash, Some(versions[0]), found.value)];
                    // An upload may have taken it back already.
                    let _ = catalog.set_blocks(&Scope::Global, back).await;
                    times += 1;
                }
            }
            times
        }
    });
    let uploads = (0..6).map(|_| {
        let (store, bytes) = (bed.store.clone(), bytes.clone());
        tokio::spawn(async move {
            for _ in 0..3 {
                let upload = store.create(new_upload(Some(60_000))).await.unwrap();
                let sent = body(&bytes, 9_000);
                let done = store.append(at(upload.id, 0), sent, CancellationToken::new()).await;
                assert!(matches!(done.unwrap().ended, Ended::Complete(_)));
            }
        })
    });
    for upload in futures::future::join_all(uploads).await {
        upload.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    assert!(sweep.await.unwrap() > 0);
    assert!(bed.read(&first).await.unwrap() == bytes);
}
