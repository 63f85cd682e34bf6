//! An upload's life over a real store: one writer, offsets that hold, one file at the end, and nothing
//! left behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use catalog::{
    About, ApiKey, BlockEntry, Catalog, Checkpoint, Commit, Dialect, Due, DueKind, Follow,
    MAX_GROUP, Scope, Stored, Upload, VideoLink,
};
use model::{
    ByteRange, ContentId, ErrorKind, EventId, FileId, KeyId, OwnerId, Sha256, Timestamp, UploadId,
    block::{BlockState, Codec, Placement},
    event::{Event, EventType},
    upload::UploadState,
};
use records::{Condition, Key, Write};
use std::time::Duration;

const SCOPE: Scope = Scope::Global;

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000).unwrap()
}

async fn open(dir: &tempfile::TempDir) -> Catalog {
    let url = format!("sqlite://{}/records.db", dir.path().display());
    Catalog::new(records::open(&url).await.unwrap())
}

fn owner() -> OwnerId {
    "alice".parse().unwrap()
}

fn stranger() -> OwnerId {
    "mallory".parse().unwrap()
}

fn upload(length: Option<u64>) -> Upload {
    Upload {
        id: UploadId::new(now()),
        owner: owner(),
        dialect: Dialect::Tus,
        created: now(),
        expires: now() + Duration::from_secs(3600),
        length,
        about: About {
            name: "clip.mp4".into(),
            media_type: "video/mp4".into(),
            relative_path: None,
        },
        metadata: None,
        content: ContentId::new(now()),
        file: FileId::new(now()),
        state: UploadState::created(),
        tail: Vec::new(),
        hasher: None,
    }
}

fn block(number: u32) -> BlockEntry {
    BlockEntry { hash: Sha256::of(&number.to_be_bytes()), len: 10 }
}

fn present(entry: &BlockEntry) -> BlockState {
    BlockState::Present(Placement {
        object: format!("blocks/global/{}", entry.hash),
        offset: 0,
        len: 10,
        codec: Codec::Plain,
    })
}

fn checkpoint(start: u64, entries: Vec<BlockEntry>, intents: Vec<u32>) -> Checkpoint {
    let present = entries.iter().map(|entry| (entry.hash, None, present(entry))).collect();
    Checkpoint {
        offset: start + 10 * entries.len() as u64,
        start,
        entries,
        intents,
        tail: Vec::new(),
        hasher: None,
        present,
        scope: SCOPE,
        now: now(),
    }
}

fn commit() -> Commit {
    Commit {
        sha256: Some(Sha256::of(b"whole")),
        looks_like_media: true,
        chunking: "test".into(),
        scope: SCOPE,
        now: now(),
    }
}

/// Ingests `count` fresh blocks in groups, as the holder of `held` would.
async fn ingest(catalog: &Catalog, held: &mut Stored<Upload>, count: u32) {
    let (mut start, _) = held.value.state.open().unwrap();
    let numbers: Vec<u32> = (0..count).collect();
    for (n, group) in numbers.chunks(MAX_GROUP).enumerate() {
        let n = u32::try_from(n).unwrap();
        let entries: Vec<_> = group.iter().copied().map(block).collect();
        let hashes: Vec<_> = entries.iter().map(|entry| entry.hash).collect();
        catalog.reference(held, n, &SCOPE, &hashes).await.unwrap();
        let next = checkpoint(start, entries, vec![n]);
        start = next.offset;
        catalog.checkpoint(held, next).await.unwrap();
    }
}

async fn count(catalog: &Catalog, partition: &str) -> usize {
    let query = records::Query::partition(partition).limit(1000);
    catalog.records().query(query).await.unwrap().records.len()
}

async fn due(catalog: &Catalog) -> Vec<Due> {
    let far = now() + Duration::from_secs(1_000_000);
    let mut all = Vec::new();
    for kind in [DueKind::Work, DueKind::Candidate] {
        for shard in 0..catalog.due_shards() {
            let mut cursor = None;
            loop {
                let (rows, next) = catalog.due(kind, shard, far, cursor).await.unwrap();
                all.extend(rows.into_iter().map(|row| row.due));
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
        }
    }
    all
}

#[tokio::test]
async fn an_upload_becomes_one_file_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(25_000))).await.unwrap();
    let id = created.value.id;
    let mut held = catalog.take_over(&owner(), id, Some(0), now()).await.unwrap();
    // More than two pages of blocks.
    ingest(&catalog, &mut held, 2_500).await;
    assert_eq!(held.value.offset(), Some(25_000));

    let file = catalog.commit(&held, commit()).await.unwrap();
    catalog.tidy_upload(&held.value, &SCOPE, now()).await.unwrap();

    assert_eq!(file.current.size, 25_000);
    assert_eq!(file.current.video, Some(VideoLink::Wanted));
    assert_eq!(catalog.file(&owner(), file.id).await.unwrap().value, file);
    let again = catalog.take_over(&owner(), id, Some(25_000), now()).await.unwrap();
    assert_eq!(again.value.state, UploadState::Committed { file: file.id, version: 1 });
    assert!(due(&catalog).await.is_empty(), "its due row is gone");
    // The content's head and three pages.
    assert_eq!(count(&catalog, &format!("content#{}", file.current.content)).await, 4);
}

