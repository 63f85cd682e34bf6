//! A small strict reader of the boxes that we write ourselves: it checks what was made before it is
//! published, and reads codec strings from init segments.
//!
//! It never panics, never allocates more than the bytes it was given can justify, and refuses what it
//! does not know to be right. It is no reader of strangers' files: those are libav's, in a child.

use model::{Error, Result};

/// Boxes nest four deep in what we write; deeper is not ours.
const MAX_DEPTH: u32 = 8;

/// What a media segment says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// `tfdt`, in ticks.
    pub start: u64,
    /// Sum of all samples' durations, in ticks.
    pub duration: u64,
    /// Presentation times in coding order, in ticks.
    pub presentation_times: Vec<i64>,
    /// Sizes in bytes, in coding order; they fill the `mdat` exactly.
    pub sample_sizes: Vec<u32>,
    /// Number of samples at which decoding can begin.
    pub keyframes: usize,
}

fn broken(what: &str) -> Error {
    Error::invalid(format!("not a segment of ours: {what}"))
}

/// A cursor over big-endian fields.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or_else(|| broken("a box is shorter than its fields"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_be_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from(self.u32()?) << 32 | u64::from(self.u32()?))
    }

    /// The next box: its type and body.
    fn next_box(&mut self) -> Result<Option<([u8; 4], &'a [u8])>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let size = self.u32()? as usize;
        let mut kind = [0; 4];
        kind.copy_from_slice(self.take(4)?);
        let body = size.checked_sub(8).ok_or_else(|| broken("a box has no valid size"))?;
        Ok(Some((kind, self.take(body)?)))
    }
}

/// The bodies of the boxes directly in `bytes`, by type and in order.
fn children(bytes: &[u8]) -> Result<Vec<([u8; 4], &[u8])>> {
    let (mut fields, mut found) = (Fields(bytes), Vec::new());
    while let Some(child) = fields.next_box()? {
        found.push(child);
    }
    Ok(found)
}

/// The only box of type `kind` among `boxes`.
fn only<'a>(boxes: &[([u8; 4], &'a [u8])], kind: &[u8; 4]) -> Result<&'a [u8]> {
    let mut found = boxes.iter().filter(|(found, _)| found == kind);
    match (found.next(), found.next()) {
        (Some((_, body)), None) => Ok(body),
        _ => Err(broken(&format!("it has not exactly one {}", String::from_utf8_lossy(kind)))),
    }
}

/// Reads one segment: `styp`, one `moof` with one track of one run, one `mdat`.
///
/// # Errors
/// `Invalid` for anything else, and where sizes or offsets do not add up.
pub fn fragment(bytes: &[u8]) -> Result<Fragment> {
    let top = children(bytes)?;
    let kinds: Vec<_> = top.iter().map(|(kind, _)| kind).collect();
    if kinds != [b"styp", b"moof", b"mdat"] {
        return Err(broken("it is not one styp, moof and mdat"));
    }
    let (moof, mdat) = (top[1].1, top[2].1);
    let traf = children(only(&children(moof)?, b"traf")?)?;

    let mut tfhd = Fields(only(&traf, b"tfhd")?);
    let tfhd_flags = tfhd.u32()? & 0x00ff_ffff;
    tfhd.u32()?;
    let default_duration = if tfhd_flags & 0x08 != 0 { Some(tfhd.u32()?) } else { None };
    let default_flags = if tfhd_flags & 0x20 != 0 { Some(tfhd.u32()?) } else { None };
    if tfhd_flags & !0x02_0028 != 0 {
        return Err(broken("its tfhd has fields that we never write"));
    }

    let mut tfdt = Fields(only(&traf, b"tfdt")?);
    if tfdt.u32()? != 0x0100_0000 {
        return Err(broken("its tfdt is not of version 1"));
    }
    let start = tfdt.u64()?;

    let mut trun = Fields(only(&traf, b"trun")?);
    let flags = trun.u32()?;
    let count = trun.u32()? as usize;
    if flags & !0x0f01 != 0 || flags & 0x201 != 0x201 {
        return Err(broken("its trun is of another kind than ours"));
    }
    if trun.u32()? as usize != moof.len() + 16 {
        return Err(broken("its data does not begin where its trun says"));
    }
    let has = |field: u32| flags & field != 0;
    let width = 4 * [0x100, 0x200, 0x400, 0x800].iter().filter(|&&field| has(field)).count();
    if count == 0 || trun.0.len() != count.saturating_mul(width) {
        return Err(broken("its trun has another length than its samples"));
    }
    let mut read = Fragment {
        start,
        duration: 0,
        presentation_times: Vec::with_capacity(count),
        sample_sizes: Vec::with_capacity(count),
        keyframes: 0,
    };
    let mut at = start;
    for _ in 0..count {
        let duration = if has(0x100) { Some(trun.u32()?) } else { default_duration };
        read.sample_sizes.push(trun.u32()?);
        let sample_flags = if has(0x400) { Some(trun.u32()?) } else { default_flags };
        let offset = if has(0x800) { trun.u32()? } else { 0 };
        let duration = duration.ok_or_else(|| broken("its samples have no duration"))?;
        let shown = at.checked_add(u64::from(offset)).and_then(|time| i64::try_from(time).ok());
        read.presentation_times.push(shown.ok_or_else(|| broken("its times are too large"))?);
        at =
            at.checked_add(u64::from(duration)).ok_or_else(|| broken("its times are too large"))?;
        read.keyframes += usize::from(sample_flags.unwrap_or(0) & 0x0001_0000 == 0);
    }
    read.duration = at - start;
    let total: u64 = read.sample_sizes.iter().map(|&size| u64::from(size)).sum();
    if total != mdat.len() as u64 {
        return Err(broken("its samples do not fill its mdat"));
    }
    Ok(read)
}

