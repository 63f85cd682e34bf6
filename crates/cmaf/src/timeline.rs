//! The timeline that every rendition of a video shares: where it is cut, and which segment a time
//! belongs to.
//!
//! Time zero is the first video frame's presentation time. A segment begins with the first frame at or
//! after its cut and ends where the next one begins, so its true start and duration are known only once
//! its frames are; a range without a frame belongs to the segment before it. What is decided here is
//! only the ranges, which are the same for every rendition.

use model::{Error, Result};
use serde::{Deserialize, Serialize};

/// Ticks a second of every video rendition, and of [`Cuts`].
pub const TIMESCALE: u32 = 90_000;

/// Ticks a second of every audio rendition: its sample rate.
pub const AUDIO_RATE: u32 = 48_000;

/// Samples in one AAC-LC frame.
pub const AUDIO_FRAME: u32 = 1_024;

/// Where a video is cut, in ticks of [`TIMESCALE`] from its zero.
///
/// The listed times are the plan's; beyond them, for sources that turn out longer than their container
/// says, cuts go on every `step`, the first of them at `last + step + slack`. So a tail shorter than
/// `slack` that the container's duration left out does not become a segment of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "CutsFields", try_from = "CutsFields")]
pub struct Cuts {
    times: Vec<i64>,
    step: i64,
    slack: i64,
}

/// [`Cuts`] as they are written down.
#[derive(Serialize, Deserialize)]
struct CutsFields {
    times: Vec<i64>,
    step: i64,
    slack: i64,
}

impl From<Cuts> for CutsFields {
    fn from(Cuts { times, step, slack }: Cuts) -> Self {
        Self { times, step, slack }
    }
}

impl TryFrom<CutsFields> for Cuts {
    type Error = Error;

    fn try_from(fields: CutsFields) -> Result<Self> {
        Self::new(fields.times, fields.step, fields.slack)
    }
}

impl Cuts {
    /// Cuts at `times`, then every `step` after `last + step + slack`.
    ///
    /// # Errors
    /// `Invalid` unless the times begin at zero and rise, `step` is positive and `slack` is not
    /// negative.
    pub fn new(times: Vec<i64>, step: i64, slack: i64) -> Result<Self> {
        let rising = times.windows(2).all(|pair| pair[0] < pair[1]);
        let small = |ticks: i64| ticks <= i64::MAX / 4;
        if times.first() != Some(&0) || !rising || !times.last().is_some_and(|&last| small(last)) {
            return Err(Error::invalid("cuts begin at zero and rise"));
        }
        if step <= 0 || slack < 0 || !small(step) || !small(slack) {
            return Err(Error::invalid(
                "the distance of cuts is positive, their slack not negative",
            ));
        }
        Ok(Self { times, step, slack })
    }

    /// Cuts every `step` over an expected `duration`; a tail shorter than a tenth of `step` stays with
    /// the segment before it.
    ///
    /// # Errors
    /// `Invalid` where `step` is not positive, or so small that there would be a million cuts.
    pub fn every(step: i64, duration: i64) -> Result<Self> {
        let count = if step > 0 { (duration - step / 10).max(0) / step + 1 } else { 1 };
        if count > 1_000_000 {
            return Err(Error::invalid("the video has too many segments; choose longer ones"));
        }
        Self::new((0..count).map(|k| k * step).collect(), step, step.max(0) / 10)
    }

    /// Number of planned segments; a source may turn out to have more, or fewer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Never: there is a cut at zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The usual distance of two cuts, in ticks.
    #[must_use]
    pub fn step(&self) -> i64 {
        self.step
    }

    /// The longest range between two cuts, in ticks; segments of ranges without a frame are longer.
    #[must_use]
    pub fn longest(&self) -> i64 {
        let listed = self.times.windows(2).map(|pair| pair[1] - pair[0]).max();
        listed.unwrap_or(0).max(self.step + self.slack)
    }

    /// Where segment `k`'s range begins, in ticks; it ends where the next one's begins.
    #[must_use]
    pub fn cut(&self, k: u32) -> i64 {
        let (k, listed) = (i64::from(k), i64::try_from(self.times.len()).unwrap_or(i64::MAX));
        match usize::try_from(k).ok().and_then(|k| self.times.get(k)) {
            Some(&time) => time,
            None => self.last() + self.slack + (k - listed + 1).saturating_mul(self.step),
        }
    }

