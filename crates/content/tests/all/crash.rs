//! A process that dies at any moment: whatever call is its last, and whether that took effect or not, a
//! new process goes on from an offset that no client was told wrongly, and what is read is what was
//! sent.

use crate::support::*;
use bytes::Bytes;
use catalog::{Catalog, Scope};
use content::{Cleared, Ended, Store};
use futures::{StreamExt, stream};
use model::{
    ByteRange, ErrorKind, OwnerId, Result, Sha256, UploadId, block::BlockState, upload::UploadState,
};
use objects::{ObjectName, ObjectStore};
use records::{RecordStore, Shard};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tempfile::TempDir;
use testkit::faults::{Effect, Fault, Faults};
use tokio_util::sync::CancellationToken;

/// Stores that fail by plan, and the same without.
struct Machine {
    faults: Faults,
    objects: Arc<dyn ObjectStore>,
    records: Arc<dyn RecordStore>,
    _dir: TempDir,
}

impl Machine {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let (objects, records) = ports(dir.path()).await;
        Self { faults: Faults::new(), objects, records, _dir: dir }
    }

    /// A process that knows nothing but what is stored.
    fn process(&self) -> Store {
        let records = self.faults.records(Arc::clone(&self.records));
        let objects = self.faults.objects(Arc::clone(&self.objects));
        Store::new(Catalog::new(records), objects, config()).unwrap()
    }
}

/// Sends `bytes` in three requests, of which the first two break off. Returns how far the client was
/// told that it came, and with which error it ended.
async fn send(store: &Store, id: UploadId, bytes: &[u8], told: &mut u64) -> Result<()> {
    for cut in [bytes.len() / 4, bytes.len() / 2, bytes.len()] {
        let part = &bytes[usize::try_from(*told).unwrap()..cut];
        let sent =
            body(part, 30_000).chain(stream::iter((cut < bytes.len()).then(|| Err(broken()))));
        let done = store.append(at(id, *told), sent, CancellationToken::new()).await?;
        *told = done.offset;
    }
    Ok(())
}

async fn read_file(store: &Store, owner: &OwnerId, file: model::FileId) -> Vec<u8> {
    let file = store.catalog().file(owner, file).await.unwrap().value;
    let reader = store.reader(&file.current);
    let parts: Vec<Result<Bytes>> =
        reader.stream(ByteRange::new(0, reader.len())).unwrap().collect().await;
    parts.into_iter().map(Result::unwrap).collect::<Vec<_>>().concat()
}