/// The RFC 6381 codec string of an init segment's only track: `avc1.PPCCLL` from the `avcC`, or
/// `mp4a.40.2` for AAC-LC from the `esds`.
///
/// # Errors
/// `Invalid` for anything that is not such an init segment.
pub fn codecs(init: &[u8]) -> Result<String> {
    let path = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"];
    let stsd = descend(init, &path, MAX_DEPTH)?;
    let mut entries = Fields(stsd.get(8..).ok_or_else(|| broken("its stsd is too short"))?);
    let (kind, entry) = entries.next_box()?.ok_or_else(|| broken("its stsd has no entry"))?;
    match &kind {
        b"avc1" => {
            let inner = entry.get(78..).ok_or_else(|| broken("its avc1 is too short"))?;
            let avcc = only(&children(inner)?, b"avcC")?;
            let profile = avcc.get(1..4).ok_or_else(|| broken("its avcC is too short"))?;
            Ok(format!("avc1.{:02x}{:02x}{:02x}", profile[0], profile[1], profile[2]))
        }
        b"mp4a" => {
            let inner = entry.get(28..).ok_or_else(|| broken("its mp4a is too short"))?;
            let esds = only(&children(inner)?, b"esds")?;
            // DecoderSpecificInfo (tag 5, length possibly in four bytes): the audio object type is its
            // first five bits (ISO/IEC 14496-3, 1.6.2.1).
            let long = esds.windows(6).find(|w| w[..4] == [5, 0x80, 0x80, 0x80]).map(|w| w[5]);
            let short = esds.windows(3).find(|w| w[0] == 5 && w[1] < 0x80).map(|w| w[2]);
            match long.or(short).map(|first| first >> 3) {
                Some(object_type @ 1..=30) => Ok(format!("mp4a.40.{object_type}")),
                _ => Err(broken("its esds has no audio object type")),
            }
        }
        _ => Err(broken("its codec is not one of ours")),
    }
}

/// Whether an init segment has a box of type `kind` anywhere in its `moov`'s tracks.
///
/// # Errors
/// `Invalid` where the boxes do not add up.
pub fn track_has(init: &[u8], kind: &[u8; 4]) -> Result<bool> {
    let trak = descend(init, &[b"moov", b"trak"], MAX_DEPTH)?;
    Ok(children(trak)?.iter().any(|(found, _)| found == kind))
}

fn descend<'a>(bytes: &'a [u8], path: &[&[u8; 4]], depth: u32) -> Result<&'a [u8]> {
    match (path.split_first(), depth) {
        (None, _) => Ok(bytes),
        (_, 0) => Err(broken("its boxes nest too deeply")),
        (Some((kind, rest)), _) => descend(only(&children(bytes)?, kind)?, rest, depth - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fragment::{Sample, video};
    use proptest::prelude::*;

    fn good() -> Vec<u8> {
        let sample = |pts: i64| Sample { pts, key: pts == 0, data: vec![1, 2, 3] };
        video(&[sample(0), sample(6_000), sample(3_000)], 9_000, 1).unwrap()
    }

    fn nested(path: &[&[u8]], body: &[u8]) -> Vec<u8> {
        path.iter().rev().fold(body.to_vec(), |inner, kind| {
            let size = u32::try_from(inner.len() + 8).unwrap().to_be_bytes();
            [&size[..], kind, &inner].concat()
        })
    }

    fn init(kind: &[u8], entry: &[u8]) -> Vec<u8> {
        let entries = [&[0; 8][..], &nested(&[kind], entry)].concat();
        nested(&[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"], &entries)
    }

    #[test]
    fn a_segment_says_what_is_in_it() {
        let read = fragment(&good()).unwrap();
        assert_eq!((read.start, read.duration, read.keyframes), (0, 9_000, 1));
        assert_eq!(read.presentation_times, [0, 6_000, 3_000]);
    }

    #[test]
    fn codec_strings_come_from_the_init_segment() {
        let avcc = nested(&[b"avcC"], &[1, 0x64, 0, 0x1f, 0xff]);
        assert_eq!(codecs(&init(b"avc1", &[&[0; 78][..], &avcc].concat())).unwrap(), "avc1.64001f");
        for esds in [&[0, 0, 0, 0, 3, 9, 5, 2, 0x11, 0x90][..], &[0, 5, 0x80, 0x80, 0x80, 2, 0x11]]
        {
            let esds = nested(&[b"esds"], esds);
            assert_eq!(
                codecs(&init(b"mp4a", &[&[0; 28][..], &esds].concat())).unwrap(),
                "mp4a.40.2"
            );
        }
        assert!(codecs(&init(b"hvc1", &[0; 100])).is_err());
        assert!(codecs(b"").is_err());
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = good();
        for len in 0..bytes.len() {
            assert!(fragment(&bytes[..len]).is_err(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = fragment(&bytes);
            let _ = codecs(&bytes);
        }

        #[test]
        fn changed_bytes_never_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut bytes = good();
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            if let Ok(read) = fragment(&bytes) {
                prop_assert!(read.sample_sizes.len() <= bytes.len());
            }
            let mut head = init(b"avc1", &[&[0; 78][..], &nested(&[b"avcC"], &[1, 2, 3, 4])].concat());
            let len = head.len();
            head[usize::from(bytes[9]) % len] ^= bytes[10];
            let _ = codecs(&head);
        }
    }
}
