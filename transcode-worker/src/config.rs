//! How a worker works.

use catalog::videos::Policy;
use model::Timestamp;
use std::{fmt, num::NonZero, sync::Arc, thread::available_parallelism, time::Duration};

/// What a worker may do at once, and how long it waits for what.
#[derive(Clone)]
pub struct Config {
    /// Tasks whose child process works at a time; each keeps about a core busy.
    pub slots: usize,
    /// Tasks of one video that are outstanding at most: so a long film leaves room for others.
    pub width: u32,
    /// How long a task is a worker's without a word from it. A worker that dies costs this much.
    pub lease: Duration,
    /// How often a worker says that it still works: several times a lease, so that one late word does
    /// not cost it the task.
    pub keep_every: Duration,
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
            lease: Duration::from_secs(15),
            keep_every: Duration::from_secs(5),
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
