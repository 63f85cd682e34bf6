//! Segments as bytes: one `styp`, `moof` and `mdat` each (ISO/IEC 14496-12, 23000-19).
//!
//! Each segment is written on its own, knowing nothing of the others but where the next begins, and
//! still joins them without a gap or an overlap, at a constant and at a variable frame rate. The layout
//! is the one that showed no timing fault in any player we tried: `trun` version 0 (offsets not
//! negative), no edit list, `tfdt` = first presentation time = where the segment before ended.
//!
//! **Decode times.** Encoders' decode times of two independent encodes overlap, so they are not used.
//! With the samples in coding order, `m[i] = min(pts[i..])` is the latest time at which sample `i` may
//! be decoded without holding up itself or any later one. It never falls, and where it stands still,
//! because later pictures are coded before the next shown one, the decode times are spread evenly over
//! the time since the step before, the last of them at `m[i]`. So they rise strictly and are at most
//! `m`: every duration is positive, their sum is `end - dts[0]`, and every offset `pts - dts` is at
//! least zero. A segment begins with an IDR that is shown first and alone in its step: `dts[0]` is its
//! presentation time. (One tick apart, at the end of each step, would do for players too, but ffprobe
//! reports a discontinuity at each such bunch.) A step has at most 17 samples in H.264, so frames
//! [`MIN_SPACING`] apart always leave room.

use crate::timeline::AUDIO_FRAME;
use model::{Error, Result};

/// Ticks of 1/90,000 s between two frames that can always be written: half a millisecond.
pub const MIN_SPACING: i64 = 45;

/// One coded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Presentation time in ticks.
    pub pts: i64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// NAL units, each after its length in four bytes (see [`length_prefixed`]).
    pub data: Vec<u8>,
}

/// ISO/IEC 14496-12, 8.8.3.1: depends on no other, is a sync sample.
const FLAGS_KEY: u32 = 0x0200_0000;
/// Depends on others, is not a sync sample.
const FLAGS_OTHER: u32 = 0x0101_0000;

/// Decode times of samples with presentation times `pts` (in coding order), before `end`.
///
/// # Errors
/// `Invalid` where the first sample is not the first shown, where `end` is not after all of them, or
/// where frames are so close that no such times exist.
pub fn decode_times(pts: &[i64], end: i64) -> Result<Vec<i64>> {
    let Some(&first) = pts.first() else {
        return Err(Error::invalid("a segment has at least one frame"));
    };
    if pts.iter().any(|&time| time < first || time >= end) {
        return Err(Error::invalid("a segment's frames lie between its first frame and its end"));
    }
    let mut times: Vec<i64> = pts.to_vec();
    let mut least = i64::MAX;
    for time in times.iter_mut().rev() {
        least = least.min(*time);
        *time = least;
    }
    let mut before = None;
    for step in times.chunk_by_mut(|a, b| a == b) {
        let (Some(&at), len) = (step.last(), i64::try_from(step.len()).unwrap_or(i64::MAX)) else {
            continue;
        };
        // Before the first step there is no time to spread it over.
        let since = before.map_or(1, |before: i64| at - before);
        if since < len {
            return Err(Error::invalid("a segment's frames are too close to be told apart"));
        }
        for (place, time) in (1..).zip(step) {
            *time = at - since + since * place / len;
        }
        before = Some(at);
    }
    Ok(times)
}

