//! The port: what a queue does and must guarantee.

use crate::{DeadId, DeadPage, Delivery, Depth, Outgoing, Receipt};
use async_trait::async_trait;
use model::{Error, ErrorKind, Result};
use std::{fmt, time::Duration};

/// The most jobs of one [`JobQueue::send`].
pub const MAX_SEND: usize = 10;
/// The most jobs of one [`JobQueue::receive`].
pub const MAX_RECEIVE: usize = 10;
/// The longest body in bytes, and the most of one send together.
pub const MAX_BODY_BYTES: usize = 256 << 10;
/// The longest delay.
pub const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
/// The longest time a delivery or extension hides a job.
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest wait of one receive.
pub const MAX_WAIT: Duration = Duration::from_secs(20);
/// The longest reason that is kept with a dead letter, in characters; the rest is cut off.
pub const MAX_REASON: usize = 1000;
/// The most dead letters of a page, and of one call that names them.
pub const MAX_PAGE: usize = 100;

/// A queue of jobs.
///
/// Required of every implementation, and tested by `conformance`:
/// - **At least once.** A job whose send was answered `Ok` is delivered until it is deleted or buried,
///   through crashes of any process and of the machine; it may be delivered more than once.
/// - **Hidden while worked on.** A delivered job is not delivered again before its visibility has passed,
///   save in rare cases (a back end of many machines), which is why this is no lock.
/// - **Counted.** Every delivery raises `receives`. A job that was delivered as often as the queue allows
///   (a setting of the queue) and comes up once more becomes a dead letter instead, and is kept.
/// - **No promise of order**, though older jobs tend to come first, and none stays behind for ever.
/// - Times are rounded up to whole seconds where the back end knows no less.
/// - A call dropped halfway, or that failed with `Unavailable`, may have happened, or may happen a moment
///   later: jobs of a receive that nobody got come again when their visibility has passed.
///
/// Errors of every method, besides those it names: `Invalid` for input beyond the bounds of this module
/// and for a receipt, id or cursor that the queue cannot have given,
/// `Busy` and `Unavailable` for a back end that is overloaded or away (the same call may succeed later),
/// `NoSpace` for a full disk, `Internal` for a stored job that cannot be read.
#[async_trait]
pub trait JobQueue: Send + Sync + fmt::Debug + 'static {
    /// Sends 1 to [`MAX_SEND`] jobs, durably. After an error, any of them may have been sent.
    ///
    /// # Errors
    /// `TooLarge` beyond [`MAX_BODY_BYTES`]; `Invalid` for a body that is empty or holds control
    /// characters other than tab and line ends, or U+FFFE or U+FFFF, which some back ends cannot carry.
    async fn send(&self, jobs: Vec<Outgoing>) -> Result<()>;

    /// Takes 1 to `max` (at most [`MAX_RECEIVE`]) jobs and hides them for `visibility` (more than none,
    /// at most [`MAX_VISIBILITY`]). Where there are none, waits for the first, at most `wait` (at most
    /// [`MAX_WAIT`]), and answers with an empty list when none came. Idle waiting is cheap, and it is
    /// safe to drop the call.
    async fn receive(
        &self,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>>;

    /// Hides a delivered job for `visibility` from now on, more or less than what was left; zero gives it
    /// back at once.
    ///
    /// # Errors
    /// `Conflict` where the job was lost: deleted, buried, or its visibility has passed. A back end of
    /// many machines may not notice that it was delivered to somebody else meanwhile, so `Ok` is no proof
    /// of holding it.
    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<()>;

    /// The job is done: it is never delivered again. A stale receipt is no error and changes nothing for
    /// whoever holds the job now, save that a back end of many machines may take the job as done; doing
    /// it a second time is no error.
    async fn delete(&self, receipt: &Receipt) -> Result<()>;

    /// The job can never succeed: it becomes a dead letter now, with the reason ([`MAX_REASON`]
    /// characters of it).
    ///
    /// # Errors
    /// `Conflict` as for [`Self::extend`].
    async fn bury(&self, receipt: &Receipt, reason: &str) -> Result<()>;

    /// Dead letters, up to `limit` (1 to [`MAX_PAGE`]) a page. A look, not a snapshot: with others looking
    /// or redriving at the same time, a letter may be missed. Letters are not hidden by it for longer than
    /// it takes, also where it breaks off; one that cannot be read hides no other, and says so itself.
    ///
    /// # Errors
    /// `Invalid` for a limit out of bounds or a cursor of something else.
    async fn dead_letters(&self, cursor: Option<String>, limit: usize) -> Result<DeadPage>;

    /// Makes dead letters, 1 to [`MAX_PAGE`] of them, new jobs, delivered from now on as if sent just now.
    /// Answers with the ids of those it did not find: they are gone, in somebody else's look just now, or
    /// among more than can be looked at. After an error, any may be jobs already.
    async fn redrive(&self, ids: &[DeadId]) -> Result<Vec<DeadId>>;

    /// Forgets dead letters, as many, and answers as [`Self::redrive`] does.
    async fn discard(&self, ids: &[DeadId]) -> Result<Vec<DeadId>>;

    /// How many jobs there are, for metrics and readiness.
    async fn depth(&self) -> Result<Depth>;
}

