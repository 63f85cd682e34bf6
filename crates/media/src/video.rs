//! The video task: a run of segments, every rung of each.

use crate::encode::Picture;
use crate::fault::{Fault, Result};
use crate::frames::{Frames, Shown};
use crate::graph::Pictures;
use crate::reader::Pipe;
use crate::task::{Done, LATEST, VideoTask};
use crate::wire::{MAX_PARTS, ToParent};
use cmaf::fragment::{self, MIN_SPACING};
use cmaf::timeline::TIMESCALE;
use std::collections::VecDeque;

/// Sources announced with up to this much more than the allowed frame rate keep all their frames: times
/// rounded to milliseconds make 60 look like 60.2.
const RATE_SLACK: f64 = 1.02;

/// A segment whose frames are still coming.
struct Open {
    k: u32,
    start: i64,
    last: Shown,
    frames: u32,
    slot: i64,
    /// Times of frames whose pictures are not encoded yet.
    held: VecDeque<i64>,
    rungs: Vec<Picture>,
}

impl Open {
    /// Encodes the oldest held frame, whose pictures these are.
    fn encode(&mut self, pictures: &mut Pictures) -> Result<()> {
        let Some(pts) = self.held.pop_front() else {
            return Err(Fault::internal("the filters made a frame of their own"));
        };
        for (rung, picture) in self.rungs.iter_mut().zip(&mut pictures.scaled) {
            rung.push(picture, pts)?;
        }
        Ok(())
    }

    /// Encodes what the filters still hold.
    fn drain(&mut self, pictures: &mut Pictures) -> Result<()> {
        while pictures.flush()? {
            self.encode(pictures)?;
        }
        Ok(())
    }
}

/// Encodes the run, giving each segment to the parent when it is complete.
pub fn encode(pipe: &Pipe, task: &VideoTask) -> Result<Done> {
    if task.rungs.is_empty() || task.rungs.len() > MAX_PARTS {
        return Err(Fault::internal("a video task has one to sixteen rungs"));
    }
    let mut run = Run { pipe, task, next: task.first, announced: false };
    let mut frames = Frames::from(pipe, &task.track, task.zero, task.cuts.cut(task.first))?;
    let mut pictures = Pictures::ladder(&task.track, &task.rungs);
    let limited =
        task.track.frame_rate.as_f64() > f64::from(task.encoding.max_frame_rate) * RATE_SLACK;
    let mut open: Option<Open> = None;
    let mut at_end = true;

    while let Some(shown) = frames.next()? {
        pipe.check()?;
        let k = task.cuts.segment_of(shown.pts);
        if shown.pts > LATEST || open.as_ref().is_some_and(|open| k < open.k) {
            frames.count_damage();
            continue;
        }
        if open.as_ref().is_none_or(|open| open.k != k) {
            if let Some(mut segment) = open.take() {
                segment.drain(&mut pictures)?;
                run.finish(segment, shown.pts)?;
            }
            run.skip_to(k, shown.pts)?;
            if task.end.is_some_and(|end| k >= end) {
                at_end = false;
                break;
            }
            open = Some(run.begin(k, shown)?);
        }
        let Some(segment) = &mut open else { continue };
        // Both rules look only at frames of the same segment, so that it does not matter where decoding
        // began: a segment's first frame is always kept.
        let slot = (shown.pts - task.cuts.cut(k))
            .saturating_mul(i64::from(task.encoding.max_frame_rate))
            / i64::from(TIMESCALE);
        if segment.frames > 0 {
            if limited && slot == segment.slot {
                segment.last.duration = 0;
                continue;
            }
            if shown.pts - segment.last.pts < MIN_SPACING {
                frames.count_damage();
                continue;
            }
        }
        if !pictures.fits(&frames.frame) {
            segment.drain(&mut pictures)?;
        }
        segment.held.push_back(shown.pts);
        if pictures.scale(&mut frames.frame)? {
            segment.encode(&mut pictures)?;
        }
        (segment.last, segment.slot) = (shown, slot);
        segment.frames += 1;
    }
    if at_end {
        let mut end = 0;
        if let Some(mut segment) = open.take() {
            segment.drain(&mut pictures)?;
            end = run.end_of(&segment);
            run.finish(segment, end)?;
        }
        // Every planned range is accounted for, also those that the source turned out not to have.
        let planned = u32::try_from(task.cuts.len()).unwrap_or(u32::MAX);
        run.skip_to(task.end.unwrap_or(planned), end)?;
    }
    let (decoded, damaged) = frames.counts();
    Ok(Done { at_end, decoded, damaged })
}

