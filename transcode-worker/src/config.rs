//! How a worker works.

use catalog::videos::Policy;
use model::Timestamp;
use std::{fmt, num::NonZero, sync::Arc, thread::available_parallelism, time::Duration};

/// How often a worker says that it still works on a job: to the tables and to the queue.
const KEEP_EVERY: Duration = HALF_A_ROUND.saturating_mul(2);
const HALF_A_ROUND: Duration = Duration::from_millis(2500);
/// How long one such word may take, with all its tries: one try that hangs, and another.
const KEEP_WITHIN: Duration = aws::ATTEMPT.saturating_add(Duration::from_secs(2));
/// What clocks that differ, a machine that has much to do, and the pause between two words may cost.
const MARGIN: Duration = Duration::from_secs(3);
/// The first word comes up to one and a half times [`KEEP_EVERY`] after the delivery
/// ([`crate::keep::rounds`]). Where it fails with all its tries, the next follows at once, and is heard while
/// the lease still holds.
const LEASE: Duration = HALF_A_ROUND
    .saturating_mul(3)
    .saturating_add(KEEP_WITHIN.saturating_mul(2))
    .saturating_add(MARGIN);
// A call that ends a job may take as long as any call does, and begins under a lease.
const _: () = assert!(LEASE.as_millis() > aws::DEADLINE.saturating_add(MARGIN).as_millis());

/// What a worker may do at once, and how long it waits for what.
#[derive(Clone)]
pub struct Config {
    /// Tasks whose child process works at a time; each keeps about a core busy.
    pub slots: usize,
    /// Tasks of one video that are outstanding at most: so a long film leaves room for others.
    pub width: u32,
    /// How long a task is a worker's, and its message hidden, without a word from it. A worker that dies
    /// costs this much.
    pub lease: Duration,
    /// How often a worker says that it still works: several times a lease, so that one late word does
    /// not cost it the task.
    pub keep_every: Duration,
    /// How long such a word may take, with all its tries.
    pub keep_within: Duration,
    /// How often those who look on are told how far a segment is.
    pub tell_every: Duration,
    /// How long one question for jobs waits for an answer.
    pub wait: Duration,
    /// How often jobs that a crash left in the log are looked for, and how old they are by then: whoever
    /// wrote them had that long to send them itself.
    pub relay_every: Duration,
    /// How often tasks are tried.
    pub policy: Policy,
    /// The time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for Config {
    /// A slot for each core.
    fn default() -> Self {
        let slots = available_parallelism().map_or(1, NonZero::get);
        Self {
            slots,
            width: width(slots),
            lease: LEASE,
            keep_every: KEEP_EVERY,
            keep_within: KEEP_WITHIN,
            tell_every: Duration::from_secs(2),
            wait: Duration::from_secs(20),
            relay_every: Duration::from_secs(5),
            policy: Policy::default(),
            clock: Arc::new(Timestamp::now),
        }
    }
}

impl Config {
    /// The same with so many slots.
    #[must_use]
    pub fn with_slots(self, slots: usize) -> Self {
        Self { slots, width: width(slots), ..self }
    }
}

/// Twice the slots: so that none is idle while results are written.
fn width(slots: usize) -> u32 {
    u32::try_from(2 * slots).unwrap_or(u32::MAX).max(4)
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("slots", &self.slots)
            .field("width", &self.width)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