/// What every back end checks before it sends.
///
/// # Errors
/// As [`JobQueue::send`] says.
pub(crate) fn check_send(jobs: &[Outgoing]) -> Result<()> {
    if jobs.is_empty() || jobs.len() > MAX_SEND {
        return Err(Error::invalid(format!("1 to {MAX_SEND} jobs are sent at once")));
    }
    for job in jobs {
        let is_odd = |c: char| match c {
            '\t' | '\n' | '\r' => false,
            // What XML, and so SQS, cannot carry besides.
            '\u{fffe}' | '\u{ffff}' => true,
            c => c.is_control(),
        };
        if job.body.is_empty() || job.body.contains(is_odd) {
            return Err(Error::invalid("a job is text without control characters, and not empty"));
        }
        if job.delay > MAX_DELAY {
            let most = MAX_DELAY.as_secs();
            return Err(Error::invalid(format!("a job is delayed by at most {most} seconds")));
        }
    }
    if jobs.iter().map(|job| job.body.len()).sum::<usize>() > MAX_BODY_BYTES {
        let message = format!("jobs sent at once have at most {MAX_BODY_BYTES} bytes together");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(())
}

/// What every back end checks before it receives.
///
/// # Errors
/// As [`JobQueue::receive`] says.
pub(crate) fn check_receive(max: usize, visibility: Duration, wait: Duration) -> Result<()> {
    if !(1..=MAX_RECEIVE).contains(&max) {
        return Err(Error::invalid(format!("1 to {MAX_RECEIVE} jobs are received at once")));
    }
    if visibility.is_zero() {
        return Err(Error::invalid("a job that is received is hidden for some time"));
    }
    if wait > MAX_WAIT {
        let most = MAX_WAIT.as_secs();
        return Err(Error::invalid(format!("a receive waits for at most {most} seconds")));
    }
    check_visibility(visibility)
}

/// # Errors
/// `Invalid` beyond [`MAX_VISIBILITY`].
pub(crate) fn check_visibility(visibility: Duration) -> Result<()> {
    if visibility <= MAX_VISIBILITY {
        return Ok(());
    }
    let most = MAX_VISIBILITY.as_secs();
    Err(Error::invalid(format!("a job is hidden for at most {most} seconds at a time")))
}

/// # Errors
/// `Invalid` for a page of dead letters that is empty or too large.
pub(crate) fn check_page(limit: usize) -> Result<()> {
    if (1..=MAX_PAGE).contains(&limit) {
        Ok(())
    } else {
        Err(Error::invalid(format!("a page holds 1 to {MAX_PAGE} dead letters")))
    }
}

/// # Errors
/// `Invalid` for no dead letters or too many.
pub(crate) fn check_named(ids: &[DeadId]) -> Result<()> {
    if (1..=MAX_PAGE).contains(&ids.len()) {
        Ok(())
    } else {
        Err(Error::invalid(format!("1 to {MAX_PAGE} dead letters are named at once")))
    }
}
