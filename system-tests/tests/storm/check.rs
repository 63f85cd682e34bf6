//! What must be true once a storm is over and all work is done.

use crate::{client::Sent, house::House};
use catalog::{Scope, VideoLink, videos::Video};
use content::Cleared;
use futures::TryStreamExt;
use model::{
    ByteRange, FileId, OwnerId, Sha256, Timestamp, block::BlockState, event::EventType,
    video::VideoStatus,
};
use records::Shard;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

/// The hash of every segment and init segment of a video, by the rendition's name and a place.
pub type Shown = BTreeMap<(String, String), Sha256>;

/// More than there are of anything that is listed here.
const ALL: usize = 1_000;

/// Every byte of every file that a client was told of.
pub async fn every_byte_is_there(house: &House, sent: &[Sent]) {
    let store = house.store();
    for Sent { bytes, file, .. } in sent {
        let file = store.catalog().file(&OwnerId::local(), *file).await.unwrap().value;
        let reader = store.reader(&file.current);
        let parts = reader.stream(ByteRange::new(0, reader.len())).unwrap();
        let read: Vec<bytes::Bytes> = parts.try_collect().await.unwrap();
        assert!(read.concat() == *bytes, "{} of {} bytes is another", file.id, bytes.len());
        assert_eq!(file.current.sha256, Some(Sha256::of(bytes)));
    }
}

/// One file for each that was sent, and one event for each thing that happened.
pub async fn everything_happened_once(house: &House, sent: &[Sent]) {
    let (catalog, owner) = (house.catalog(), OwnerId::local());
    let (files, _) = catalog.list_files(&owner, ALL, None).await.unwrap();
    let told: BTreeSet<FileId> = sent.iter().map(|sent| sent.file).collect();
    assert_eq!(told.len(), sent.len(), "two uploads became one file");
    let there: BTreeSet<FileId> = files.iter().map(|file| file.id).collect();
    assert!(told.is_subset(&there));
    // What a POST left that its client did not hear of.
    let mut unheard: BTreeMap<Sha256, u32> = BTreeMap::new();
    for sent in sent {
        *unheard.entry(Sha256::of(&sent.bytes)).or_default() += sent.failed_posts;
    }
    for file in files.iter().filter(|file| !told.contains(&file.id)) {
        let left = file.current.sha256.and_then(|sha256| unheard.get_mut(&sha256));
        let left = left.filter(|left| **left > 0);
        let left = left.unwrap_or_else(|| panic!("nobody sent {} bytes", file.current.size));
        *left -= 1;
    }

    let events = catalog.events(&owner, None, 100 * ALL).await.unwrap();
    let stored = events.iter().filter(|event| event.kind == EventType::FileStored);
    let mut stored: Vec<_> = stored.filter_map(|event| event.file).collect();
    stored.sort();
    assert_eq!(stored, there.iter().copied().collect::<Vec<_>>(), "each file is stored once");
    let ready = events.iter().filter(|event| {
        event.kind == EventType::VideoChanged && event.data["state"] == json!("ready")
    });
    let mut ready: Vec<_> = ready.filter_map(|event| event.file).collect();
    ready.sort();
    let videos = files.iter().filter(|file| file.current.video.is_some());
    let mut videos: Vec<_> = videos.map(|file| file.id).collect();
    videos.sort();
    assert_eq!(ready, videos, "each video is ready once");
}

/// No job is left, and none was put aside.
pub async fn no_job_is_lost(house: &House) {
    for queue in [&house.queue, &house.quick] {
        let dead = queue.dead_letters(None, 100).await.unwrap().letters;
        assert!(dead.is_empty(), "{dead:?}");
    }
    assert_eq!(left(house).await, 0);
}

/// How many jobs are waiting, delayed and in flight, and how many in the log.
pub async fn left(house: &House) -> u64 {
    let mut left = 0;
    for queue in [&house.queue, &house.quick] {
        let depth = queue.depth().await.unwrap();
        left += depth.waiting + depth.delayed + depth.in_flight;
    }
    left + house.catalog().left_jobs(None, house.now(), 100).await.unwrap().len() as u64
}

/// The video of `file`, once it has one.
pub async fn video(house: &House, file: FileId) -> Option<Video> {
    let catalog = house.catalog();
    let file = catalog.any_file(file).await.unwrap()?.value;
    match file.current.video {
        Some(VideoLink::Video(key)) => catalog.video(&key).await.unwrap(),
        _ => None,
    }
}

