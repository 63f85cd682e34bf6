//! A video track as the frames that are shown: from a time on, in order, each with its time from zero.
//!
//! **Finding the beginning.** A container's index may point to a keyframe that is shown after the time
//! sought, or to one from which not all frames can be decoded (an open group of pictures, a stream that
//! refreshes gradually). So a start is believed only when the first frame that can be shown from there
//! is at or before the wanted time; otherwise it is sought further back, at last from the beginning.
//! Frames shown before the keyframe that decoding began with may lack their references and are left out.
//! Where a seek worked and nothing follows, the bytes of that place are missing: there is no frame.

use crate::decode::{self, Track};
use crate::fault::Result;
use crate::reader::Pipe;
use crate::task::{VideoTrack, Zero};
use cmaf::timeline::TIMESCALE;
use ffmpeg_next as ff;

/// How much further back the second attempt to seek goes; each later one goes four times as far.
const FIRST_STEP_BACK: i64 = 10 * TIMESCALE as i64;

/// A frame's place in the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Ticks from zero.
    pub pts: i64,
    /// Ticks, as the container says; zero where it does not.
    pub duration: i64,
}

/// The frames of a track from some time on.
pub struct Frames {
    pipe: Pipe,
    track: Track,
    zero: Zero,
    /// Frames before this are not shown.
    from: i64,
    /// The frame that [`Frames::next`] gave last.
    pub frame: ff::frame::Video,
    found: Option<Shown>,
}

impl Frames {
    /// The frames of `track` from the first one at or after `from` (ticks from zero) on.
    pub fn from(pipe: &Pipe, track: &VideoTrack, zero: Zero, from: i64) -> Result<Self> {
        let mut back = 0;
        let mut frames = Self {
            pipe: pipe.clone(),
            track: Track::open(pipe, track.index, ff::media::Type::Video)?,
            zero,
            from,
            frame: ff::frame::Video::empty(),
            found: None,
        };
        while back < from {
            if !frames.track.seek(micros(zero, from - back))? {
                break;
            }
            if !frames.track.has_more()? {
                return Ok(frames);
            }
            if let Some(first) = frames.begin()?.filter(|first| first.pts <= from) {
                frames.found = Some(first);
                return Ok(frames);
            }
            back = (back * 4).max(FIRST_STEP_BACK);
        }
        if from > 0 {
            // A seek may have left the demuxer anywhere: only a fresh one is surely at the beginning.
            let damaged = frames.track.damaged;
            frames.track = Track::open(pipe, track.index, ff::media::Type::Video)?;
            frames.track.damaged = damaged;
        }
        Ok(frames)
    }

    /// Goes on from a keyframe near `at` (ticks from zero). Whether there is one: not every source can be
    /// sought.
    pub fn go_near(&mut self, at: i64) -> Result<bool> {
        if !self.track.seek(micros(self.zero, at))? {
            return Ok(false);
        }
        let Some(key) = self.track.keyframe()? else { return Ok(false) };
        (self.from, self.found) = (self.ticks(key), None);
        Ok(true)
    }

    /// The first frame that can be relied on after a seek.
    fn begin(&mut self) -> Result<Option<Shown>> {
        let Some(key) = self.track.keyframe()? else { return Ok(None) };
        let key = self.ticks(key);
        // A keyframe after the wanted time settles it without decoding.
        if key > self.from {
            return Ok(None);
        }
        while let Some(shown) = self.decode()? {
            if shown.pts >= key {
                return Ok(Some(shown));
            }
        }
        Ok(None)
    }

    /// The next frame; it is in [`Frames::frame`]. Nothing at the track's end.
    pub fn next(&mut self) -> Result<Option<Shown>> {
        if let Some(found) = self.found.take().filter(|found| found.pts >= self.from) {
            return Ok(Some(found));
        }
        while let Some(shown) = self.decode()? {
            if shown.pts >= self.from {
                return Ok(Some(shown));
            }
        }
        Ok(None)
    }

    fn decode(&mut self) -> Result<Option<Shown>> {
        while self.track.next(&mut self.frame)? {
            // A frame without a time cannot be shown; libav guesses one wherever it can.
            let Some(time) = decode::time(&self.frame) else {
                self.track.damaged += 1;
                continue;
            };
            let (num, den) = self.track.time_base();
            let zero = Zero { ts: 0, num, den };
            let duration = zero.ticks(self.frame.packet().duration.max(0), (num, den), TIMESCALE);
            let pts = self.ticks(time);
            self.pipe.progress(pts)?;
            return Ok(Some(Shown { pts, duration }));
        }
        Ok(None)
    }

    fn ticks(&self, time: i64) -> i64 {
        self.zero.ticks(time, self.track.time_base(), TIMESCALE)
    }

    /// Frames decoded, and damage met.
    pub fn counts(&self) -> (u64, u64) {
        (self.track.decoded, self.track.damaged)
    }

    /// One more frame could not be used.
    pub fn count_damage(&mut self) {
        self.track.damaged += 1;
    }
}

/// A time from zero, in ticks, as microseconds of the container's time, rounded down.
pub fn micros(zero: Zero, ticks: i64) -> i64 {
    let from_zero = i128::from(ticks) * 1_000_000 / i128::from(TIMESCALE);
    let zero = (i128::from(zero.ts) * i128::from(zero.num) * 1_000_000)
        .div_euclid(i128::from(zero.den.max(1)));
    i64::try_from(from_zero + zero).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_sought_in_the_containers_own_time() {
        let zero = Zero { ts: -3, num: 1, den: 90_000 };
        assert_eq!(micros(zero, 90_000), 1_000_000 - 34);
        assert_eq!(micros(Zero { ts: 2, num: 1, den: 1 }, 45_000), 2_500_000);
    }
}
