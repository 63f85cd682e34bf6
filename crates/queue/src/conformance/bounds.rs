//! What is too much, empty or senseless is refused alike by every back end.

use super::*;
use crate::{
    DeadId, MAX_BODY_BYTES, MAX_DELAY, MAX_PAGE, MAX_RECEIVE, MAX_SEND, MAX_VISIBILITY, MAX_WAIT,
    Receipt,
};

pub(super) async fn run(queue: &Subject) {
    senseless_jobs_are_not_sent(queue).await;
    senseless_receives_are_refused(queue).await;
    what_no_queue_gave_is_refused(queue).await;
}

const SECOND: Duration = Duration::from_secs(1);

async fn senseless_jobs_are_not_sent(queue: &Subject) {
    let job = |body: &str| Outgoing::now(body);
    let late = Outgoing { body: "x".into(), delay: MAX_DELAY + SECOND };
    for jobs in [
        vec![],
        vec![job("x"); MAX_SEND + 1],
        vec![job("")],
        vec![job("\0")],
        vec![job("\u{ffff}")],
        vec![late],
    ] {
        assert_eq!(kind(queue.queue().send(jobs).await), ErrorKind::Invalid);
    }
    let half = "x".repeat(MAX_BODY_BYTES / 2 + 1);
    let over = "x".repeat(MAX_BODY_BYTES + 1);
    for jobs in [vec![job(&over)], vec![job(&half), job(&half)]] {
        assert_eq!(kind(queue.queue().send(jobs).await), ErrorKind::TooLarge);
    }
    queue.is_empty().await;
}

async fn senseless_receives_are_refused(queue: &Subject) {
    let cases = [
        (0, SECOND, SECOND),
        (MAX_RECEIVE + 1, SECOND, SECOND),
        (1, Duration::ZERO, SECOND),
        (1, MAX_VISIBILITY + SECOND, SECOND),
        (1, SECOND, MAX_WAIT + SECOND),
    ];
    for (max, visibility, wait) in cases {
        let answer = queue.other().receive(max, visibility, wait).await;
        assert_eq!(kind(answer), ErrorKind::Invalid, "{max} {visibility:?} {wait:?}");
    }
    for limit in [0, MAX_PAGE + 1] {
        assert_eq!(kind(queue.other().dead_letters(None, limit).await), ErrorKind::Invalid);
    }
    queue.send("x").await;
    let job = queue.take().await;
    let answer = queue.other().extend(&job.receipt, MAX_VISIBILITY + SECOND).await;
    assert_eq!(kind(answer), ErrorKind::Invalid);
    queue.other().extend(&job.receipt, MAX_VISIBILITY).await.unwrap();
}

async fn what_no_queue_gave_is_refused(queue: &Subject) {
    for text in ["", "x", "1.", "..", "\u{1f980}"] {
        let (receipt, id) = (Receipt::from(text.to_owned()), DeadId::from(text.to_owned()));
        assert_eq!(kind(queue.other().extend(&receipt, SECOND).await), ErrorKind::Invalid);
        assert_eq!(kind(queue.other().delete(&receipt).await), ErrorKind::Invalid);
        assert_eq!(kind(queue.other().bury(&receipt, "").await), ErrorKind::Invalid);
        assert_eq!(
            kind(queue.other().redrive(std::slice::from_ref(&id)).await),
            ErrorKind::Invalid
        );
        assert_eq!(kind(queue.other().discard(&[id]).await), ErrorKind::Invalid);
        let page = queue.other().dead_letters(Some(text.to_owned()), 1).await;
        assert_eq!(kind(page), ErrorKind::Invalid);
    }
}
