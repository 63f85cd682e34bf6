//! What every queue must do, tried out.
//!
//! One suite for every back end and every wrapper around one; it panics with what is wrong. Each case
//! wants a queue of its own with nothing in it, and a way to let time pass: a test's clock, or sleep.

#![allow(clippy::unwrap_used, reason = "a suite fails by panicking")]

mod bounds;
mod dead;
mod delivery;
mod holding;
mod waiting;

use crate::{Delivery, JobQueue, Outgoing};
use futures::future::BoxFuture;
use model::{ErrorKind, Result};
use std::{sync::Arc, time::Duration};

/// An empty queue to try.
pub struct Subject {
    /// One or several handles on it, as several processes would have them.
    pub handles: Vec<Arc<dyn JobQueue>>,
    /// How often it delivers a job; at least 2, and better not many.
    pub max_receives: u32,
    /// How long the suite hides jobs: short enough to let pass, long enough not to pass by itself while
    /// a few calls are made. Whole seconds, at least 4.
    pub hidden: Duration,
    /// Whether the queue notices that a job's visibility has passed though nobody received it since. A
    /// queue must; LocalStack's does not.
    pub notices_lapse: bool,
    /// Lets at least this much time pass, by the queue's clock.
    pub pass: Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Runs every case, each on a queue made by `make`. Where time has to be waited for, the parts wait
/// together.
pub async fn suite(make: impl AsyncFn() -> Subject) {
    let bounds = async { bounds::run(&make().await).await };
    futures::join!(
        Box::pin(delivery::run(&make)),
        Box::pin(holding::run(&make)),
        Box::pin(dead::run(&make)),
        Box::pin(waiting::run(&make)),
        Box::pin(bounds)
    );
}

impl Subject {
    fn at(&self, n: usize) -> &dyn JobQueue {
        self.handles[n % self.handles.len()].as_ref()
    }

    /// The handle that sends.
    fn queue(&self) -> &dyn JobQueue {
        self.at(0)
    }

    /// The handle that receives what the other sent.
    fn other(&self) -> &dyn JobQueue {
        self.at(1)
    }

    async fn pass(&self, time: Duration) {
        (self.pass)(time).await;
    }

    async fn send(&self, body: &str) {
        self.queue().send(vec![Outgoing::now(body)]).await.unwrap();
    }

    /// What is there to receive now, of which nothing is known but that it comes soon.
    async fn receive(&self) -> Option<Delivery> {
        let mut jobs = self.other().receive(1, self.hidden, Duration::ZERO).await.unwrap();
        assert!(jobs.len() <= 1);
        jobs.pop()
    }

    /// A job that must be there now.
    async fn take(&self) -> Delivery {
        self.receive().await.expect("a job should be delivered")
    }

    async fn is_empty(&self) {
        assert_eq!(self.receive().await, None, "no job should be delivered");
    }
}

fn kind<T: std::fmt::Debug>(answer: Result<T>) -> ErrorKind {
    answer.unwrap_err().kind()
}
