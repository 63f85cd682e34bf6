//! The storm keeps the ports' contracts, and does what it says.

#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use model::{ErrorKind, Timestamp};
use objects::{ObjectName, ObjectStore, Put, fs::FsObjects};
use queue::{
    JobQueue, Outgoing,
    conformance::Subject,
    sqlite::{Settings, SqliteQueue},
};
use records::{Condition, Consistency, Key, RecordStore, Write, sqlite::SqliteRecords};
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use testkit::storm::{Storm, Weather};
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Nothing happens but what a test adds.
fn fair() -> Weather {
    Weather { slow: 0, latest: Duration::from_millis(50), ..Weather::mild() }
}

const ALWAYS: u32 = 10_000;

async fn objects(dir: &TempDir) -> Arc<dyn ObjectStore> {
    Arc::new(FsObjects::open(dir.path().join("objects")).await.unwrap())
}

async fn records(dir: &TempDir) -> Arc<dyn RecordStore> {
    Arc::new(SqliteRecords::open(dir.path().join("records.db")).await.unwrap())
}

async fn queue(dir: &TempDir) -> Arc<dyn JobQueue> {
    let settings = Settings::default();
    Arc::new(SqliteQueue::open(dir.path().join("queue.db"), settings).await.unwrap())
}

fn put(name: &str) -> Put {
    Put::new(ObjectName::new(name).unwrap(), Bytes::from("x"))
}

async fn names(store: &dyn ObjectStore) -> Vec<String> {
    let page = store.list("", None, 1000).await.unwrap();
    page.objects.into_iter().map(|object| object.name.to_string()).collect()
}

