//! Trying again until a deadline, for calls whose repetition the SDK cannot judge: those that must not be
//! repeated blindly, and those whose answer says of a part that it failed. The SDK tries such a call once.

use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use model::{Error, ErrorKind, Result};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// With less time than this a try is not begun: cut off at once it would only say that nobody knows.
const LEAST: Duration = Duration::from_millis(250);

/// The tries of one call. Pauses double, with jitter over their whole length, so that those who met
/// once do not meet again.
#[derive(Debug)]
pub struct Tries {
    deadline: Instant,
    pause: Duration,
    /// How many more there may be.
    more: u32,
}

impl Tries {
    /// Tries from now on, for so long, the last of them included.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, pause: FIRST_PAUSE, more: u32::MAX }
    }

    /// The same, but `tries` of them at most.
    #[must_use]
    pub fn at_most(self, tries: u32) -> Self {
        Self { more: tries.saturating_sub(1), ..self }
    }

    /// The time that is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// For the SDK's call of the next try: it does not repeat it, and ends it after `attempt`, or after what
    /// is left where that is less.
    #[must_use]
    pub fn once(&self, attempt: Duration) -> (RetryConfig, TimeoutConfig) {
        let time = attempt.min(self.left());
        let time_outs =
            TimeoutConfig::builder().operation_attempt_timeout(time).operation_timeout(time);
        (RetryConfig::disabled(), time_outs.build())
    }

    /// Waits for the next try.
    ///
    /// # Errors
    /// `error`, the reason for it, where no time or try is left.
    pub async fn again(&mut self, error: Error) -> Result<()> {
        let pause = self.pause.mul_f64(fraction()?);
        if self.more == 0 || self.left() < pause + LEAST {
            return Err(error);
        }
        self.more -= 1;
        sleep(pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Anything from 0 to 1.
fn fraction() -> Result<f64> {
    let random = getrandom::u32().map_err(|error| {
        Error::with_source(ErrorKind::Internal, "the system gives no random bytes", error)
    })?;
    Ok(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_end_with_the_last_reason_when_the_time_is_over() {
        let start = Instant::now();
        let mut tries = Tries::within(Duration::from_secs(10));
        let mut count = 0;
        let last = loop {
            count += 1;
            let error = Error::new(ErrorKind::Busy, format!("try {count}"));
            if let Err(error) = tries.again(error).await {
                break error;
            }
        };
        assert_eq!((last.kind(), last.to_string()), (ErrorKind::Busy, format!("try {count}")));
        assert!(start.elapsed() <= Duration::from_secs(10));
        assert!(count > 10, "pauses stay below a second: {count} tries in ten");
    }

    #[tokio::test(start_paused = true)]
    async fn no_try_has_longer_than_what_is_left() {
        let second = Duration::from_secs(1);
        let tries = Tries::within(10 * second);
        let limit = |tries: &Tries| {
            let (retries, time_outs) = tries.once(5 * second);
            assert_eq!(retries.max_attempts(), 1);
            time_outs.operation_attempt_timeout().unwrap()
        };
        assert_eq!(limit(&tries), 5 * second);
        sleep(8 * second).await;
        assert_eq!(limit(&tries), 2 * second);
        sleep(8 * second).await;
        assert_eq!(limit(&tries), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_may_be_few() {
        let mut tries = Tries::within(Duration::from_secs(10)).at_most(2);
        let busy = || Error::new(ErrorKind::Busy, "busy");
        assert!(tries.again(busy()).await.is_ok());
        assert!(tries.again(busy()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_would_be_cut_off_at_once_is_not_begun() {
        let mut tries = Tries::within(Duration::from_secs(10));
        sleep(Duration::from_millis(9_800)).await;
        let error = Error::new(ErrorKind::Busy, "the last");
        assert_eq!(tries.again(error).await.unwrap_err().to_string(), "the last");
    }
}