/// A video segment of `samples` in coding order that ends at `end`, both in ticks of
/// [`TIMESCALE`](crate::timeline::TIMESCALE). `sequence` counts segments from 1.
///
/// # Errors
/// As [`decode_times`]; `Invalid` also for times before zero and more than 4 GiB.
pub fn video(samples: &[Sample], end: i64, sequence: u32) -> Result<Vec<u8>> {
    let pts: Vec<i64> = samples.iter().map(|sample| sample.pts).collect();
    let dts = decode_times(&pts, end)?;
    let ends = dts.iter().skip(1).chain([&end]);
    let mut entries = Vec::with_capacity(samples.len() * 16);
    for ((sample, &at), &next) in samples.iter().zip(&dts).zip(ends) {
        put(&mut entries, narrow(next - at)?);
        put(&mut entries, narrow(sample.data.len())?);
        put(&mut entries, if sample.key { FLAGS_KEY } else { FLAGS_OTHER });
        put(&mut entries, narrow(sample.pts - at)?);
    }
    // Sample duration, size, flags and composition offset are present.
    let trun = Run { flags: 0x0f00, count: narrow(samples.len())?, entries };
    let start =
        u64::try_from(pts[0]).map_err(|_| Error::invalid("a segment begins before zero"))?;
    segment(sequence, start, None, &trun, samples.iter().map(|sample| &sample.data[..]))
}

/// An audio segment of AAC `frames`, the first of which is number `first` of the track. Every frame
/// lasts [`AUDIO_FRAME`] ticks. `sequence` counts segments from 1.
///
/// # Errors
/// `Invalid` for no frame, and for more than 4 GiB.
pub fn audio(frames: &[Vec<u8>], first: u64, sequence: u32) -> Result<Vec<u8>> {
    if frames.is_empty() {
        return Err(Error::invalid("a segment has at least one frame"));
    }
    let mut entries = Vec::with_capacity(frames.len() * 4);
    for frame in frames {
        put(&mut entries, narrow(frame.len())?);
    }
    let trun = Run { flags: 0x0200, count: narrow(frames.len())?, entries };
    let start = first.saturating_mul(u64::from(AUDIO_FRAME));
    segment(sequence, start, Some(AUDIO_FRAME), &trun, frames.iter().map(|frame| &frame[..]))
}

/// What goes into a `trun` box besides its offset.
struct Run {
    flags: u32,
    count: u32,
    entries: Vec<u8>,
}

fn segment<'a>(
    sequence: u32,
    start: u64,
    duration: Option<u32>,
    run: &Run,
    data: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<Vec<u8>> {
    let styp = [&b"msdh"[..], &[0; 4], b"msdh", b"cmfs"];
    let sequence = sequence.to_be_bytes();
    let mfhd = full_box(b"mfhd", 0, 0, &[&sequence])?;
    // default-base-is-moof; audio also default-sample-duration and -flags: all alike, all sync.
    let defaults = duration.map(|ticks| [ticks.to_be_bytes(), FLAGS_KEY.to_be_bytes()].concat());
    let flags = if duration.is_some() { 0x02_0028 } else { 0x02_0000 };
    let track = 1u32.to_be_bytes();
    let tfhd = full_box(b"tfhd", 0, flags, &[&track, defaults.as_deref().unwrap_or_default()])?;
    let tfdt = full_box(b"tfdt", 1, 0, &[&start.to_be_bytes()])?;
    // The data begins right after the `moof`, whose size does not depend on the offset's value.
    let trun = |offset: u32| {
        let (count, offset) = (run.count.to_be_bytes(), offset.to_be_bytes());
        full_box(b"trun", 0, 0x01 | run.flags, &[&count, &offset, &run.entries])
    };
    let moof = |offset: u32| {
        let traf = plain_box(b"traf", &[&tfhd, &tfdt, &trun(offset)?])?;
        plain_box(b"moof", &[&mfhd, &traf])
    };
    let offset = narrow(moof(0)?.len() + 8)?;
    let mut bytes = plain_box(b"styp", &styp)?;
    bytes.extend_from_slice(&moof(offset)?);
    let size: usize = data.clone().map(<[u8]>::len).sum();
    bytes.reserve(size + 8);
    put(&mut bytes, narrow(size + 8)?);
    bytes.extend_from_slice(b"mdat");
    data.for_each(|sample| bytes.extend_from_slice(sample));
    Ok(bytes)
}

fn plain_box(kind: &[u8; 4], parts: &[&[u8]]) -> Result<Vec<u8>> {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Vec::with_capacity(size + 8);
    put(&mut bytes, narrow(size + 8)?);
    bytes.extend_from_slice(kind);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    Ok(bytes)
}