#[tokio::test]
async fn ranges_find_their_blocks_across_pages() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(None)).await.unwrap();
    let mut held = catalog.take_over(&owner(), created.value.id, None, now()).await.unwrap();
    ingest(&catalog, &mut held, 2_100).await;
    let content = catalog.commit(&held, commit()).await.unwrap().current.content;
    for (start, end) in [(0, 1), (9_999, 10_001), (10_000, 10_010), (20_995, 21_000), (0, 21_000)] {
        let (mut at, mut found) = (start, Vec::new());
        while at < end {
            let blocks = catalog.content_blocks(content, ByteRange::new(at, end)).await.unwrap();
            let (offset, last) = *blocks.last().unwrap();
            found.extend(blocks);
            at = offset + u64::from(last.len);
        }
        let expected: Vec<_> = (start / 10..end.div_ceil(10))
            .map(|n| (n * 10, block(u32::try_from(n).unwrap())))
            .collect();
        assert_eq!(found, expected, "{start}..{end}");
    }
    let behind = ByteRange::new(21_000, 22_000);
    assert!(catalog.content_blocks(content, behind).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_older_writer_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(100))).await.unwrap();
    let id = created.value.id;
    let mut old = catalog.take_over(&owner(), id, Some(0), now()).await.unwrap();
    let new = catalog.take_over(&owner(), id, None, now()).await.unwrap();

    let late = catalog.checkpoint(&mut old, checkpoint(0, vec![block(1)], vec![])).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Cancelled);
    let late = catalog.reference(&old, 0, &SCOPE, &[block(1).hash]).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Cancelled);
    let seen = catalog.upload(&owner(), id).await.unwrap();
    assert_eq!(seen.value.offset(), new.value.offset(), "what was told holds");
    assert!(catalog.references(&SCOPE, block(1).hash, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_append_at_the_wrong_offset_takes_nothing_over() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(100))).await.unwrap();
    let id = created.value.id;
    let mut held = catalog.take_over(&owner(), id, Some(0), now()).await.unwrap();
    let wrong = catalog.take_over(&owner(), id, Some(7), now()).await;
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Conflict);
    ingest(&catalog, &mut held, 1).await;
}

#[tokio::test]
async fn a_block_that_changed_meanwhile_stops_the_checkpoint_only() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(100))).await.unwrap();
    let mut held = catalog.take_over(&owner(), created.value.id, Some(0), now()).await.unwrap();
    let entry = block(1);
    catalog.set_blocks(&SCOPE, vec![(entry.hash, None, present(&entry))]).await.unwrap();
    let stale = catalog.checkpoint(&mut held, checkpoint(0, vec![entry], vec![])).await;
    assert_eq!(stale.unwrap_err().kind(), ErrorKind::Conflict);
    let next = Checkpoint { present: vec![], ..checkpoint(0, vec![entry], vec![]) };
    catalog.checkpoint(&mut held, next).await.unwrap();
    assert_eq!(held.value.offset(), Some(10));
}

#[tokio::test]
async fn an_aborted_upload_releases_all_it_named() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(1_000))).await.unwrap();
    let id = created.value.id;
    let mut held = catalog.take_over(&owner(), id, Some(0), now()).await.unwrap();
    ingest(&catalog, &mut held, 3).await;
    // A group that a crash lost: referenced, never checkpointed.
    catalog.reference(&held, 9, &SCOPE, &[block(77).hash]).await.unwrap();

    let ended = catalog.abort_upload(&owner(), id, now()).await.unwrap();
    catalog.release_upload(&ended.value, &SCOPE, now()).await.unwrap();

    for number in [0, 1, 2, 77] {
        let references = catalog.references(&SCOPE, block(number).hash, 10).await.unwrap();
        assert!(references.is_empty());
        let candidate = Due::Block { scope: SCOPE, hash: block(number).hash };
        assert!(due(&catalog).await.contains(&candidate), "block {number} is a candidate");
    }
    assert_eq!(due(&catalog).await.len(), 4);
    assert_eq!(count(&catalog, &format!("content#{}", ended.value.content)).await, 0);
    let gone = catalog.take_over(&owner(), id, None, now()).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Gone);
}

