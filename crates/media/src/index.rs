//! The three things of libav that we need and ffmpeg-next does not wrap: the only `unsafe` of the project.

#![expect(unsafe_code, reason = "ffmpeg-next 9.0.0 has no safe form of these calls")]

use ff::format::context::Input;
use ffmpeg_next as ff;
use std::ffi::c_int;

/// Entries of an index that are looked at. MP4 has one for every frame: a day of 60 a second is 5 million.
const MAX_ENTRIES: c_int = 1 << 24;

/// Tells libav that there is one processor, so that nothing in this process starts a thread.
pub fn single_threaded() {
    // SAFETY: stores a number in an atomic.
    unsafe { ff::ffi::av_cpu_force_count(1) };
}

/// Lets the demuxer pass over all streams but number `wanted`: where it has an index, their bytes are not
/// even read.
pub fn only(input: &mut Input, wanted: usize) {
    let count = input.nb_streams() as usize;
    for n in (0..count).filter(|&n| n != wanted) {
        // SAFETY: the input is borrowed for the call and has `count` streams, none of them null.
        unsafe {
            let stream = *(*input.as_mut_ptr()).streams.add(n);
            (*stream).discard = ff::ffi::AVDiscard::AVDISCARD_ALL;
        }
    }
}

/// What a container's index tells of a stream, in the stream's time base, as far as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Times of the keyframes whose bytes the source has.
    pub keyframes: Vec<i64>,
    /// Time of its last entry: up to here it is whole. Nothing where there is no entry.
    pub until: Option<i64>,
    /// Time of the first entry whose bytes the source does not have: it was cut off.
    pub cut_off: Option<i64>,
}

/// One entry of an index.
struct Entry {
    time: i64,
    /// First byte of its packet.
    at: i64,
    key: bool,
}

/// The index of a stream of a source that has `len` bytes.
pub fn of(stream: &ff::Stream, len: u64) -> Index {
    // SAFETY: the stream is alive for the call, which only reads it; the entry pointer is checked for
    // null and is valid until the next call that changes the stream, which its borrow excludes.
    let entries = unsafe {
        let stream = stream.as_ptr().cast_mut();
        let count = ff::ffi::avformat_index_get_entries_count(stream).min(MAX_ENTRIES);
        (0..count).filter_map(move |n| {
            let entry = ff::ffi::avformat_index_get_entry(stream, n).as_ref()?;
            let key = entry.flags() & ff::ffi::AVINDEX_KEYFRAME as c_int != 0;
            Some(Entry { time: entry.timestamp, at: entry.pos, key })
        })
    };
    read(entries, len)
}

fn read(entries: impl Iterator<Item = Entry>, len: u64) -> Index {
    let mut index = Index::default();
    for Entry { time, at, key } in entries {
        if u64::try_from(at).is_ok_and(|at| at >= len) {
            index.cut_off = Some(index.cut_off.map_or(time, |before| before.min(time)));
            continue;
        }
        index.until = index.until.max(Some(time));
        if key {
            index.keyframes.push(time);
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_sources_end_is_not_there() {
        let entry = |(time, at, key)| Entry { time, at, key };
        let entries = [(0, 48, true), (1, 90, false), (2, 100, false), (3, 120, true)];
        let of = |len| read(entries.into_iter().map(entry), len);
        let whole = Index { keyframes: vec![0, 3], until: Some(3), cut_off: None };
        assert_eq!(of(121), whole);
        let cut = Index { keyframes: vec![0], until: Some(1), cut_off: Some(2) };
        assert_eq!(of(100), cut);
        assert_eq!(read(std::iter::empty(), 9), Index::default());
    }
}