fn full_box(kind: &[u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Result<Vec<u8>> {
    let head = (u32::from(version) << 24 | flags).to_be_bytes();
    plain_box(kind, &[&[&head[..]], parts].concat())
}

fn put(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend_from_slice(&value.to_be_bytes());
}

fn narrow(value: impl TryInto<u32>) -> Result<u32> {
    value.try_into().map_err(|_| Error::invalid("a segment is too long or too large for its boxes"))
}

/// H.264 from start codes (ISO/IEC 14496-10, annex B) to lengths of four bytes, without parameter sets
/// and access unit delimiters: those are in the init segment.
#[must_use]
pub fn length_prefixed(annex_b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(annex_b.len() + 16);
    let mut unit_start = None;
    let mut at = 0;
    while at < annex_b.len() {
        let rest = &annex_b[at..];
        if rest.starts_with(&[0, 0, 1]) {
            put_unit(&mut out, unit_start.map(|start| &annex_b[start..at]));
            at += 3;
            unit_start = Some(at);
        } else {
            // The next start code's first zero, found quickly: most bytes are not zero.
            at += rest[1..].iter().position(|&byte| byte == 0).map_or(rest.len(), |skip| skip + 1);
        }
    }
    put_unit(&mut out, unit_start.map(|start| &annex_b[start..]));
    out
}

fn put_unit(out: &mut Vec<u8>, unit: Option<&[u8]>) {
    let Some(unit) = unit else { return };
    // Zeros after a unit belong to the start code that follows it.
    let len = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let unit = &unit[..len];
    // SPS, PPS, access unit delimiter.
    if unit.is_empty() || matches!(unit[0] & 31, 7..=9) {
        return;
    }
    if let Ok(len) = u32::try_from(len) {
        put(out, len);
        out.extend_from_slice(unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes;
    use proptest::prelude::*;

    fn samples(pts: &[i64]) -> Vec<Sample> {
        let sample = |(n, &pts): (usize, &i64)| Sample { pts, key: n == 0, data: vec![7; n + 1] };
        pts.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn reordered_frames_decode_in_order_and_are_shown_at_their_time() {
        // I0 P4 B2 b1 b3 at 30 frames a second.
        let pts = [0, 12_000, 6_000, 3_000, 9_000];
        assert_eq!(decode_times(&pts, 15_000).unwrap(), [0, 1_000, 2_000, 3_000, 9_000]);
    }

    #[test]
    fn a_variable_rate_keeps_every_time() {
        let pts = [90_000, 90_600, 90_100, 190_000, 120_000];
        let bytes = video(&samples(&pts), 200_000, 2).unwrap();
        let read = boxes::fragment(&bytes).unwrap();
        assert_eq!(read.start, 90_000);
        assert_eq!(read.duration, 110_000);
        assert_eq!(read.presentation_times, [90_000, 90_600, 90_100, 190_000, 120_000]);
        assert_eq!(read.sample_sizes, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_single_frame_lasts_to_the_end() {
        let read = boxes::fragment(&video(&samples(&[900]), 1_234, 1).unwrap()).unwrap();
        assert_eq!((read.start, read.duration, read.sample_sizes.len()), (900, 334, 1));
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        for (pts, end) in [
            (&[][..], 10),
            (&[5, 3], 10),
            (&[0, 20], 10),
            (&[0, 3, 2, 1], 4),
            (&[-3, 0], 10),
            (&[0], 1 << 40),
        ] {
            assert!(video(&samples(pts), end, 1).is_err(), "{pts:?}");
        }
        assert!(audio(&[], 0, 1).is_err());
    }

    #[test]
    fn an_audio_segment_begins_at_its_frame() {
        let bytes = audio(&[vec![1; 10], vec![2; 20]], 469, 2).unwrap();
        let read = boxes::fragment(&bytes).unwrap();
        assert_eq!((read.start, read.duration), (469 * 1024, 2048));
        assert_eq!(read.sample_sizes, [10, 20]);
        assert!(bytes.ends_with(&[&[1; 10][..], &[2; 20]].concat()));
    }

    #[test]
    fn a_segment_has_this_form_byte_for_byte() {
        let bytes = audio(&[b"abc".to_vec()], 1, 3).unwrap();
        let expected: &[&[u8]] = &[
            b"\0\0\0\x18stypmsdh\0\0\0\0msdhcmfs",
            b"\0\0\0\x64moof",
            b"\0\0\0\x10mfhd\0\0\0\0\0\0\0\x03",
            b"\0\0\0\x4ctraf",
            b"\0\0\0\x18tfhd\0\x02\0\x28\0\0\0\x01\0\0\x04\0\x02\0\0\0",
            b"\0\0\0\x14tfdt\x01\0\0\0\0\0\0\0\0\0\x04\0",
            b"\0\0\0\x18trun\0\0\x02\x01\0\0\0\x01\0\0\0\x6c\0\0\0\x03",
            b"\0\0\0\x0bmdatabc",
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn start_codes_become_lengths_and_parameter_sets_are_dropped() {
        let annex_b =
            b"\0\0\0\x01\x09\xf0\0\0\0\x01\x67ab\0\0\x01\x68c\0\0\x01\x65de\0\0\0\x01\x41\0\x01f\0\0";
        assert_eq!(length_prefixed(annex_b), b"\0\0\0\x03\x65de\0\0\0\x04\x41\0\x01f");
        assert_eq!(length_prefixed(b"no start code"), b"");
        assert_eq!(length_prefixed(b"\0\0\x01"), b"");
        assert_eq!(length_prefixed(b""), b"");
    }

    /// Coding order of frames shown in order: groups of a reference and the frames before it, which
    /// never reach across the first.
    fn coded(spacings: &[i64], groups: &[usize]) -> Vec<i64> {
        let shown: Vec<i64> = spacings
            .iter()
            .scan(0, |at, s| {
                *at += s;
                Some(*at)
            })
            .collect();
        let (mut order, mut rest) = (vec![shown[0]], &shown[1..]);
        for &group in groups.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(group.min(rest.len()));
            order.extend(now.last());
            // Pyramids decode the middle first: reversed is further from order than any of them.
            order.extend(now[..now.len() - 1].iter().rev());
            rest = later;
        }
        order
    }

    proptest! {
        #[test]
        fn decode_times_hold_for_every_reordering(
            spacings in prop::collection::vec(MIN_SPACING..20_000, 1..120),
            groups in prop::collection::vec(1usize..17, 1..8),
            last in 1i64..50_000,
        ) {
            let pts = coded(&spacings, &groups);
            let end = pts.iter().max().unwrap() + last;
            let dts = decode_times(&pts, end).unwrap();
            prop_assert_eq!(dts[0], pts[0]);
            prop_assert!(dts.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(*dts.last().unwrap() < end);
            prop_assert!(dts.iter().zip(&pts).all(|(d, p)| d <= p));
            let read = boxes::fragment(&video(&samples(&pts), end, 1).unwrap()).unwrap();
            prop_assert_eq!(i64::try_from(read.start + read.duration).unwrap(), end);
            prop_assert_eq!(read.presentation_times, pts);
        }

        #[test]
        fn units_survive_their_new_lengths(
            units in prop::collection::vec(prop::collection::vec(1u8..=255, 1..40), 0..10),
        ) {
            let mut annex_b = Vec::new();
            let mut expected = Vec::new();
            for unit in &units {
                let unit = [&[0x65], &unit[..]].concat();
                annex_b.extend_from_slice(&[0, 0, 0, 1]);
                annex_b.extend_from_slice(&unit);
                expected.extend_from_slice(&u32::try_from(unit.len()).unwrap().to_be_bytes());
                expected.extend_from_slice(&unit);
            }
            prop_assert_eq!(length_prefixed(&annex_b), expected);
        }
    }
}
