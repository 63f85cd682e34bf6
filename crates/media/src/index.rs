//! The three things of libav that we need and ffmpeg-next does not wrap: the only `unsafe` of the project.

#![expect(unsafe_code, reason = "ffmpeg-next 9.0.0 has no safe form of these calls")]

use ff::format::context::Input;
use ffmpeg_next as ff;
use std::ffi::c_int;

/// Entries of an index that are looked at: a day of keyframes four times a second.
const MAX_ENTRIES: c_int = 1 << 19;

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

/// Times of the keyframes that the container's index has of a stream, in the stream's time base, as far
/// as it was read. Empty where there is no index.
pub fn keyframes(stream: &ff::Stream) -> Vec<i64> {
    // SAFETY: the stream is alive for the call, which only reads it; the entry pointer is checked for
    // null and is valid until the next call that changes the stream, which its borrow excludes.
    unsafe {
        let stream = stream.as_ptr().cast_mut();
        let count = ff::ffi::avformat_index_get_entries_count(stream).min(MAX_ENTRIES);
        (0..count)
            .filter_map(|n| ff::ffi::avformat_index_get_entry(stream, n).as_ref())
            .filter(|entry| entry.flags() & ff::ffi::AVINDEX_KEYFRAME as c_int != 0)
            .map(|entry| entry.timestamp)
            .collect()
    }
}
