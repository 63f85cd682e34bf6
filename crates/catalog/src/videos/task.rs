//! A task's row and the transitions between its states.

use crate::row::Row;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Which task of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskId {
    /// The one that finds out what the others are.
    Probe,
    /// One of the plan.
    Number(u32),
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe => f.write_str("probe"),
            Self::Number(number) => write!(f, "{number:08x}"),
        }
    }
}

/// A piece of work that was sent. One that waits for others to be done has no row yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its state.
    #[serde(flatten)]
    pub state: TaskState,
    /// How often somebody began it.
    pub begun: u32,
    /// The same without those who gave it back, or could not work for an outage.
    pub claims: u32,
    /// How often it failed by itself.
    pub failures: u32,
    /// How often the store it needs was away.
    pub outages: u32,
}

/// Where a task stands. `Done` and `Failed` absorb.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TaskState {
    /// Sent, not begun, or to be begun again. Written by whoever sends it, or gives it back.
    Queued {
        /// When it may begin.
        not_before: Timestamp,
    },
    /// Somebody works on it, as long as its lease says. Written by whoever claims it.
    Leased {
        /// Names the attempt and, in its objects' names, what it made.
        attempt: String,
    },
    /// All that it makes is stored. Written by its attempt.
    Done,
    /// Given up. Written by its last attempt, or by whoever finds that there were too many.
    Failed {
        /// Why: one sentence for the video's owner.
        reason: String,
    },
}

impl Row for Task {
    const WHAT: &'static str = "a task";
}

/// Until when a task is somebody's. Not part of its row, so that the row's version stays what the
/// holder knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) until: Timestamp,
}

impl Row for Lease {
    const WHAT: &'static str = "a lease";
}

/// How often a task is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Attempts that may fail by themselves before the video fails.
    pub failures: u32,
    /// Attempts that may be begun at all: more are lost only where a task takes its workers along.
    pub claims: u32,
    /// Attempts that may end because a store is away.
    pub outages: u32,
    /// How long the first retry waits; each next one twice as long.
    pub backoff: Duration,
    /// How long a retry waits at most.
    pub max_backoff: Duration,
}

impl Default for Policy {
    /// Four failures over 14 s; outages of three quarters of an hour.
    fn default() -> Self {
        Self {
            failures: 4,
            claims: 32,
            outages: 50,
            backoff: Duration::from_secs(2),
            max_backoff: Duration::from_secs(60),
        }
    }
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The source is what it is: the same again fails again.
    Source,
    /// The attempt itself: a child process that was killed, a defect.
    Attempt,
    /// A store that it needs is away or full.
    Outage,
}

/// What can be done with a task that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Begin it: its row then.
    Begin(Task),
    /// It is somebody's, or rests, until then.
    Wait(Timestamp),
    /// It was begun too often.
    TooOften,
    /// It has ended.
    Over,
}

impl Task {
    /// One that is sent now.
    pub(super) fn queued(now: Timestamp) -> Self {
        let state = TaskState::Queued { not_before: now };
        Self { state, begun: 0, claims: 0, failures: 0, outages: 0 }
    }

    /// What `attempt` may do with it at `now`, its lease being as it is.
    pub(super) fn next(
        &self,
        attempt: &str,
        lease: Option<Timestamp>,
        policy: &Policy,
        now: Timestamp,
    ) -> Next {
        match (&self.state, lease) {
            (TaskState::Done | TaskState::Failed { .. }, _) => Next::Over,
            (TaskState::Queued { not_before }, _) if *not_before > now => Next::Wait(*not_before),
            (TaskState::Leased { .. }, Some(until)) if until > now => Next::Wait(until),
            _ if self.claims >= policy.claims => Next::TooOften,
            _ => Next::Begin(Self {
                state: TaskState::Leased { attempt: attempt.to_owned() },
                begun: self.begun.saturating_add(1),
                claims: self.claims + 1,
                ..self.clone()
            }),
        }
    }