/// What `file`'s video shows, and the names of the objects that hold it.
pub async fn shown(house: &House, file: FileId) -> (Shown, BTreeSet<String>) {
    let (catalog, video) = (house.catalog(), video(house, file).await.unwrap());
    assert_eq!(video.status, VideoStatus::Ready, "{:?}", video.reason);
    let poster = video.poster.expect("a video has a picture").object;
    let (mut shown, mut names) = (Shown::new(), BTreeSet::from([poster]));
    for &id in &video.renditions {
        let rendition = catalog.rendition(id).await.unwrap().unwrap();
        let mut objects = vec![("init".to_owned(), rendition.init.unwrap().object)];
        for segment in catalog.segments(id, 0, ALL).await.unwrap() {
            objects.extend(segment.object.map(|object| (segment.k.to_string(), object)));
        }
        for (place, object) in objects {
            let bytes = house.objects.get(&object.parse().unwrap(), None).await.unwrap();
            shown.insert((rendition.name.clone(), place), Sha256::of(&bytes));
            names.insert(object);
        }
    }
    (shown, names)
}

/// Each block is one object; each object is a block, or one of `named`, which the videos name, or was put
/// after its error, when nobody was there any more to delete it.
pub async fn nothing_is_stored_twice(house: &House, named: &BTreeSet<String>) {
    clear(house).await;
    let (blocks, used, referenced) = blocks(house).await;
    assert_eq!(used, referenced, "a reference for each block of each file, and no other");
    let mut stored = BTreeSet::new();
    let mut cursor = None;
    loop {
        let page = house.objects.list("", cursor, 1_000).await.unwrap();
        stored.extend(page.objects.into_iter().map(|object| object.name.to_string()));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let is_block = |name: &&String| name.starts_with("blocks/");
    let stored_blocks: BTreeSet<String> = stored.iter().filter(is_block).cloned().collect();
    assert_eq!(stored_blocks, blocks, "an object for each block, and no other");
    let rest: BTreeSet<String> = stored.difference(&blocks).cloned().collect();
    let missing: Vec<_> = named.difference(&rest).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let late = house.storm.late_objects();
    let unknown: Vec<_> =
        rest.iter().filter(|name| !named.contains(*name) && !late.contains(*name)).collect();
    assert!(unknown.is_empty(), "objects that nothing names: {unknown:?}");
}

/// Ends the uploads that no client goes on with, as their time does, and clears what is due.
async fn clear(house: &House) {
    let (store, stop) = (house.store(), CancellationToken::new());
    assert_eq!(store.clear_due(Timestamp::MAX, &stop).await.unwrap().failed, 0);
    let again = store.clear_due(Timestamp::MAX, &stop).await.unwrap();
    assert_eq!(again, Cleared::default(), "work that was done is not due any more");
}

type Uses = BTreeSet<(Sha256, String)>;

/// The objects of all blocks; which block which content uses; and which it has a reference to.
async fn blocks(house: &House) -> (BTreeSet<String>, Uses, Uses) {
    let (catalog, mut cursor) = (house.catalog(), None);
    let (mut objects, mut used, mut referenced) = (BTreeSet::new(), Uses::new(), Uses::new());
    loop {
        let page = house.records.scan(Shard::ALL, cursor).await.unwrap();
        for row in page.records {
            let (sort, parts) = (&row.key.sort, row.key.partition.split('#'));
            match parts.collect::<Vec<_>>()[..] {
                ["content", id] if sort == "head" => {
                    let mut from = 0;
                    loop {
                        let rest = ByteRange::new(from, u64::MAX);
                        let blocks =
                            catalog.content_blocks(id.parse().unwrap(), rest).await.unwrap();
                        let Some((at, last)) = blocks.last() else { break };
                        from = at + u64::from(last.len);
                        used.extend(blocks.iter().map(|(_, block)| (block.hash, id.to_owned())));
                    }
                }
                ["content", _] => {
                    let left = sort.starts_with("intent#") || sort.starts_with("part#");
                    assert!(!left, "{} is left", row.key);
                }
                ["block", "global", hash] if sort == "record" => {
                    let hash: Sha256 = hash.parse().unwrap();
                    let record = catalog.blocks(&Scope::Global, &[hash]).await.unwrap().remove(0);
                    match record.unwrap().value {
                        BlockState::Present(placement) => objects.insert(placement.object),
                        other => panic!("the block {hash} is {other:?}"),
                    };
                }
                ["block", "global", hash] => {
                    let content = sort.rsplit('#').next().unwrap().to_owned();
                    referenced.insert((hash.parse().unwrap(), content));
                }
                _ => {}
            }
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return (objects, used, referenced);
        }
    }
}