fn write(sort: &str) -> Vec<Write> {
    vec![Write::put(Key::new("p", sort), Condition::Absent, json!({}))]
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_in_a_mild_storm_keep_every_promise_of_the_port() {
    let dir = TempDir::new().unwrap();
    let (storm, store) = (Storm::new(1, Weather::mild()), objects(&dir).await);
    objects::conformance::suite_on(vec![storm.objects(store.clone()), storm.objects(store)]).await;
    assert!(storm.tally()["slow"] > 50, "{:?}", storm.tally());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_in_a_mild_storm_keep_every_promise_of_the_port() {
    let dir = TempDir::new().unwrap();
    let (storm, store) = (Storm::new(2, Weather::mild()), records(&dir).await);
    records::conformance::suite_on(vec![storm.records(store.clone()), storm.records(store)]).await;
    assert!(storm.tally()["slow"] > 50, "{:?}", storm.tally());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_in_a_mild_storm_keeps_every_promise_of_the_port() {
    let (dir, made) = (TempDir::new().unwrap(), AtomicU64::new(0));
    let storm = Storm::new(3, Weather::mild());
    let make = async || {
        let millis = Arc::new(AtomicI64::new(1_700_000_000_000));
        let read = millis.clone();
        let clock = move || Timestamp::from_millisecond(read.load(Ordering::Relaxed)).unwrap();
        let settings = Settings { max_receives: 3, clock: Arc::new(clock) };
        let path = dir.path().join(made.fetch_add(1, Ordering::Relaxed).to_string());
        let queue: Arc<dyn JobQueue> = Arc::new(SqliteQueue::open(path, settings).await.unwrap());
        Subject {
            handles: vec![storm.queue(queue.clone()), storm.queue(queue)],
            max_receives: 3,
            hidden: Duration::from_secs(20),
            notices_lapse: true,
            pass: Box::new(move |time| {
                let time = i64::try_from(time.as_millis()).unwrap();
                millis.fetch_add(time, Ordering::Relaxed);
                Box::pin(std::future::ready(()))
            }),
        }
    };
    queue::conformance::suite(make).await;
    assert!(storm.tally()["slow"] > 50, "{:?}", storm.tally());
}

#[tokio::test]
async fn the_same_seed_brings_the_same() {
    let befalls = async |seed| {
        let dir = TempDir::new().unwrap();
        let weather = Weather { refused: 2_000, throttled: 2_000, lost: 2_000, ..fair() };
        let store = Storm::new(seed, weather).records(records(&dir).await);
        let mut kinds = Vec::new();
        for n in 0..50 {
            kinds.push(store.write(write(&n.to_string())).await.err().map(|error| error.kind()));
        }
        kinds
    };
    let first = befalls(7).await;
    assert!(first.contains(&None) && first.contains(&Some(ErrorKind::Busy)));
    assert_eq!(first, befalls(7).await);
    assert_ne!(first, befalls(8).await);
    assert_ne!(Weather::of_seed(7), Weather::of_seed(8));
}

#[tokio::test]
async fn whoever_tries_again_gets_through() {
    let dir = TempDir::new().unwrap();
    let storm = Storm::new(1, Weather { refused: ALWAYS, ..fair() });
    let store = storm.records(records(&dir).await);
    let key = Key::new("p", "x");
    let mut kinds = Vec::new();
    for _ in 0..8 {
        let answer = store.get(&key, Consistency::Strong).await;
        kinds.push(answer.err().map(|error| error.kind()));
    }
    let away = Some(ErrorKind::Unavailable);
    assert_eq!(kinds, [away, away, away, None, away, away, away, None]);
}

#[tokio::test]
async fn what_is_refused_has_not_happened_and_what_is_lost_has() {
    let dir = TempDir::new().unwrap();
    let (objects, records) = (objects(&dir).await, records(&dir).await);
    for (what, weather) in [
        ("refused", Weather { refused: ALWAYS, ..fair() }),
        ("throttled", Weather { throttled: ALWAYS, ..fair() }),
        ("lost", Weather { lost: ALWAYS, ..fair() }),
    ] {
        let storm = Storm::new(1, weather);
        let (stormy, table) = (storm.objects(objects.clone()), storm.records(records.clone()));
        let error = stormy.put_all(vec![put(what)]).await.unwrap_err();
        assert_eq!(error.kind() == ErrorKind::Busy, what == "throttled");
        assert!(table.write(write(what)).await.unwrap_err().kind().is_retryable());
        let row = records.get(&Key::new("p", what), Consistency::Strong).await.unwrap();
        let there = names(&*objects).await.contains(&what.to_owned());
        assert_eq!((there, row.is_some()), (what == "lost", what == "lost"), "{what}");
        assert_eq!(storm.tally()[what], 2);
    }
}

#[tokio::test]
async fn what_is_late_happens_after_its_error_and_before_the_calm() {
    let dir = TempDir::new().unwrap();
    let (objects, records, queue) = (objects(&dir).await, records(&dir).await, queue(&dir).await);
    let late = Weather { late: ALWAYS, latest: HOUR, ..fair() };
    let far = Storm::new(1, late).objects(objects.clone());
    far.put_all(vec![put("in-an-hour")]).await.unwrap_err();
    assert!(names(&*objects).await.is_empty());

    let storm = Storm::new(1, Weather { late: ALWAYS, ..fair() });
    storm.objects(objects.clone()).put_all(vec![put("late")]).await.unwrap_err();
    storm.records(records.clone()).write(write("late")).await.unwrap_err();
    storm.queue(queue.clone()).send(vec![Outgoing::now("late")]).await.unwrap_err();
    storm.calm().await;
    assert_eq!(names(&*objects).await, ["late"]);
    assert!(records.get(&Key::new("p", "late"), Consistency::Strong).await.unwrap().is_some());
    assert_eq!(queue.receive(10, HOUR, Duration::ZERO).await.unwrap().len(), 1);
    assert_eq!(storm.late_objects(), BTreeSet::from(["late".to_owned()]));
    storm.objects(objects.clone()).put_all(vec![put("calm")]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_waits_while_the_calm_comes_goes_well() {
    let dir = TempDir::new().unwrap();
    let weather = Weather { late: ALWAYS, slow: ALWAYS, longest_wait: HOUR, ..fair() };
    let storm = Storm::new(1, weather);
    let store = storm.records(records(&dir).await);
    let slow = tokio::spawn(async move { store.write(write("slow")).await });
    while !storm.tally().contains_key("slow") {
        tokio::task::yield_now().await;
    }
    storm.calm().await;
    // It was to land late, and nothing does any more.
    slow.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_part_of_a_batch_is_neither_none_nor_all_of_it() {
    let dir = TempDir::new().unwrap();
    let (objects, queue) = (objects(&dir).await, queue(&dir).await);
    let storm = Storm::new(1, Weather { partial: ALWAYS, ..fair() });
    let batch: Vec<_> = (0..10).map(|n| put(&format!("part/{n}"))).collect();
    storm.objects(objects.clone()).put_all(batch).await.unwrap_err();
    let stored = names(&*objects).await;
    assert!((1..10).contains(&stored.len()), "{stored:?}");
    let all: Vec<_> = stored.iter().map(|name| ObjectName::new(name.as_str()).unwrap()).collect();
    storm.objects(objects.clone()).delete_all(&all).await.unwrap_err();
    assert!(names(&*objects).await.len() < stored.len());
    let jobs = (0..10).map(|n| Outgoing::now(n.to_string())).collect();
    storm.queue(queue.clone()).send(jobs).await.unwrap_err();
    let sent = queue.receive(10, HOUR, Duration::ZERO).await.unwrap();
    assert!((1..10).contains(&sent.len()), "{sent:?}");
    // Records happen as a whole, or not at all.
    let records = storm.records(records(&dir).await);
    records.write([write("a"), write("b")].concat()).await.unwrap();
}

#[tokio::test]
async fn jobs_come_twice_and_out_of_order_and_none_is_lost() {
    let dir = TempDir::new().unwrap();
    let twice = Weather { twice: ALWAYS, disordered: ALWAYS, ..fair() };
    let storm = Storm::new(1, twice);
    let stormy = storm.queue(queue(&dir).await);
    let bodies: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    stormy.send(bodies.iter().map(Outgoing::now).collect()).await.unwrap();
    let mut got = Vec::new();
    // Sent twice, and each of them delivered twice.
    let all = async {
        while got.len() < 40 {
            got.extend(stormy.receive(10, HOUR, Duration::ZERO).await.unwrap());
        }
    };
    timeout(MINUTE, all).await.expect("forty deliveries");
    let order: Vec<&str> = got.iter().map(|job| job.body.as_str()).collect();
    for body in &bodies {
        assert_eq!(order.iter().filter(|other| *other == body).count(), 4, "{order:?}");
    }
    assert_ne!(order[..10], bodies);
    let receipts: BTreeSet<_> = got.iter().map(|job| job.receipt.as_str()).collect();
    assert_eq!(receipts.len(), 20, "a second delivery is of the same job");
    assert_eq!(storm.tally()["delivered twice"], 20);
}

#[tokio::test]
async fn a_delivery_that_is_lost_comes_again_and_no_job_loses_two() {
    let dir = TempDir::new().unwrap();
    let queue = queue(&dir).await;
    let stormy = Storm::new(1, Weather { lost: ALWAYS, ..fair() }).queue(queue.clone());
    queue.send(vec![Outgoing::now("x")]).await.unwrap();
    let lost = stormy.receive(1, Duration::from_millis(1), Duration::ZERO).await;
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::Unavailable);
    let job = stormy.receive(1, HOUR, Duration::from_secs(20)).await.unwrap().remove(0);
    assert_eq!((job.body.as_str(), job.receives), ("x", 2));
}