/// A client that was told `told` goes on as clients do: ask, then send the rest.
async fn recover(store: &Store, id: UploadId, bytes: &[u8], told: u64, what: &str) {
    let head = store.take_over(&owner(), id).await.unwrap();
    let offset = head.offset().unwrap();
    assert!(offset >= told, "{what}: {told} bytes were acknowledged, {offset} are there");
    if let UploadState::Open { .. } = head.state {
        let rest = &bytes[usize::try_from(offset).unwrap()..];
        let sent = body(rest, 40_000);
        let done = store.append(at(id, offset), sent, CancellationToken::new()).await;
        assert!(matches!(done.unwrap().ended, Ended::Complete(_)), "{what}");
    }
    assert!(read_file(store, &owner(), head.file).await == bytes, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_call_is_the_last_a_new_process_goes_on() {
    let machine = Machine::new().await;
    let mut seed = 0;
    for (effect, lasting) in
        [(Effect::None, true), (Effect::Half, true), (Effect::Full, true), (Effect::Full, false)]
    {
        for call in 1.. {
            seed += 1;
            // Half of it is new each time, half is there already.
            let bytes = [noise(120_000, seed), noise(120_000, 1_000_000)].concat();
            machine.faults.disarm();
            let store = machine.process();
            let upload = store.create(new_upload(Some(bytes.len() as u64))).await.unwrap();
            machine.faults.arm(Fault { call, effect, lasting, kind: ErrorKind::Unavailable });
            let mut told = 0;
            let sent = send(&store, upload.id, &bytes, &mut told).await;
            let reached = machine.faults.calls() >= call;
            machine.faults.disarm();
            // What fails only once, the same process goes on with.
            let next = if lasting { machine.process() } else { store };
            recover(&next, upload.id, &bytes, told, &format!("{effect:?} at call {call}")).await;
            if !reached {
                sent.unwrap();
                assert!(call > 20, "only {call} calls: the test has lost its grip");
                break;
            }
        }
    }
    nothing_is_left_over(&machine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_an_error_and_the_offset_stays_true() {
    let machine = Machine::new().await;
    for call in 1..25 {
        let bytes = noise(200_000, 50 + call);
        machine.faults.disarm();
        let store = machine.process();
        let upload = store.create(new_upload(Some(bytes.len() as u64))).await.unwrap();
        let fault = Fault { call, effect: Effect::Half, lasting: true, kind: ErrorKind::NoSpace };
        machine.faults.arm(fault);
        let mut told = 0;
        if let Err(error) = send(&store, upload.id, &bytes, &mut told).await {
            assert_eq!(error.kind(), ErrorKind::NoSpace, "{}", error.chain());
        }
        machine.faults.disarm();
        recover(&store, upload.id, &bytes, told, &format!("no space at call {call}")).await;
    }
    nothing_is_left_over(&machine).await;
}

/// Every record of every shard.
async fn scan(records: &dyn RecordStore) -> Vec<records::Record> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = records.scan(Shard::ALL, cursor).await.unwrap();
        all.extend(page.records);
        cursor = page.cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

/// What the rows say after every upload has ended well, and what crashes left was cleared: no intent, part or tail; a reference for each
/// block of each content and no other; an object for each present block and no other.
async fn nothing_is_left_over(machine: &Machine) {
    machine.faults.disarm();
    let store = machine.process();
    let catalog = store.catalog();
    let cleared = store.clear_due(model::Timestamp::MAX, &CancellationToken::new()).await.unwrap();
    assert_eq!(cleared.failed, 0);
    let again = store.clear_due(model::Timestamp::MAX, &CancellationToken::new()).await.unwrap();
    assert_eq!(again, Cleared::default(), "work that was done is not due any more");
    let rows = scan(&*machine.records).await;
    let mut used = BTreeSet::new();
    let mut referenced = BTreeSet::new();
    let mut objects = BTreeMap::new();
    for row in &rows {
        let parts: Vec<&str> = row.key.partition.split('#').collect();
        let sort = row.key.sort.as_str();
        match parts[..] {
            ["content", id] => {
                assert!(!sort.starts_with("intent#") && !sort.starts_with("part#"), "{}", row.key);
                let content = id.parse().unwrap();
                if sort == "head" {
                    let all = ByteRange::new(0, u64::MAX);
                    for (_, block) in catalog.content_blocks(content, all).await.unwrap() {
                        used.insert((block.hash, content));
                    }
                }
            }
            ["block", "global", hash] if sort == "record" => {
                let hash: Sha256 = hash.parse().unwrap();
                let record = catalog.blocks(&Scope::Global, &[hash]).await.unwrap().remove(0);
                match record.unwrap().value {
                    BlockState::Present(placement) => {
                        objects.insert(placement.object, placement.len)
                    }
                    // Of a block that a boundary never made: a lost group's, with no reference left.
                    other => panic!("{hash} is {other:?}"),
                };
            }
            ["block", "global", hash] => {
                let content = sort.rsplit('#').next().unwrap().parse().unwrap();
                referenced.insert((hash.parse().unwrap(), content));
            }
            _ => {}
        }
    }
    assert_eq!(used, referenced);
    let mut stored = BTreeMap::new();
    let mut cursor = None;
    loop {
        let page = machine.objects.list("", cursor, 1000).await.unwrap();
        for object in page.objects {
            stored.insert(object.name.to_string(), object.len);
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(objects, stored);
    assert!(stored.keys().all(|name| ObjectName::new(name.as_str()).is_ok()));
}
