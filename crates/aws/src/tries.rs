//! Trying again until a deadline, for calls whose repetition the SDK cannot judge.

use model::{Error, ErrorKind, Result};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The tries of one call. Pauses double, with jitter over their whole length, so that those who met
/// once do not meet again.
#[derive(Debug)]
pub struct Tries {
    deadline: Instant,
    pause: Duration,
}

impl Tries {
    /// Tries from now on, for so long.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, pause: FIRST_PAUSE }
    }

    /// Waits for the next try.
    ///
    /// # Errors
    /// `error`, the reason for it, where no time is left.
    pub async fn again(&mut self, error: Error) -> Result<()> {
        let pause = self.pause.mul_f64(fraction()?);
        if Instant::now() + pause >= self.deadline {
            return Err(error);
        }
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
}
