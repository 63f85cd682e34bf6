//! How far an attempt is beyond what it has stored, for those who look on.

use crate::source::Source;
use cmaf::timeline::Cuts;
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering},
};

/// What progress is counted in.
const WHOLE: u64 = 1000;

/// An attempt's progress: set by its work, read by whoever keeps its lease.
#[derive(Default)]
pub(crate) struct Progress {
    measure: OnceLock<Measure>,
    /// The time in the source that work has come to, in ticks of 1/90,000 s.
    at: AtomicI64,
    /// The next segment to be stored.
    next: AtomicU32,
    /// What was told last.
    told: AtomicU32,
}

/// What an attempt's progress is measured by.
enum Measure {
    /// By the time within the segment that comes next.
    Segment(Cuts),
    /// By the part of the source that was read: where nobody knows how long that is.
    Reading { read_to: Arc<AtomicU64>, len: u64 },
}

impl Progress {
    /// Measures within segments, beginning with `next`.
    pub(crate) fn by_segment(&self, cuts: &Cuts, next: u32) {
        self.next.store(next, Ordering::Relaxed);
        // Set once: an attempt does one task.
        let _ = self.measure.set(Measure::Segment(cuts.clone()));
    }

    /// Measures by what was read of `source`.
    pub(crate) fn by_reading(&self, source: &Source) {
        let (read_to, len) = source.read_to();
        let _ = self.measure.set(Measure::Reading { read_to, len });
    }

    /// Work has come to `at`.
    pub(crate) fn come_to(&self, at: i64) {
        self.at.store(at, Ordering::Relaxed);
    }

    /// Segment `k` is stored.
    pub(crate) fn stored(&self, k: u32) {
        self.next.store(k.saturating_add(1), Ordering::Relaxed);
    }

    /// How far it is, in thousandths, where that is not what was said last. Nothing for work that those
    /// who look on are not told of.
    pub(crate) fn news(&self) -> Option<u32> {
        let ahead = match self.measure.get()? {
            Measure::Segment(cuts) => {
                let next = self.next.load(Ordering::Relaxed);
                let (from, to) = (cuts.cut(next), cuts.cut(next.saturating_add(1)));
                let gone = self.at.load(Ordering::Relaxed).saturating_sub(from);
                part(u64::try_from(gone).unwrap_or(0), (to - from).unsigned_abs())
            }
            Measure::Reading { read_to, len } => part(read_to.load(Ordering::Relaxed), *len),
        };
        (self.told.swap(ahead, Ordering::Relaxed) != ahead).then_some(ahead)
    }
}

/// `done` of `all` in thousandths; all is the most.
fn part(done: u64, all: u64) -> u32 {
    let part = u128::from(done.min(all)) * u128::from(WHOLE) / u128::from(all.max(1));
    u32::try_from(part).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 90_000;

    #[test]
    fn progress_is_measured_within_the_segment_that_comes_next() {
        let progress = Progress::default();
        progress.come_to(5 * SECOND);
        assert_eq!(progress.news(), None, "nobody looks on");
        progress.by_segment(&Cuts::every(10 * SECOND, 60 * SECOND).unwrap(), 3);
        assert_eq!(progress.news(), None, "the run has not come to its beginning");
        progress.come_to(35 * SECOND);
        assert_eq!((progress.news(), progress.news()), (Some(500), None));
        progress.come_to(42 * SECOND);
        assert_eq!(progress.news(), Some(1000), "segment 3 is not stored yet");
        progress.stored(3);
        assert_eq!(progress.news(), Some(200));
    }
}
