//! A worker that dies at any moment is followed by another one, and what they make together is what an
//! undisturbed one makes.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod common;

use common::{
    House, Worker,
    fake::Fake,
    queues::{Bad, Extension},
    until,
};
use model::{ErrorKind, video::VideoStatus};
use std::sync::{Arc, atomic::Ordering};
use testkit::faults::{Effect, Fault};
use tokio::sync::Semaphore;
use transcode_worker::Deps;

/// More calls than a video of one segment needs: a walk that gets here has no end.
const TOO_MANY: u64 = 1000;

/// A video of two segments: 12 s.
fn media() -> Arc<Fake> {
    Arc::new(Fake::new(12))
}

/// Lets a worker die when `is_dead` says so, and a second one finish. Whether the first one died.
async fn die_and_go_on(house: &House, deps: Deps, is_dead: impl Fn() -> bool) -> bool {
    let media = media();
    let file = house.movie("a movie").await;
    let first = Worker::start(house.config(), deps);
    until("the worker to die, or be done", async || {
        let idle = house.left().await.iter().sum::<u64>() == 0;
        is_dead() || idle && house.status(file).await.is_some_and(VideoStatus::is_terminal)
    })
    .await;
    let died = is_dead();
    first.kill().await;
    house.faults.disarm();
    house.clock.leap();
    let second = house.start(&media);
    house.ended(file).await;
    house.drain().await;
    second.stop().await;
    house.assert_whole(file, &media).await;
    died
}

/// Dies at each call to the tables and the objects in a video's life.
async fn walk_through_the_stores(effect: Effect) {
    for call in 1..TOO_MANY {
        let house = House::new().await;
        let deps = house.deps(media());
        let fault = Fault { call, effect, lasting: true, kind: ErrorKind::Unavailable };
        house.faults.arm(fault);
        if !die_and_go_on(&house, deps, || house.faults.calls() >= call).await {
            assert!(call > 50, "there are more than {call} calls in a video's life");
            return;
        }
    }
    unreachable!("a video's life has an end");
}

/// Dies at each call to the queue.
async fn walk_through_the_queue(took_effect: bool) {
    for dies_at in 1..TOO_MANY {
        let house = House::new().await;
        let queue = Arc::new(Bad { dies_at, took_effect, ..Bad::new(&house.queue) });
        let mut deps = house.deps(media());
        deps.quick = Arc::new(queue.beside(&house.quick));
        deps.queue = queue.clone();
        if !die_and_go_on(&house, deps, || queue.is_dead()).await {
            assert!(dies_at > 10, "there are more than {dies_at} calls in a video's life");
            return;
        }
    }
    unreachable!("a video's life has an end");
}

#[tokio::test]
async fn a_worker_may_die_before_any_call_to_the_stores() {
    walk_through_the_stores(Effect::None).await;
}

#[tokio::test]
async fn a_worker_may_die_after_any_call_to_the_stores_and_before_its_answer() {
    walk_through_the_stores(Effect::Full).await;
}

#[tokio::test]
async fn a_worker_may_die_before_any_call_to_the_queue() {
    walk_through_the_queue(false).await;
}

#[tokio::test]
async fn a_worker_may_die_after_any_call_to_the_queue_and_before_its_answer() {
    walk_through_the_queue(true).await;
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_spoils_nothing_for_the_one_that_took_over() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let slow = Arc::new(Fake::new(12).gated(&gate));
    let file = house.movie("a movie").await;
    // It does not keep its leases: as one that is paused.
    let paused = transcode_worker::Config {
        keep_every: std::time::Duration::from_secs(3600),
        ..house.config()
    };
    let first = Worker::start(paused, house.deps(slow.clone()));
    until("work to begin", async || slow.begun().len() == 3).await;
    house.clock.leap();
    let media = media();
    let second = house.start(&media);
    until("the second to take over", async || media.begun().len() >= 4).await;
    // Now the first one goes on, and puts objects that nobody wants.
    gate.add_permits(1000);
    house.ended(file).await;
    house.drain().await;
    first.stop().await;
    second.stop().await;
    let video = house.video(file).await.unwrap();
    assert_eq!(video.status, VideoStatus::Ready);
    let (shown, named) = house.shown(file).await;
    assert_eq!(shown, media.expected());
    assert_eq!(house.made().await, named, "what the first one put is gone");
}

/// A worker with its first tasks in work, at the first extension of their messages, which meet `extension`.
async fn at_an_extension(
    house: &House,
    media: &Arc<Fake>,
    extension: Extension,
) -> (Worker, Arc<Bad>) {
    let queue = Arc::new(Bad { extension, ..Bad::new(&house.queue) });
    let mut deps = house.deps(media.clone());
    deps.queue = queue.clone();
    let worker = Worker::start(house.config(), deps);
    until("work to begin", async || media.begun().len() == 3).await;
    let before = queue.calls.load(Ordering::Relaxed);
    until("an extension", async || queue.calls.load(Ordering::Relaxed) > before).await;
    (worker, queue)
}

/// Whatever its messages meet, a worker ends its tasks.
async fn work_while_extensions_meet(extension: Extension) {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let media = Arc::new(Fake::new(12).gated(&gate));
    let file = house.movie("a movie").await;
    let (worker, _) = at_an_extension(&house, &media, extension).await;
    gate.add_permits(1000);
    let video = house.ended(file).await;
    assert_eq!(video.status, VideoStatus::Ready);
    assert_eq!(video.lost, 0, "no attempt was given up");
    house.drain().await;
    worker.stop().await;
    house.assert_whole(file, &media).await;
}

#[tokio::test]
async fn a_stopped_worker_gives_nothing_back_while_that_is_being_kept() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let media = Arc::new(Fake::new(12).gated(&gate));
    house.movie("a movie").await;
    let (worker, queue) = at_an_extension(&house, &media, Extension::Late).await;
    worker.stop().await;
    assert_eq!(house.queue.depth().await.unwrap().in_flight, 0, "all is given back");
    assert_eq!(queue.crossed.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn work_goes_on_while_the_queue_does_not_answer_to_an_extension() {
    work_while_extensions_meet(Extension::Silence).await;
}

#[tokio::test]
async fn work_whose_message_was_lost_is_finished_and_has_one_effect() {
    work_while_extensions_meet(Extension::Lost).await;
}
