//! Waiting for jobs: woken by whatever makes one visible, and safe to give up.

use super::*;
use crate::MAX_WAIT;
use futures::{FutureExt, future::join};

pub(super) async fn run(make: &impl AsyncFn() -> Subject) {
    whoever_waits_gets_what_is_sent(&make().await).await;
    whoever_waits_gets_what_becomes_visible(&make().await).await;
    a_wait_for_nothing_ends(&make().await).await;
    giving_up_a_wait_loses_nothing(&make().await).await;
}

async fn whoever_waits_gets_what_is_sent(queue: &Subject) {
    for sender in 0..2 {
        let wait = queue.other().receive(5, queue.hidden, MAX_WAIT);
        // Polled in this order: the wait has begun when the job is sent.
        let send = queue.at(sender).send(vec![Outgoing::now(format!("from {sender}"))]);
        let (jobs, sent) = join(wait, send).await;
        sent.unwrap();
        assert_eq!(jobs.unwrap()[0].body, format!("from {sender}"));
    }
}

async fn whoever_waits_gets_what_becomes_visible(queue: &Subject) {
    queue.send("given back").await;
    let held = queue.take().await;
    let wait = queue.other().receive(1, queue.hidden, MAX_WAIT);
    let (jobs, back) = join(wait, queue.queue().extend(&held.receipt, Duration::ZERO)).await;
    back.unwrap();
    let job = jobs.unwrap().remove(0);
    queue.other().bury(&job.receipt, "test").await.unwrap();
    let dead = queue.other().dead_letters(None, 1).await.unwrap().letters.remove(0);
    let wait = queue.other().receive(1, queue.hidden, MAX_WAIT);
    let (jobs, redriven) = join(wait, queue.queue().redrive(&[dead.id])).await;
    assert_eq!(redriven.unwrap(), []);
    assert_eq!(jobs.unwrap()[0].body, "given back");
    // By time alone.
    let wait = queue.other().receive(1, queue.hidden, MAX_WAIT);
    let (jobs, ()) = join(wait, queue.pass(queue.hidden)).await;
    assert_eq!(jobs.unwrap()[0].receives, 2);
}

async fn a_wait_for_nothing_ends(queue: &Subject) {
    for wait in [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(1)] {
        assert_eq!(queue.other().receive(10, queue.hidden, wait).await.unwrap(), []);
    }
}

async fn giving_up_a_wait_loses_nothing(queue: &Subject) {
    for n in 0..10 {
        let mut wait = queue.other().receive(1, queue.hidden, MAX_WAIT);
        // It has begun; it may even be over, with a job that an earlier one left.
        let mut ended = (&mut wait).now_or_never();
        queue.send(&format!("job {n}")).await;
        // Given up when it may just have been woken.
        if n % 2 == 0 && ended.is_none() {
            ended = (&mut wait).now_or_never();
        }
        assert!(ended.is_none_or(|jobs| jobs.is_ok()));
        drop(wait);
    }
    // What was taken by a wait that was given up comes again when its time has passed.
    queue.pass(queue.hidden).await;
    let mut got = 0;
    while let Some(job) = queue.receive().await {
        queue.other().delete(&job.receipt).await.unwrap();
        got += 1;
    }
    assert_eq!(got, 10);
}
