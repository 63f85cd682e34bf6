//! How long requests may take, and how many there are.

use super::error::Races;
use aws::Tries;
use aws_sdk_s3::config::{Builder, timeout::TimeoutConfig};
use std::time::Duration;

/// Bytes a second below which a request that carries an object is given up: with as many requests in
/// flight as there may be, 8 MiB/s in all.
const SLOWEST: u64 = 128 << 10;
/// What the way of an object adds at most.
const LONGEST_WAY: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Requests that are under way at the same time; the others wait for their turn.
    pub(super) in_flight: usize,
    /// Until a connection stands.
    pub(super) connect: Duration,
    /// One try of a request, without the way of what it carries.
    pub(super) attempt: Duration,
    /// A request with all its tries, and the wait for its turn, each.
    pub(super) total: Duration,
    /// Tries of a request.
    pub(super) attempts: u32,
    /// The longest pause before the second try; it doubles with each.
    pub(super) pause: Duration,
    /// One try to make an object of its parts, which S3 says may take minutes.
    pub(super) complete: Duration,
    /// The look at the bucket that tells whether it is there.
    pub(super) probe: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 64,
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(15),
            total: Duration::from_secs(30),
            attempts: 6,
            pause: Duration::from_millis(200),
            complete: Duration::from_secs(180),
            probe: Duration::from_secs(2),
        }
    }
}

impl Limits {
    /// How long `len` bytes may be on their way.
    pub(super) fn way(len: u64) -> Duration {
        Duration::from_secs(len / SLOWEST).min(LONGEST_WAY)
    }

    /// For a request that carries `len` bytes: time for their way, for that of one more try as well.
    pub(super) fn carrying(&self, len: usize) -> Builder {
        let way = Self::way(len as u64);
        time_outs(self.attempt + way, self.total + 2 * way).retry_classifier(Races)
    }

    /// For the request that makes an object of its parts.
    pub(super) fn completing(&self) -> Builder {
        time_outs(self.complete, 2 * self.complete)
    }

    /// For a look at the bucket.
    pub(super) fn probing(&self) -> Builder {
        time_outs(self.probe, self.probe)
    }

    /// For a request that is one of `tries`: the SDK does not repeat it.
    pub(super) fn once(&self, tries: &Tries) -> Builder {
        let (retries, time_outs) = tries.once(self.attempt);
        Builder::new().retry_config(retries).timeout_config(time_outs)
    }
}

fn time_outs(attempt: Duration, total: Duration) -> Builder {
    let time_outs =
        TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(total);
    Builder::new().timeout_config(time_outs.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_more_has_longer_and_not_for_ever() {
        let seconds =
            [0, 1 << 20, 4 << 20, 16 << 20, 1 << 40].map(|len| Limits::way(len).as_secs());
        assert_eq!(seconds, [0, 8, 32, 128, 300]);
    }
}
