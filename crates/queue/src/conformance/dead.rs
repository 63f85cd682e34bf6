//! Jobs that never succeed are put aside and kept.

use super::*;
use crate::{DeadLetter, MAX_PAGE, MAX_REASON};
use std::collections::BTreeSet;

pub(super) async fn run(make: &impl AsyncFn() -> Subject) {
    a_job_that_was_delivered_too_often_is_put_aside(&make().await).await;
    a_buried_job_is_kept_with_its_reason(&make().await).await;
    a_dead_letter_can_be_sent_again_or_forgotten(&make().await).await;
    dead_letters_are_sent_again_together(&make().await).await;
    dead_letters_come_by_pages(&make().await).await;
}

async fn letters(queue: &Subject) -> Vec<DeadLetter> {
    let page = queue.other().dead_letters(None, MAX_PAGE).await.unwrap();
    assert_eq!(page.cursor, None);
    page.letters
}

async fn a_job_that_was_delivered_too_often_is_put_aside(queue: &Subject) {
    queue.send("poison").await;
    let mut last = None;
    for delivery in 1..=queue.max_receives {
        let job = queue.take().await;
        assert_eq!(job.receives, delivery);
        // Whether it was given back or took too long makes no difference.
        if delivery % 2 == 0 {
            queue.other().extend(&job.receipt, Duration::ZERO).await.unwrap();
        } else {
            queue.pass(queue.hidden).await;
        }
        last = Some(job);
    }
    queue.send("behind it").await;
    assert_eq!(queue.take().await.body, "behind it");
    let (last, dead) = (last.unwrap(), letters(queue).await);
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].body.as_str(), &dead[0].reason), ("poison", &None));
    assert_eq!((dead[0].receives, dead[0].sent_at), (queue.max_receives, last.sent_at));
    assert!(dead[0].died_at >= dead[0].sent_at);
    queue.other().delete(&last.receipt).await.unwrap();
    assert_eq!(letters(queue).await.len(), 1, "a late deletion took a dead letter");
}

async fn a_buried_job_is_kept_with_its_reason(queue: &Subject) {
    let long = "no such codec \u{1f980} ".repeat(MAX_REASON);
    let kept: String = long.chars().take(MAX_REASON).collect();
    for (body, reason, kept) in [("a", "broken", "broken"), ("b", "", ""), ("c", &long, &kept)] {
        queue.send(body).await;
        let job = queue.take().await;
        queue.queue().bury(&job.receipt, reason).await.unwrap();
        assert_eq!(kind(queue.other().bury(&job.receipt, "twice").await), ErrorKind::Conflict);
        let dead = letters(queue).await;
        let dead = dead.iter().find(|dead| dead.body == body).unwrap();
        assert_eq!((dead.reason.as_deref(), dead.receives), (Some(kept), 1));
    }
    queue.pass(queue.hidden * 2).await;
    queue.is_empty().await;
}

async fn a_dead_letter_can_be_sent_again_or_forgotten(queue: &Subject) {
    for body in ["retried", "forgotten", "kept"] {
        queue.send(body).await;
        let job = queue.take().await;
        queue.other().bury(&job.receipt, "for now").await.unwrap();
    }
    let dead = letters(queue).await;
    let id = |body: &str| dead.iter().find(|dead| dead.body == body).unwrap().id.clone();
    let retried = [id("retried")];
    assert_eq!(queue.queue().redrive(&retried).await.unwrap(), []);
    let job = queue.take().await;
    assert_eq!((job.body.as_str(), job.receives), ("retried", 1), "it starts anew");
    assert_eq!(queue.queue().redrive(&retried).await.unwrap(), retried);
    let forgotten = [id("forgotten")];
    assert_eq!(queue.queue().discard(&forgotten).await.unwrap(), []);
    assert_eq!(queue.queue().discard(&forgotten).await.unwrap(), forgotten);
    assert_eq!(queue.queue().redrive(&forgotten).await.unwrap(), forgotten);
    // It is a job like any other: it can die again.
    queue.other().bury(&job.receipt, "for good").await.unwrap();
    let dead = letters(queue).await;
    let again = dead.iter().find(|dead| dead.body == "retried").unwrap();
    assert_eq!((dead.len(), again.reason.as_deref()), (2, Some("for good")));
}

async fn dead_letters_are_sent_again_together(queue: &Subject) {
    let bodies: BTreeSet<String> = (0..12).map(|n| format!("dead {n}")).collect();
    for body in &bodies {
        queue.send(body).await;
        let job = queue.take().await;
        queue.other().bury(&job.receipt, "test").await.unwrap();
    }
    let ids: Vec<_> = letters(queue).await.into_iter().map(|letter| letter.id).collect();
    let (forgotten, sent) = ids.split_at(1);
    assert_eq!(queue.queue().discard(forgotten).await.unwrap(), []);
    // What is gone holds up none of the others.
    assert_eq!(queue.queue().redrive(&ids).await.unwrap(), forgotten);
    let mut jobs = BTreeSet::new();
    for _ in sent {
        let job = queue.take().await;
        queue.other().delete(&job.receipt).await.unwrap();
        assert!(jobs.insert(job.body), "one was sent twice");
    }
    assert!(jobs.len() == 11 && jobs.is_subset(&bodies), "{jobs:?}");
    queue.is_empty().await;
    assert_eq!(letters(queue).await, []);
}

async fn dead_letters_come_by_pages(queue: &Subject) {
    let bodies: BTreeSet<String> = (0..7).map(|n| format!("dead {n}")).collect();
    for body in &bodies {
        queue.send(body).await;
        let job = queue.take().await;
        queue.other().bury(&job.receipt, "test").await.unwrap();
    }
    for limit in [1, 3, 7, MAX_PAGE] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = queue.other().dead_letters(cursor, limit).await.unwrap();
            assert!(page.letters.len() <= limit);
            seen.extend(page.letters.into_iter().map(|dead| dead.body));
            assert!(seen.len() <= bodies.len(), "the pages repeat themselves");
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), bodies, "pages of {limit}");
    }
}