struct Run<'a> {
    pipe: &'a Pipe,
    task: &'a VideoTask,
    /// The next segment that was not given to the parent.
    next: u32,
    announced: bool,
}

impl Run<'_> {
    fn begin(&mut self, k: u32, first: Shown) -> Result<Open> {
        let picture = |rung| Picture::new(&self.task.track, rung, &self.task.encoding);
        let rungs = self.task.rungs.iter().map(picture).collect::<Result<Vec<_>>>()?;
        if !self.announced {
            self.announce(&rungs)?;
        }
        Ok(Open {
            k,
            start: first.pts,
            last: first,
            frames: 0,
            slot: 0,
            held: VecDeque::new(),
            rungs,
        })
    }

    /// Gives ranges before `k` (and in this run) to the parent as empty: the next frame is at `next`.
    fn skip_to(&mut self, k: u32, next: i64) -> Result<()> {
        let start = u64::try_from(next).unwrap_or(0);
        for empty in self.next..k.min(self.task.end.unwrap_or(u32::MAX)) {
            let message = ToParent::Segment { k: empty, start, end: start, frames: 0, parts: 0 };
            self.pipe.say(&message, &[])?;
            self.next = empty + 1;
        }
        Ok(())
    }

    fn finish(&mut self, segment: Open, end: i64) -> Result<()> {
        let mut parts = Vec::with_capacity(segment.rungs.len());
        for rung in segment.rungs {
            let samples = rung.finish()?;
            if samples.len() != segment.frames as usize {
                return Err(Fault::internal("the encoder lost a frame"));
            }
            parts.push(fragment::video(&samples, end, segment.k.saturating_add(1))?);
        }
        let message = ToParent::Segment {
            k: segment.k,
            start: u64::try_from(segment.start).unwrap_or(0),
            end: u64::try_from(end).unwrap_or(0),
            frames: segment.frames,
            parts: u32::try_from(parts.len()).unwrap_or(0),
        };
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        self.next = segment.k + 1;
        self.pipe.say(&message, &parts)
    }

    fn announce(&mut self, rungs: &[Picture]) -> Result<()> {
        let inits = rungs.iter().map(Picture::init).collect::<Result<Vec<_>>>()?;
        let codecs =
            inits.iter().map(|init| cmaf::boxes::codecs(init)).collect::<Result<_, _>>()?;
        let parts: Vec<_> = inits.iter().map(Vec::as_slice).collect();
        self.announced = true;
        self.pipe.say(&ToParent::Inits { codecs }, &parts)
    }

    /// Where the source's last segment ends.
    fn end_of(&self, segment: &Open) -> i64 {
        let Shown { pts, duration } = segment.last;
        let rate = self.task.track.frame_rate.as_f64();
        let usual = match segment.frames {
            frames @ 2.. => (pts - segment.start) / i64::from(frames - 1),
            #[expect(clippy::cast_possible_truncation, reason = "clamped where it is used")]
            _ if rate > 0.0 => (f64::from(TIMESCALE) / rate) as i64,
            _ => i64::from(TIMESCALE) / 25,
        };
        let said = self.task.track.end.map(|end| end - pts);
        pts + last_duration(said, duration, usual).clamp(1, self.task.cuts.longest())
    }
}

/// How long a source's last frame is shown, in ticks: up to where its track is said to end, unless that
/// is far longer than frames `usual`ly last and the frame's own packet does not say so too; else as its
/// packet says (which comes second because MP4 has it for decoding order), or as usual.
fn last_duration(said: Option<i64>, packet: i64, usual: i64) -> i64 {
    let usual = usual.max(1);
    let believable = |&left: &i64| {
        left > 0 && (left <= usual.saturating_mul(3) || (packet - left).abs() <= usual)
    };
    match said.filter(believable) {
        Some(left) => left,
        None if packet > 0 => packet,
        None => usual,
    }
}

#[cfg(test)]
mod tests {
    use super::last_duration;

    #[test]
    fn a_last_frame_is_not_stretched_because_its_track_claims_to_be_longer() {
        // Track says, packet says, usual, expected.
        for (said, packet, usual, expected) in [
            (Some(3000), 3000, 3000, 3000),
            (Some(6000), 3000, 3000, 6000),
            (Some(900_000), 3000, 3000, 3000),
            (Some(900_000), 0, 3000, 3000),
            (Some(450_000), 450_000, 3000, 450_000),
            (Some(0), 3000, 3000, 3000),
            (Some(-9000), 0, 3000, 3000),
            (None, 4500, 3000, 4500),
            (None, 0, 0, 1),
        ] {
            let got = last_duration(said, packet, usual);
            assert_eq!(got, expected, "{said:?} {packet} {usual}");
        }
    }
}