#[tokio::test]
async fn a_lost_group_that_no_page_uses_is_released_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(30))).await.unwrap();
    let id = created.value.id;
    let held = catalog.take_over(&owner(), id, Some(0), now()).await.unwrap();
    let (used, unused) = (block(0).hash, block(500).hash);
    catalog.reference(&held, 0, &SCOPE, &[used, unused]).await.unwrap();
    let mut held = catalog.take_over(&owner(), id, Some(0), now()).await.unwrap();
    ingest(&catalog, &mut held, 3).await;
    catalog.commit(&held, commit()).await.unwrap();
    catalog.tidy_upload(&held.value, &SCOPE, now()).await.unwrap();

    assert_eq!(catalog.references(&SCOPE, used, 10).await.unwrap().len(), 1);
    assert!(catalog.references(&SCOPE, unused, 10).await.unwrap().is_empty());
    assert_eq!(due(&catalog).await, [Due::Block { scope: SCOPE, hash: unused }]);
}

#[tokio::test]
async fn a_deleted_file_leaves_candidates_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(50))).await.unwrap();
    let mut held = catalog.take_over(&owner(), created.value.id, Some(0), now()).await.unwrap();
    ingest(&catalog, &mut held, 5).await;
    let file = catalog.commit(&held, commit()).await.unwrap();
    catalog.tidy_upload(&held.value, &SCOPE, now()).await.unwrap();

    let theirs = catalog.delete_file(&stranger(), file.id, now()).await.unwrap_err();
    assert_eq!(theirs.kind(), ErrorKind::NotFound);
    let rows = catalog.delete_file(&owner(), file.id, now()).await.unwrap();
    for row in &rows {
        catalog.release_content(row, now()).await.unwrap();
        catalog.release_content(row, now()).await.unwrap();
    }
    assert_eq!(due(&catalog).await.len(), 5, "five candidates");
    assert_eq!(count(&catalog, &format!("content#{}", file.current.content)).await, 0);
    let gone = catalog.file(&owner(), file.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert!(catalog.list_files(&owner(), 10, None).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn what_belongs_to_another_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(10))).await.unwrap();
    let id = created.value.id;
    let kind = |error: model::Error| error.kind();
    let them = stranger();
    assert_eq!(catalog.upload(&them, id).await.map_err(kind).err(), Some(ErrorKind::NotFound));
    let taken = catalog.take_over(&them, id, None, now()).await;
    assert_eq!(taken.map_err(kind).err(), Some(ErrorKind::NotFound));
    let aborted = catalog.abort_upload(&them, id, now()).await;
    assert_eq!(aborted.map_err(kind).err(), Some(ErrorKind::NotFound));
    assert!(catalog.events(&them, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_list_is_paged_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let mut ids = Vec::new();
    for second in 0..7 {
        let mut new = upload(Some(10));
        new.file = FileId::new(now() + Duration::from_secs(second));
        ids.push(new.file);
        let created = catalog.create_upload(new).await.unwrap();
        let mut held = catalog.take_over(&owner(), created.value.id, Some(0), now()).await.unwrap();
        let next = Checkpoint { present: vec![], ..checkpoint(0, vec![block(0)], vec![]) };
        catalog.checkpoint(&mut held, next).await.unwrap();
        catalog.commit(&held, commit()).await.unwrap();
    }
    ids.reverse();
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let (files, next) = catalog.list_files(&owner(), 3, cursor.as_deref()).await.unwrap();
        assert!(files.len() <= 3);
        listed.extend(files.into_iter().map(|file| file.id));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn a_follower_gets_every_event_once_even_late_ones() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let event = |millis: u64| Event {
        id: EventId::new(now() + Duration::from_millis(millis)),
        at: now(),
        kind: EventType::FileRenamed,
        file: None,
        upload: None,
        data: serde_json::json!({}),
    };
    let (before, early, late) = (event(0), event(1_000), event(2_000));
    catalog.append_event(&owner(), &before).await.unwrap();
    let after = Some(before.id);
    let mut follow = Follow::new(catalog.clone(), &owner(), after, now()).await.unwrap();
    assert!(follow.next(10).await.unwrap().is_empty());
    catalog.append_event(&owner(), &late).await.unwrap();
    assert_eq!(follow.next(10).await.unwrap(), std::slice::from_ref(&late));
    // Its id is the smaller one, and it commits after.
    catalog.append_event(&owner(), &early).await.unwrap();
    assert_eq!(follow.next(10).await.unwrap(), std::slice::from_ref(&early));
    assert!(follow.next(10).await.unwrap().is_empty());
    let history = catalog.events(&owner(), after, 10).await.unwrap();
    assert_eq!(history, [early, late]);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let id = |millis: u64| EventId::new(now() + Duration::from_millis(millis));
    let event = |millis: u64| Event {
        id: id(millis),
        at: now(),
        kind: EventType::FileRenamed,
        file: None,
        upload: None,
        data: serde_json::json!({}),
    };
    let mut follow = Follow::new(catalog.clone(), &owner(), None, now()).await.unwrap();
    let (before, after) = (event(1_000), event(3_000));
    catalog.append_event(&owner(), &before).await.unwrap();
    let spoil = async |partition: &str, sort: String| {
        let value = serde_json::json!({"v": 99, "of": "a newer version"});
        let put = Write::put(Key::new(partition, sort), Condition::Any, value);
        catalog.records().write(vec![put]).await.unwrap();
    };
    let history = format!("log#events#{}", owner());
    spoil(&history, id(2_000).to_string()).await;
    spoil(&history, "2 is no id".into()).await;
    catalog.append_event(&owner(), &after).await.unwrap();

    assert_eq!(catalog.events(&owner(), None, 10).await.unwrap(), [before.clone(), after.clone()]);
    assert_eq!(follow.next(10).await.unwrap(), [before, after]);

    spoil("log#jobs#0", id(0).to_string()).await;
    let created = catalog.create_upload(upload(Some(10))).await.unwrap();
    let mut held = catalog.take_over(&owner(), created.value.id, Some(0), now()).await.unwrap();
    ingest(&catalog, &mut held, 1).await;
    catalog.commit(&held, commit()).await.unwrap();
    let jobs = catalog.left_jobs(None, now() + Duration::from_secs(1), 10).await.unwrap();
    assert_eq!(jobs.len(), 1, "the job behind it is found");

    spoil("due#00", format!("{:012x}#upload#x", 1)).await;
    assert_eq!(due(&catalog).await.len(), 1, "the upload, not yet tidied");
}

#[tokio::test]
async fn an_append_at_the_wrong_offset_of_a_complete_upload_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(10))).await.unwrap();
    let id = created.value.id;
    let mut held = catalog.take_over(&owner(), id, Some(0), now()).await.unwrap();
    ingest(&catalog, &mut held, 1).await;
    catalog.commit(&held, commit()).await.unwrap();
    for at in [0, 9, 11] {
        let wrong = catalog.take_over(&owner(), id, Some(at), now()).await.unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::Conflict, "at {at}");
    }
    assert!(catalog.take_over(&owner(), id, Some(10), now()).await.is_ok());
}