    /// Its attempt has ended without success: it is tried again later, or has failed.
    pub(super) fn missed(
        &self,
        cause: Cause,
        reason: &str,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let (mut failures, mut outages) = (self.failures, self.outages);
        let (count, most) = match cause {
            Cause::Source => (&mut failures, 0),
            Cause::Attempt => (&mut failures, policy.failures),
            Cause::Outage => (&mut outages, policy.outages),
        };
        *count += 1;
        let state = if *count >= most {
            TaskState::Failed { reason: reason.to_owned() }
        } else {
            let doubled = policy.backoff.saturating_mul(1 << (*count - 1).min(16));
            let rest = doubled.min(policy.max_backoff);
            TaskState::Queued { not_before: now.checked_add(rest).unwrap_or(now) }
        };
        // An outage says nothing about the task.
        let claims = self.claims.saturating_sub(u32::from(cause == Cause::Outage));
        Self { state, begun: self.begun, claims, failures, outages }
    }

    /// Its holder stops before it is done, for reasons of its own.
    pub(super) fn given_back(&self, now: Timestamp) -> Self {
        let state = TaskState::Queued { not_before: now };
        Self { state, claims: self.claims.saturating_sub(1), ..self.clone() }
    }

    /// Its attempt has stored all that it makes.
    pub(super) fn done(&self) -> Self {
        Self { state: TaskState::Done, ..self.clone() }
    }

    /// Attempts that are not the one that succeeded.
    pub(super) fn lost(&self) -> u32 {
        self.begun.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        failures: 3,
        claims: 5,
        outages: 9,
        backoff: Duration::from_secs(2),
        max_backoff: Duration::from_secs(10),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn begun(task: &Task, now: Timestamp) -> Task {
        match task.next("a", None, &POLICY, now) {
            Next::Begin(task) => task,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_task_is_one_attempts_until_its_lease_ends() {
        let leased = begun(&Task::queued(at(0)), at(0));
        assert_eq!(leased.next("b", Some(at(10)), &POLICY, at(9)), Next::Wait(at(10)));
        let Next::Begin(taken) = leased.next("b", Some(at(10)), &POLICY, at(10)) else { panic!() };
        assert_eq!(taken.state, TaskState::Leased { attempt: "b".into() });
        assert_eq!((taken.claims, taken.lost()), (2, 1));
    }

    #[test]
    fn ended_tasks_are_never_begun_again() {
        let leased = begun(&Task::queued(at(0)), at(0));
        let failed = leased.missed(Cause::Source, "no", &POLICY, at(0));
        for task in [leased.done(), failed] {
            assert_eq!(task.next("b", None, &POLICY, at(99)), Next::Over);
        }
    }

    #[test]
    fn failures_rest_twice_as_long_each_time_and_come_to_an_end() {
        let mut task = Task::queued(at(0));
        let mut now = at(0);
        for rest in [2, 4] {
            task = begun(&task, now).missed(Cause::Attempt, "why", &POLICY, now);
            let due = now + Duration::from_secs(rest);
            assert_eq!(task.state, TaskState::Queued { not_before: due });
            assert_eq!(task.next("b", None, &POLICY, now), Next::Wait(due));
            now = due;
        }
        let failed = begun(&task, now).missed(Cause::Attempt, "why", &POLICY, now);
        assert_eq!(failed.state, TaskState::Failed { reason: "why".into() });
    }

    #[test]
    fn a_source_that_cannot_be_used_is_not_tried_again() {
        let failed = begun(&Task::queued(at(0)), at(0)).missed(Cause::Source, "x", &POLICY, at(0));
        assert!(matches!(failed.state, TaskState::Failed { .. }));
    }

    #[test]
    fn outages_and_stops_are_not_held_against_a_task_but_outages_are_bounded() {
        let mut task = Task::queued(at(0));
        for second in 0..20 {
            task = begun(&task, at(second)).given_back(at(second));
        }
        assert_eq!((task.claims, task.failures, task.begun), (0, 0, 20));
        let mut outages = 0;
        while !matches!(task.state, TaskState::Failed { .. }) {
            task = begun(&task, at(1000 * (outages + 1)));
            task = task.missed(Cause::Outage, "away", &POLICY, at(1000 * (outages + 1)));
            outages += 1;
        }
        assert_eq!((outages, task.claims, task.failures), (9, 0, 0));
    }

    #[test]
    fn a_task_that_takes_its_workers_along_is_given_up() {
        let mut task = Task::queued(at(0));
        for _ in 0..POLICY.claims {
            task = begun(&task, at(0));
        }
        assert_eq!(task.next("b", None, &POLICY, at(0)), Next::TooOften);
    }
}
