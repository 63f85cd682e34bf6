//! The suite over the embedded back end, and what is this one's own.

use super::*;
use crate::conformance::{self, Subject};
use model::ErrorKind;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);

/// A clock that stands until it is moved.
fn clock() -> (Arc<AtomicI64>, Settings) {
    let millis = Arc::new(AtomicI64::new(1_700_000_000_000));
    let read = millis.clone();
    let clock: Clock =
        Arc::new(move || Timestamp::from_millisecond(read.load(Ordering::Relaxed)).unwrap());
    (millis, Settings { max_receives: 3, clock })
}

async fn subject(directory: &TempDir, name: usize, handles: usize) -> Subject {
    let (millis, settings) = clock();
    let path = directory.path().join(format!("{name}.db"));
    let mut opened: Vec<Arc<dyn JobQueue>> = Vec::new();
    for _ in 0..handles {
        opened.push(Arc::new(SqliteQueue::open(&path, settings.clone()).await.unwrap()));
    }
    Subject {
        handles: opened,
        max_receives: settings.max_receives,
        hidden: Duration::from_secs(20),
        notices_lapse: true,
        pass: Box::new(move |time| {
            let time = i64::try_from(time.as_millis()).unwrap();
            millis.fetch_add(time, Ordering::Relaxed);
            Box::pin(std::future::ready(()))
        }),
    }
}

async fn suite_with(handles: usize) {
    let directory = tempfile::tempdir().unwrap();
    let made = AtomicI64::new(0);
    let make = async || {
        let name = usize::try_from(made.fetch_add(1, Ordering::Relaxed)).unwrap();
        subject(&directory, name, handles).await
    };
    conformance::suite(make).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_every_promise_of_the_port() {
    suite_with(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_on_one_file_keep_every_promise_together() {
    suite_with(2).await;
}

#[tokio::test]
async fn a_stale_receipt_is_always_known_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let (millis, settings) = clock();
    let queue = SqliteQueue::open(directory.path().join("q.db"), settings).await.unwrap();
    queue.send(vec![Outgoing::now("x")]).await.unwrap();
    let stale = queue.receive(1, HOUR, Duration::ZERO).await.unwrap().remove(0);
    millis.fetch_add(3_600_000, Ordering::Relaxed);
    let held = queue.receive(1, HOUR, Duration::ZERO).await.unwrap().remove(0);
    let lost = queue.extend(&stale.receipt, HOUR).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Conflict);
    queue.delete(&stale.receipt).await.unwrap();
    queue.extend(&held.receipt, HOUR).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().in_flight, 1);
    // Nor does a receipt from before a death fit the job that was made of the letter.
    queue.bury(&held.receipt, "test").await.unwrap();
    let dead = queue.dead_letters(None, 1).await.unwrap().letters.remove(0);
    assert_eq!(queue.redrive(&[dead.id]).await.unwrap(), []);
    let redriven = queue.receive(1, HOUR, Duration::ZERO).await.unwrap().remove(0);
    assert_ne!(redriven.receipt, stale.receipt);
    queue.delete(&stale.receipt).await.unwrap();
    queue.extend(&redriven.receipt, HOUR).await.unwrap();
}

#[tokio::test]
async fn jobs_and_dead_letters_are_there_when_the_queue_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("q.db");
    let (_, settings) = clock();
    let queue = SqliteQueue::open(&path, settings.clone()).await.unwrap();
    let jobs = ["dead", "held", "waiting"].map(Outgoing::now);
    queue.send(jobs.to_vec()).await.unwrap();
    let dead = queue.receive(1, HOUR, Duration::ZERO).await.unwrap().remove(0);
    queue.bury(&dead.receipt, "test").await.unwrap();
    let held = queue.receive(1, HOUR, Duration::ZERO).await.unwrap().remove(0);
    drop(queue);
    let again = SqliteQueue::open(&path, settings).await.unwrap();
    let depth = again.depth().await.unwrap();
    assert_eq!(depth, Depth { waiting: 1, delayed: 0, in_flight: 1, dead: 1 });
    // A receipt outlives the process, too.
    again.delete(&held.receipt).await.unwrap();
    let waiting = again.receive(10, HOUR, Duration::ZERO).await.unwrap();
    assert_eq!(waiting.iter().map(|job| job.body.as_str()).collect::<Vec<_>>(), ["waiting"]);
}

#[tokio::test]
async fn older_jobs_come_first() {
    let directory = tempfile::tempdir().unwrap();
    let (millis, settings) = clock();
    let queue = SqliteQueue::open(directory.path().join("q.db"), settings).await.unwrap();
    for n in 0..25 {
        queue.send(vec![Outgoing::now(n.to_string())]).await.unwrap();
        millis.fetch_add(n % 2, Ordering::Relaxed);
    }
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let jobs = queue.receive(10, HOUR, Duration::ZERO).await.unwrap();
        bodies.extend(jobs.into_iter().map(|job| job.body));
    }
    assert_eq!(bodies, (0..25).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn settings_and_urls_that_make_no_sense_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("q.db");
    let never = Settings { max_receives: 0, ..Settings::default() };
    assert_eq!(SqliteQueue::open(&path, never).await.unwrap_err().kind(), ErrorKind::Invalid);
    for url in ["redis://jobs", "q.db", "", "sqlite:q.db"] {
        let error = crate::open(url).await.unwrap_err();
        assert!(error.to_string().contains("sqlite:///PATH or sqs://NAME"), "{error}");
    }
    let url = format!("sqlite://{}", path.display());
    assert_eq!(crate::open(&url).await.unwrap().depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn what_was_taken_for_one_who_has_left_is_there_for_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let (_, settings) = clock();
    let queue = SqliteQueue::open(directory.path().join("queue.db"), settings).await.unwrap();
    queue.send(vec![Outgoing::now("a job")]).await.unwrap();
    let (mut left, mut stayed) = (0, 0);
    // Later each time, so that every moment of a look is among them.
    for patience in (0..6_000).step_by(40) {
        let leaves = async {
            for _ in 0..patience {
                tokio::task::yield_now().await;
            }
        };
        let taken = tokio::select! {
            taken = queue.receive(1, HOUR, crate::MAX_WAIT) => Some(taken.unwrap()),
            () = leaves => None,
        };
        match taken.as_deref() {
            Some([job]) => {
                stayed += 1;
                assert_eq!(job.receives, 1, "nobody else has heard of it");
                queue.delete(&job.receipt).await.unwrap();
                queue.send(vec![Outgoing::now("a job")]).await.unwrap();
            }
            Some(other) => panic!("{other:?}"),
            None => left += 1,
        }
        // Behind a write that nobody waits for comes the one that gives back.
        let given_back = async {
            while queue.depth().await.unwrap().in_flight > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), given_back).await.expect("the job is hidden");
    }
    assert!(left > 0 && stayed > 0, "{left} left, {stayed} stayed");
}
