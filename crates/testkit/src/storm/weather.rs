//! What can happen to calls, and how often.

use crate::dice::Dice;
use std::time::Duration;

/// How often calls that can meet a thing do meet it, in 10,000 of them, and how long things take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    /// The call waits before it begins.
    pub slow: u32,
    /// The back end does not answer, and nothing has happened: a 5xx.
    pub refused: u32,
    /// There is too much at once, and nothing has happened: a 429.
    pub throttled: u32,
    /// All has happened, and the answer is lost. Of a receive: the jobs are hidden, and nobody has them.
    pub lost: u32,
    /// It happens some time after the error was returned.
    pub late: u32,
    /// A part of a batch has happened: never of records, whose batches are atomic.
    pub partial: u32,
    /// A job that was delivered is delivered once more while its receiver works on it; jobs that were
    /// sent are sent twice.
    pub twice: u32,
    /// Jobs come in another order, or later, than they were sent.
    pub disordered: u32,
    /// The longest wait before a call.
    pub longest_wait: Duration,
    /// How long after its error a late call happens at most.
    pub latest: Duration,
    /// How long a job that is out of order is hidden at most, by the queue's clock.
    pub longest_delay: Duration,
}

impl Weather {
    /// Nothing but waiting: what every caller can expect of a back end that keeps its contract to the
    /// letter.
    #[must_use]
    pub fn mild() -> Self {
        Self {
            slow: 3_000,
            refused: 0,
            throttled: 0,
            lost: 0,
            late: 0,
            partial: 0,
            twice: 0,
            disordered: 0,
            longest_wait: Duration::from_millis(3),
            latest: Duration::ZERO,
            longest_delay: Duration::ZERO,
        }
    }

    /// That of a seed. Of each thing that can happen there is none, little or much, so that in some seeds
    /// one is not hidden by another that usually comes first (Groce and others, "Swarm testing", 2012).
    ///
    /// A task's way through a worker is some twenty-five calls, and one that fails begins the task anew: at
    /// these rates one attempt in five gets through even in the worst of weathers.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "weather", 0);
        let mut one_of = |rates: [u32; 3]| rates[dice.below(3)];
        Self {
            slow: one_of([300, 1_000, 3_000]),
            refused: one_of([0, 50, 150]),
            throttled: one_of([0, 30, 100]),
            lost: one_of([0, 80, 200]),
            late: one_of([0, 80, 200]),
            partial: one_of([0, 200, 1_000]),
            twice: one_of([0, 300, 1_500]),
            disordered: one_of([0, 500, 2_000]),
            longest_wait: Duration::from_millis(15),
            latest: Duration::from_millis(400),
            longest_delay: Duration::from_secs(5),
        }
    }
}
