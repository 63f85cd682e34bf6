//! Keeping what a worker has: beside the work, so that neither waits for the other.

use crate::{slot::is_outage, worker::Worker};
use catalog::videos::Held;
use model::{Error, ErrorKind, Result};
use queue::{JobQueue, Receipt};
use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

/// What a worker's jobs are kept by: the same rounds for all of them, so that what is due goes to the queue
/// together. The first of a job is at least half of `every` away: most quick jobs are over by then.
pub(crate) fn rounds(began: Instant, every: Duration) -> Interval {
    let into = Duration::from_nanos(
        u64::try_from(began.elapsed().as_nanos() % every.as_nanos().max(1)).unwrap_or(0),
    );
    let left = every.saturating_sub(into);
    let first = if left < every / 2 { left + every } else { left };
    let mut rounds = interval_at(Instant::now() + first, every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds
}

/// The right to a message: whoever keeps it and whoever ends it share it.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    queue: Arc<dyn JobQueue>,
    state: Arc<Mutex<State>>,
    /// Held while a call to keep the message is under way.
    keeping: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
enum State {
    Held(Receipt),
    /// It is being ended, or was.
    Ended,
    /// It took too long, or somebody else finished it: the job comes again by itself, or is done.
    Lost,
}

impl Hold {
    pub(crate) fn new(queue: Arc<dyn JobQueue>, receipt: Receipt) -> Self {
        let state = Arc::new(Mutex::new(State::Held(receipt)));
        Self { queue, state, keeping: Arc::default() }
    }

    pub(crate) fn is_lost(&self) -> bool {
        matches!(*self.state(), State::Lost)
    }

    /// The receipt, for whoever ends the message; nobody keeps it from now on.
    pub(crate) fn take(&self) -> Option<Receipt> {
        let mut state = self.state();
        match &*state {
            State::Held(receipt) => {
                let receipt = receipt.clone();
                *state = State::Ended;
                Some(receipt)
            }
            State::Ended | State::Lost => None,
        }
    }

    /// The same once no call to keep the message is under way, for whoever sets anew when it is seen again: of
    /// two calls at once a queue may heed the first one last.
    pub(crate) async fn take_settled(&self) -> Option<Receipt> {
        let receipt = self.take()?;
        drop(self.keeping.lock().await);
        Some(receipt)
    }

    /// Keeps the message hidden for `lease` at a time until it is ended or lost, and then does nothing.
    pub(crate) async fn keep(&self, worker: &Worker) -> Infallible {
        let lease = worker.config.lease;
        let mut rounds = worker.rounds();
        rounds.tick().await;
        loop {
            let keeping = self.keeping.lock().await;
            let kept = match self.held() {
                Some(receipt) => Some(worker.in_time(self.queue.extend(&receipt, lease)).await),
                None => None,
            };
            drop(keeping);
            let Some(kept) = kept else { return pending().await };
            match kept {
                Ok(()) => {}
                // The task's lease is what counts; without its message the task comes again by another.
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    tracing::info!(error = error.chain(), "a message was lost");
                    self.lose();
                }
                Err(error) if is_outage(&error) => {
                    tracing::warn!(error = error.chain(), "a message was not kept; trying again");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(error) => tracing::warn!(error = error.chain(), "a message was not kept"),
            }
            rounds.tick().await;
        }
    }

    fn held(&self) -> Option<Receipt> {
        match &*self.state() {
            State::Held(receipt) => Some(receipt.clone()),
            State::Ended | State::Lost => None,
        }
    }

    fn lose(&self) {
        let mut state = self.state();
        // One that was ended meanwhile is gone for that reason.
        if matches!(*state, State::Held(_)) {
            *state = State::Lost;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between two words of which the first was not heard.
const PAUSE: Duration = Duration::from_millis(250);

impl Worker {
    /// When the jobs of this worker are kept.
    pub(crate) fn rounds(&self) -> Interval {
        rounds(self.began, self.config.keep_every)
    }

    /// What `call` says, or that it took longer than a word to keep a job may.
    async fn in_time(&self, call: impl Future<Output = Result<()>> + Send) -> Result<()> {
        timeout(self.config.keep_within, call).await.unwrap_or_else(|late| {
            let sentence = "a store takes too long to keep a job";
            Err(Error::with_source(ErrorKind::Unavailable, sentence, late))
        })
    }

    /// Keeps the lease of a task. Returns when the task is lost: to somebody else, with its video, or
    /// because the lease is over and could not be kept.
    pub(crate) async fn keep_lease(&self, held: &Held, ending: &Ending) {
        let lease = self.config.lease;
        let mut until = self.after(lease);
        let mut rounds = self.rounds();
        rounds.tick().await;
        loop {
            let next = self.after(lease);
            let kept = self.in_time(self.catalog().keep(held, next)).await;
            if ending.has_begun() {
                // The write that ends the attempt checks itself whose it is, and may be what was in the way.
                return pending().await;
            }
            match kept {
                Ok(()) => until = next,
                // As long as the lease lasts, the work may go on.
                Err(error) if is_outage(&error) && self.now() < until => {
                    tracing::warn!(error = error.chain(), "a lease was not kept; trying again");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(error) => {
                    tracing::info!(error = error.chain(), video = %held.video, "a task was lost");
                    return;
                }
            }
            rounds.tick().await;
        }
    }
}

/// Whether an attempt has come to the write that ends it.
#[derive(Debug, Default)]
pub(crate) struct Ending(AtomicBool);

impl Ending {
    pub(crate) fn begins(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn jobs_that_begin_at_different_times_are_kept_in_the_same_rounds() {
        let (began, every) = (Instant::now(), Duration::from_secs(4));
        let mut ticks = Vec::new();
        for begins in [0, 1, 2, 3, 5] {
            tokio::time::sleep_until(began + Duration::from_secs(begins)).await;
            ticks.push((begins, rounds(began, every)));
        }
        for (begins, mut ticks) in ticks {
            let first = ticks.tick().await.duration_since(began).as_secs();
            assert_eq!(first % 4, 0, "begun at {begins}");
            assert!((2..=6).contains(&(first - begins)), "begun at {begins}, kept at {first}");
        }
    }
}
