//! Every job comes, hidden from others while somebody has it, and counted.

use super::*;
use futures::future::join_all;
use std::collections::BTreeMap;

pub(super) async fn run(make: &impl AsyncFn() -> Subject) {
    a_body_comes_as_it_was_sent(&make().await).await;
    a_delivered_job_is_hidden_and_comes_again(&make().await).await;
    a_delayed_job_is_hidden_first(&make().await).await;
    jobs_that_many_receive_go_to_one_each(&make().await).await;
    the_depth_tells_where_jobs_are(&make().await).await;
}

async fn a_body_comes_as_it_was_sent(queue: &Subject) {
    let largest = "x".repeat(crate::MAX_BODY_BYTES);
    let bodies = ["x", "{\"v\": 1}", "line\nline\ttab\r\n", "\u{e9}\u{1f980}'\"\\;--", &largest];
    for body in bodies {
        queue.send(body).await;
        let job = queue.take().await;
        assert!(job.body == body, "{:.40?}", job.body);
        assert_eq!(job.receives, 1);
        queue.other().delete(&job.receipt).await.unwrap();
    }
    queue.is_empty().await;
}

async fn a_delivered_job_is_hidden_and_comes_again(queue: &Subject) {
    queue.send("again").await;
    let first = queue.take().await;
    queue.is_empty().await;
    queue.pass(queue.hidden / 2).await;
    queue.is_empty().await;
    queue.pass(queue.hidden).await;
    let second = queue.take().await;
    assert_eq!((first.receives, second.receives), (1, 2));
    assert_eq!((&second.body, second.sent_at), (&first.body, first.sent_at));
    assert_ne!(first.receipt, second.receipt);
    queue.is_empty().await;
}

async fn a_delayed_job_is_hidden_first(queue: &Subject) {
    let later = Outgoing { body: "later".into(), delay: queue.hidden };
    queue.queue().send(vec![later, Outgoing::now("now")]).await.unwrap();
    let now = queue.take().await;
    assert_eq!(now.body, "now");
    queue.other().delete(&now.receipt).await.unwrap();
    queue.is_empty().await;
    queue.pass(queue.hidden).await;
    let later = queue.take().await;
    assert_eq!((later.body.as_str(), later.receives), ("later", 1));
}

async fn jobs_that_many_receive_go_to_one_each(queue: &Subject) {
    let (lots, lot) = (4, crate::MAX_SEND);
    for n in 0..lots {
        let jobs = (0..lot).map(|m| Outgoing::now(format!("job {n} {m}")));
        queue.at(n).send(jobs.collect()).await.unwrap();
    }
    let receivers = join_all((0..4).map(|task| {
        let mine = queue.at(task);
        async move {
            let mut got = Vec::new();
            // A queue of many machines may say "none" too early; it does not do so for ever.
            let mut none = 0;
            while none < 3 {
                let jobs = mine.receive(1 + task * 3, queue.hidden, Duration::ZERO).await.unwrap();
                assert!(jobs.len() <= 1 + task * 3);
                none = if jobs.is_empty() { none + 1 } else { 0 };
                got.extend(jobs);
            }
            got
        }
    }));
    let mut bodies = BTreeMap::new();
    for job in receivers.await.into_iter().flatten() {
        assert_eq!(job.receives, 1);
        *bodies.entry(job.body).or_insert(0) += 1;
    }
    assert_eq!(bodies.len(), lots * lot);
    assert!(bodies.values().all(|&times| times == 1), "{bodies:?}");
}

async fn the_depth_tells_where_jobs_are(queue: &Subject) {
    let depth = async || {
        let depth = queue.other().depth().await.unwrap();
        (depth.waiting, depth.delayed, depth.in_flight, depth.dead)
    };
    assert_eq!(depth().await, (0, 0, 0, 0));
    let later = Outgoing { body: "later".into(), delay: queue.hidden * 2 };
    let jobs = vec![Outgoing::now("a"), Outgoing::now("b"), Outgoing::now("c"), later];
    queue.queue().send(jobs).await.unwrap();
    assert_eq!(depth().await, (3, 1, 0, 0));
    queue.take().await;
    let second = queue.take().await;
    assert_eq!(depth().await, (1, 1, 2, 0));
    queue.other().bury(&second.receipt, "test").await.unwrap();
    assert_eq!(depth().await, (1, 1, 1, 1));
    queue.pass(queue.hidden).await;
    assert_eq!(depth().await, (2, 1, 0, 1));
}
