//! Reading ranges.

use crate::support::*;
use catalog::Catalog;
use content::Store;
use futures::StreamExt;
use model::{ByteRange, ErrorKind};
use testkit::faults::Faults;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_range_is_exactly_its_bytes() {
    let bed = bed().await;
    let bytes = noise(700_000, 1);
    let file = bed.put(&bytes).await;
    let reader = bed.store.reader(&file.current);
    assert_eq!(reader.len(), 700_000);
    let edges = [0, 1, 4095, 65_536, 123_456, 350_000, 699_999, 700_000, 800_000];
    for start in edges {
        for end in edges {
            let range = ByteRange::new(start, end);
            let wanted = bytes.get(start as usize..range.end.min(700_000) as usize);
            let read = reader.read(range).await;
            let streamed = async {
                let parts: Vec<_> = reader.stream(range)?.collect().await;
                parts.into_iter().collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
            };
            match wanted {
                Some(wanted) if !range.is_empty() || start <= 700_000 => {
                    let exact = !wanted.is_empty() || range.is_empty();
                    if exact {
                        assert!(read.unwrap() == wanted, "{range:?}");
                        assert!(streamed.await.unwrap() == wanted, "{range:?}");
                        continue;
                    }
                    assert_eq!(read.unwrap_err().kind(), ErrorKind::RangeNotSatisfiable);
                    assert_eq!(streamed.await.unwrap_err().kind(), ErrorKind::RangeNotSatisfiable);
                }
                _ => {
                    assert_eq!(read.unwrap_err().kind(), ErrorKind::RangeNotSatisfiable);
                    assert_eq!(streamed.await.unwrap_err().kind(), ErrorKind::RangeNotSatisfiable);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_reads_nearby_fetch_a_block_once() {
    let bed = bed().await;
    let bytes = noise(300_000, 2);
    let file = bed.put(&bytes).await;
    let blocks = bed.objects("blocks/").await.len() as u64;
    let reader = bed.store.reader(&file.current);
    let before = bed.counted.counts().gets;
    for start in (0..300_000).step_by(1000) {
        let range = ByteRange::at(start, 1000);
        assert!(reader.read(range).await.unwrap() == bytes[start as usize..][..1000]);
    }
    assert_eq!(bed.counted.counts().gets - before, blocks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_asks_once_where_its_blocks_are_however_much_it_jumps_about() {
    let faults = Faults::new();
    let bed = bed().await;
    let bytes = noise(300_000, 4);
    let file = bed.put(&bytes).await;
    let (objects, records) = ports(bed.dir.path()).await;
    let store = Store::new(Catalog::new(faults.records(records)), objects, config()).unwrap();
    // All blocks are kept from now on, so that what is asked below is asked for the list alone.
    store.reader(&file.current).read(ByteRange::new(0, 300_000)).await.unwrap();
    let reader = store.reader(&file.current);
    faults.disarm();
    for start in (0..300_000).step_by(1000).chain([299_999, 0, 150_000]) {
        let range = ByteRange::at(start, 1000);
        let end = bytes.len().min(start as usize + 1000);
        assert!(reader.clone().read(range).await.unwrap() == bytes[start as usize..end]);
    }
    assert_eq!(faults.calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_costs_no_more() {
    let bed = bed().await;
    let file = bed.put(&noise(3_000_000, 3)).await;
    let before = bed.counted.counts().gets;
    let reader = bed.store.reader(&file.current);
    let mut stream = Box::pin(reader.stream(ByteRange::new(0, u64::MAX)).unwrap());
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert!(bed.counted.counts().gets - before <= 8, "only a few blocks are fetched ahead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_readers_share_little_memory_and_all_finish() {
    let bed = bed_with(content::Config { read_budget: 200 << 10, cache: 0, ..config() }).await;
    let bytes = noise(1_000_000, 4);
    let file = bed.put(&bytes).await;
    let readers = (0..20).map(|_| {
        let reader = bed.store.reader(&file.current);
        let bytes = bytes.clone();
        tokio::spawn(async move {
            let parts: Vec<_> = reader
                .stream(ByteRange::new(0, u64::MAX))
                .unwrap()
                .map(|part| part.unwrap().to_vec())
                .collect()
                .await;
            assert!(parts.concat() == bytes);
        })
    });
    for reader in futures::future::join_all(readers).await {
        reader.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_pause_do_not_starve_the_others() {
    let bed = bed_with(content::Config { read_budget: 256 << 10, cache: 0, ..config() }).await;
    let bytes = noise(1_000_000, 6);
    let file = bed.put(&bytes).await;
    let reader = bed.store.reader(&file.current);
    let mut paused = Vec::new();
    for _ in 0..40 {
        // Each keeps what it has and takes no more, as a connection does whose client has stopped.
        let mut stream = Box::pin(reader.stream(ByteRange::new(0, u64::MAX)).unwrap());
        let first = stream.next().await.unwrap().unwrap();
        paused.push((first, stream));
    }
    assert!(bed.read(&file).await.unwrap() == bytes);
    // And those that paused go on where they were.
    for (first, stream) in paused {
        let rest: Vec<_> = stream.map(Result::unwrap).collect().await;
        assert!([&[first], &rest[..]].concat().concat() == bytes);
    }
}

#[tokio::test]
async fn a_file_that_was_deleted_is_gone_for_its_readers() {
    let bed = bed().await;
    let file = bed.put(&noise(100_000, 5)).await;
    let reader = bed.store.reader(&file.current);
    bed.store.delete_file(&owner(), file.id).await.unwrap();
    let error = reader.read(ByteRange::at(0, 10)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
}
