//! The audio task: a whole track in one pass, cut into segments on the way.
//!
//! The encoder's frames are numbered from the timeline's zero, so sample `n` of the output is heard at
//! `n / 48000` s whatever the source does: sound that begins late gets silence before it, sound from
//! before zero is cut, a gap in the source's times becomes silence, an overlap is trimmed.

use crate::decode::{self, Track};
use crate::encode;
use crate::fault::{Fault, Result};
use crate::graph::{Sound, SoundForm, Stereo};
use crate::reader::Pipe;
use crate::task::{AudioTask, Done, LATEST};
use crate::wire::ToParent;
use cmaf::fragment;
use cmaf::timeline::{AUDIO_FRAME, AUDIO_RATE, TIMESCALE};
use ffmpeg_next as ff;

/// A source's times may be this far from its samples before silence is put in or samples are taken out,
/// in 1/1,000 s: containers round times to milliseconds, and lips may be 20 ms off.
const TOLERANCE_MILLIS: i64 = 15;

/// Longest track, in seconds: broken times must not become endless silence.
const MAX_SECONDS: i64 = LATEST / TIMESCALE as i64;

/// Sound may come this much after the source's expected end, in seconds, before its time is not believed.
const LATE_SECONDS: i64 = 10;

/// Sound that ends more than this before the picture is followed by silence, in seconds. Tracks of one
/// recording end some frames apart, and that is as it should be.
const MISSING_SECONDS: i64 = 1;

/// A tail shorter than this, in AAC frames (half a second), is not a segment of its own.
const SHORTEST_TAIL: usize = 24;

const FRAME: usize = AUDIO_FRAME as usize;

/// Encodes the track, giving each segment to the parent when it is complete.
pub fn encode(pipe: &Pipe, task: &AudioTask) -> Result<Done> {
    let mut track = Track::open(pipe, task.track.index, ff::media::Type::Audio)?;
    let mut line = Line::new(pipe, task)?;
    let mut frame = ff::frame::Audio::empty();
    while track.next(&mut frame)? {
        pipe.check()?;
        if frame.samples() == 0 || frame.rate() == 0 || frame.channels() == 0 {
            track.damaged += 1;
            continue;
        }
        let rate = frame.rate();
        let at = decode::time(&frame).map(|time| task.zero.ticks(time, track.time_base(), rate));
        line.put(&mut frame, at)?;
        pipe.progress(line.at.saturating_mul(i64::from(TIMESCALE)) / i64::from(rate))?;
    }
    line.finish()?;
    Ok(Done { at_end: true, decoded: track.decoded, damaged: track.damaged })
}

/// Sound on its way from decoded frames to segments.
struct Line<'a> {
    form: Option<SoundForm>,
    /// To stereo, at the source's rate.
    mix: Option<Sound>,
    /// To 48 kHz; nothing where the source has that rate.
    resample: Option<(u32, Option<Sound>)>,
    /// Samples at the source's rate since zero that went on.
    at: i64,
    /// Samples given to the resampler since it was made: its clock.
    clock: i64,
    mixed: Vec<Stereo>,
    ready: Vec<Stereo>,
    encoder: encode::Sound,
    out: Segments<'a>,
}

impl<'a> Line<'a> {
    fn new(pipe: &'a Pipe, task: &'a AudioTask) -> Result<Self> {
        let encoder = encode::Sound::new(task.bitrate)?;
        let init = encoder.init()?;
        let codecs = vec![cmaf::boxes::codecs(&init)?];
        pipe.say(&ToParent::Inits { codecs }, &[&init])?;
        Ok(Self {
            form: None,
            mix: None,
            resample: None,
            at: 0,
            clock: 0,
            mixed: Vec::new(),
            ready: Vec::new(),
            encoder,
            out: Segments { pipe, task, k: 0, first: 0, frames: Vec::new() },
        })
    }

    /// Takes one decoded frame, which the source puts at `at` samples (of its own rate) from zero.
    fn put(&mut self, frame: &mut ff::frame::Audio, at: Option<i64>) -> Result<()> {
        let form = SoundForm::of(frame);
        if self.form != Some(form) {
            self.change(form)?;
        }
        let rate = i64::from(form.rate);
        if self.at > MAX_SECONDS * rate {
            return Err(Fault::too_large(format!(
                "the sound is longer than {} hours; split the file into shorter ones",
                MAX_SECONDS / 3600
            )));
        }
        // A time that cannot be is none: the sound goes on where it was.
        if let Some(at) = at.filter(|&at| at <= self.latest(rate)) {
            // The first sound's time is exact; later ones are held against a tolerance.
            let tolerance = if self.at == 0 { 0 } else { rate * TOLERANCE_MILLIS / 1000 };
            if at - self.at > tolerance {
                self.silence(at - self.at)?;
            } else if self.at - at > tolerance {
                let surplus = usize::try_from(self.at - at).unwrap_or(usize::MAX);
                self.mix(frame)?;
                self.mixed.drain(..surplus.min(self.mixed.len()));
                return self.advance();
            }
        }
        self.mix(frame)?;
        self.advance()
    }

    /// The latest time that is believed, in samples at `rate`: a little after the expected end, or after
    /// where the sound is already.
    fn latest(&self, rate: i64) -> i64 {
        let end = self.out.task.end.unwrap_or(LATEST).clamp(0, LATEST);
        let end = end / i64::from(TIMESCALE) * rate;
        end.max(self.at).saturating_add(LATE_SECONDS * rate).min(MAX_SECONDS * rate)
    }