    /// The segment whose range holds time `pts` (ticks); times before zero belong to the first.
    #[must_use]
    pub fn segment_of(&self, pts: i64) -> u32 {
        let beyond = pts - self.last() - self.slack - self.step;
        let k = if beyond >= 0 {
            i64::try_from(self.times.len()).unwrap_or(i64::MAX) + beyond / self.step
        } else {
            let after = self.times.partition_point(|&cut| cut <= pts);
            i64::try_from(after.saturating_sub(1)).unwrap_or(i64::MAX)
        };
        u32::try_from(k).unwrap_or(u32::MAX)
    }

    /// The AAC frame that segment `k` begins with: the one nearest the cut.
    #[must_use]
    pub fn audio_frame(&self, k: u32) -> u64 {
        let cut = i128::from(self.cut(k)) * i128::from(AUDIO_RATE);
        let frame = i128::from(TIMESCALE) * i128::from(AUDIO_FRAME);
        u64::try_from((cut + frame / 2).div_euclid(frame)).unwrap_or(0)
    }

    fn last(&self) -> i64 {
        self.times.last().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = TIMESCALE as i64;

    #[test]
    fn a_minute_has_six_segments_of_ten_seconds() {
        let cuts = Cuts::every(10 * SECOND, 60 * SECOND).unwrap();
        assert_eq!(cuts.len(), 6);
        assert_eq!(cuts.cut(5), 50 * SECOND);
        assert_eq!(cuts.segment_of(10 * SECOND - 1), 0);
        assert_eq!(cuts.segment_of(10 * SECOND), 1);
        assert_eq!(cuts.segment_of(-1), 0);
    }

    #[test]
    fn a_short_tail_stays_with_the_last_segment() {
        let cuts = Cuts::every(10 * SECOND, 60 * SECOND + SECOND / 2).unwrap();
        assert_eq!(cuts.len(), 6);
        assert_eq!(cuts.segment_of(60 * SECOND), 5);
        assert_eq!(Cuts::every(10 * SECOND, 62 * SECOND).unwrap().len(), 7);
    }

    #[test]
    fn a_source_longer_than_planned_is_cut_on() {
        let cuts = Cuts::every(10 * SECOND, 0).unwrap();
        assert_eq!((cuts.len(), cuts.cut(1), cuts.cut(2)), (1, 11 * SECOND, 21 * SECOND));
        assert_eq!(cuts.segment_of(11 * SECOND - 1), 0);
        assert_eq!(cuts.segment_of(21 * SECOND), 2);
    }

    #[test]
    fn audio_is_cut_at_the_nearest_frame() {
        let cuts = Cuts::every(10 * SECOND, 60 * SECOND).unwrap();
        // 10 s are 468.75 frames, 20 s 937.5.
        assert_eq!([cuts.audio_frame(0), cuts.audio_frame(1), cuts.audio_frame(2)], [0, 469, 938]);
    }

    #[test]
    fn cuts_that_make_no_sense_are_refused() {
        for (times, step, slack) in
            [(vec![], 1, 0), (vec![1], 1, 0), (vec![0, 0], 1, 0), (vec![0], 0, 0), (vec![0], 1, -1)]
        {
            assert!(Cuts::new(times, step, slack).is_err());
        }
        assert!(Cuts::every(1, i64::MAX / 2).is_err());
        assert!(Cuts::every(0, 10).is_err());
    }

    proptest! {
        #[test]
        fn every_time_lies_in_exactly_one_range(
            gaps in prop::collection::vec(1i64..2_000_000, 0..20),
            step in 1i64..2_000_000,
            slack in 0i64..100_000,
            pts in 0i64..100_000_000,
        ) {
            let mut times = vec![0];
            times.extend(gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }));
            let cuts = Cuts::new(times, step, slack).unwrap();
            let k = cuts.segment_of(pts);
            prop_assert!(cuts.cut(k) <= pts && pts < cuts.cut(k + 1));
            prop_assert!(cuts.cut(k + 1) - cuts.cut(k) <= cuts.longest());
            prop_assert!(cuts.audio_frame(k) <= cuts.audio_frame(k + 1));
        }
    }
}