#[tokio::test]
async fn time_ends_an_upload_once_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let created = catalog.create_upload(upload(Some(1_000))).await.unwrap();
    let (id, expires) = (created.value.id, created.value.expires);
    let mut held = catalog.take_over(&owner(), id, Some(0), now()).await.unwrap();
    let early = catalog.expire_upload(&owner(), id, now()).await.unwrap_err();
    assert_eq!(early.kind(), ErrorKind::Conflict);
    let ended = catalog.expire_upload(&owner(), id, expires).await.unwrap().value;
    assert_eq!(ended.state, UploadState::Expired);
    let late = catalog.checkpoint(&mut held, checkpoint(0, vec![block(1)], vec![])).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Cancelled);
    let again = catalog.expire_upload(&owner(), id, expires).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Gone);
    let told = catalog.events(&owner(), None, 10).await.unwrap();
    assert_eq!(told.last().unwrap().kind, EventType::UploadExpired);
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_a_key_with_its_revocation() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir).await;
    let key = ApiKey {
        id: KeyId::new(now()),
        owner: owner(),
        name: "laptop".into(),
        created: now(),
        hash: Sha256::of(b"secret"),
        revoked: None,
    };
    catalog.create_key(&key).await.unwrap();
    let (token, expires) = (Sha256::of(b"token"), now() + Duration::from_secs(60));
    catalog.create_session(token, key.id, expires).await.unwrap();
    assert_eq!(catalog.session(token, now()).await.unwrap(), Some(key.id));
    assert_eq!(catalog.session(token, expires).await.unwrap(), None);
    let revoked = catalog.revoke_key(key.id, now()).await.unwrap();
    assert_eq!(revoked.revoked, Some(now()));
    let again = catalog.revoke_key(key.id, expires).await.unwrap();
    assert_eq!(again.revoked, Some(now()));
    assert_eq!(catalog.list_keys(10, None).await.unwrap().0, [revoked]);
}