    /// Prepares for sound of another form; what came before is finished first.
    fn change(&mut self, form: SoundForm) -> Result<()> {
        let same_rate = self.form.is_some_and(|before| before.rate == form.rate);
        self.mix = Some(Sound::new(form, form.rate)?);
        if !same_rate {
            self.drain_resampler()?;
            if let Some(before) = self.form {
                let at =
                    i128::from(self.at) * i128::from(form.rate) / i128::from(before.rate.max(1));
                self.at = i64::try_from(at).unwrap_or(i64::MAX);
            }
            let convert = if form.rate == AUDIO_RATE {
                None
            } else {
                Some(Sound::new(SoundForm::stereo(form.rate), AUDIO_RATE)?)
            };
            self.resample = Some((form.rate, convert));
            self.clock = 0;
        }
        self.form = Some(form);
        Ok(())
    }

    fn mix(&mut self, frame: &mut ff::frame::Audio) -> Result<()> {
        let Some(mix) = &mut self.mix else {
            return Err(Fault::internal("the sound's mixer is missing"));
        };
        // The mixer keeps no time: frames come in order, and their samples are counted here.
        frame.set_pts(None);
        mix.push(frame, &mut self.mixed)
    }

    fn silence(&mut self, samples: i64) -> Result<()> {
        let mut left = usize::try_from(samples).unwrap_or(0);
        while left > 0 {
            let now = left.min(AUDIO_RATE as usize);
            self.mixed.resize(now, (0.0, 0.0));
            self.advance()?;
            left -= now;
        }
        Ok(())
    }

    /// Passes what was mixed on through the resampler, the encoder and into segments.
    fn advance(&mut self) -> Result<()> {
        self.at += i64::try_from(self.mixed.len()).unwrap_or(0);
        match &mut self.resample {
            Some((rate, Some(convert))) if !self.mixed.is_empty() => {
                let frame = stereo_frame(&self.mixed, *rate, self.clock);
                self.clock += i64::try_from(self.mixed.len()).unwrap_or(0);
                convert.push(&frame, &mut self.ready)?;
            }
            Some((_, Some(_))) => {}
            _ => self.ready.extend_from_slice(&self.mixed),
        }
        self.mixed.clear();
        self.encode()
    }

    fn encode(&mut self) -> Result<()> {
        let whole = self.ready.len() / FRAME * FRAME;
        for samples in self.ready[..whole].chunks_exact(FRAME) {
            self.encoder.push(samples, &mut self.out.frames)?;
        }
        self.ready.drain(..whole);
        self.out.publish()
    }

    fn drain_resampler(&mut self) -> Result<()> {
        if let Some((_, Some(mut convert))) = self.resample.take() {
            convert.flush(&mut self.ready)?;
        }
        self.encode()
    }

    /// Silence up to the picture's end, where sound that there was ends well before it.
    fn go_silent(&mut self, end: Option<i64>) -> Result<()> {
        let (Some(end), Some(form)) = (end, self.form) else { return Ok(()) };
        let rate = i64::from(form.rate);
        let end = end.saturating_mul(rate) / i64::from(TIMESCALE);
        let missing = end.min(MAX_SECONDS * rate) - self.at;
        if missing > MISSING_SECONDS * rate { self.silence(missing) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<()> {
        self.go_silent(self.out.task.end)?;
        self.drain_resampler()?;
        if !self.ready.is_empty() {
            let last = std::mem::take(&mut self.ready);
            self.encoder.push(&last, &mut self.out.frames)?;
        }
        self.encoder.finish(&mut self.out.frames)?;
        self.out.finish()
    }
}

fn stereo_frame(samples: &[Stereo], rate: u32, time: i64) -> ff::frame::Audio {
    let form = SoundForm::stereo(rate);
    let mut frame = ff::frame::Audio::new(form.format, samples.len(), ff::ChannelLayout::STEREO);
    frame.set_rate(rate);
    frame.set_pts(Some(time));
    frame.plane_mut::<Stereo>(0).copy_from_slice(samples);
    frame
}

/// AAC frames on their way into segments.
struct Segments<'a> {
    pipe: &'a Pipe,
    task: &'a AudioTask,
    /// The segment being filled, and the number of its first frame.
    k: u32,
    first: u64,
    /// Frames from `first` on.
    frames: Vec<Vec<u8>>,
}

impl Segments<'_> {
    /// Gives away the segments that are complete and have more than a short tail after them.
    fn publish(&mut self) -> Result<()> {
        while let Some(len) = self.complete(SHORTEST_TAIL) {
            self.give(len)?;
        }
        Ok(())
    }

    /// Gives away the rest; a short tail goes with the segment before it.
    fn finish(&mut self) -> Result<()> {
        self.publish()?;
        if self.frames.is_empty() { Ok(()) } else { self.give(self.frames.len()) }
    }

    /// How many frames the current segment has, once more than `beyond` follow.
    fn complete(&self, beyond: usize) -> Option<usize> {
        let end = self.task.cuts.audio_frame(self.k + 1);
        let len = usize::try_from(end.saturating_sub(self.first)).ok()?;
        (self.frames.len() > len.saturating_add(beyond)).then_some(len)
    }

    fn give(&mut self, len: usize) -> Result<()> {
        let frames: Vec<_> = self.frames.drain(..len).collect();
        let frame = u64::from(AUDIO_FRAME);
        let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
        let (start, end) = (self.first * frame, (self.first + u64::from(count)) * frame);
        let (k, sequence) = (self.k, self.k.saturating_add(1));
        (self.k, self.first) = (k + 1, self.first + u64::from(count));
        if count == 0 {
            let message = ToParent::Segment { k, start, end, frames: 0, parts: 0 };
            return self.pipe.say(&message, &[]);
        }
        let bytes = fragment::audio(&frames, start / frame, sequence)?;
        self.pipe.say(&ToParent::Segment { k, start, end, frames: count, parts: 1 }, &[&bytes])
    }
}
