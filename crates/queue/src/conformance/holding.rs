//! What a receipt can do, and what a stale one cannot.

use super::*;

pub(super) async fn run(make: &impl AsyncFn() -> Subject) {
    an_extended_job_stays_hidden(&make().await).await;
    a_job_that_is_given_back_comes_at_once(&make().await).await;
    a_deleted_job_never_comes_again(&make().await).await;
    a_job_that_took_too_long_cannot_be_extended(&make().await).await;
    a_stale_receipt_does_no_harm(&make().await).await;
}

async fn an_extended_job_stays_hidden(queue: &Subject) {
    queue.send("long").await;
    let job = queue.take().await;
    for _ in 0..3 {
        queue.pass(queue.hidden / 2).await;
        queue.queue().extend(&job.receipt, queue.hidden).await.unwrap();
        queue.is_empty().await;
    }
    // An extension counts from when it was asked for, also where that is less than was left.
    queue.queue().extend(&job.receipt, queue.hidden / 4).await.unwrap();
    queue.pass(queue.hidden / 4).await;
    assert_eq!(queue.take().await.receives, 2);
}

async fn a_job_that_is_given_back_comes_at_once(queue: &Subject) {
    queue.send("back").await;
    let job = queue.take().await;
    queue.queue().extend(&job.receipt, Duration::ZERO).await.unwrap();
    let again = queue.take().await;
    assert_eq!((again.body.as_str(), again.receives), ("back", 2));
}

async fn a_deleted_job_never_comes_again(queue: &Subject) {
    queue.send("done").await;
    let job = queue.take().await;
    queue.queue().delete(&job.receipt).await.unwrap();
    // Finishing it twice is no error: the first answer may have been lost.
    queue.other().delete(&job.receipt).await.unwrap();
    assert_eq!(kind(queue.other().extend(&job.receipt, queue.hidden).await), ErrorKind::Conflict);
    assert_eq!(kind(queue.other().bury(&job.receipt, "late").await), ErrorKind::Conflict);
    queue.pass(queue.hidden * 2).await;
    queue.is_empty().await;
    assert_eq!(queue.queue().depth().await.unwrap().dead, 0);
}

async fn a_job_that_took_too_long_cannot_be_extended(queue: &Subject) {
    queue.send("slow").await;
    let job = queue.take().await;
    queue.pass(queue.hidden).await;
    if queue.notices_lapse {
        let late = queue.other().extend(&job.receipt, queue.hidden).await;
        assert_eq!(kind(late), ErrorKind::Conflict);
        assert_eq!(kind(queue.other().bury(&job.receipt, "late").await), ErrorKind::Conflict);
    }
    // The work was done all the same, and nobody has begun it again: it can be finished.
    queue.other().delete(&job.receipt).await.unwrap();
    queue.is_empty().await;
}

async fn a_stale_receipt_does_no_harm(queue: &Subject) {
    queue.send("twice").await;
    let stale = queue.take().await;
    queue.pass(queue.hidden).await;
    let held = queue.take().await;
    queue.queue().delete(&stale.receipt).await.unwrap();
    // Whoever holds the job now can finish it.
    queue.other().delete(&held.receipt).await.unwrap();
    queue.pass(queue.hidden * 2).await;
    queue.is_empty().await;
}
