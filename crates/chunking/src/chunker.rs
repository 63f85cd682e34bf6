//! The boundary search: `FastCDC` with normalised chunking (W. Xia et al., "The Design of Fast
//! Content-Defined Chunking for Data Deduplication Based Storage Systems", IEEE TPDS 2020).
//!
//! A gear hash rolls over the bytes; a boundary lies after the byte where its masked bits are all
//! zero. The first `min` bytes of a block are skipped; up to `avg` the mask has two bits more than the
//! average asks for, from there on two fewer (normalisation level 2), so that lengths gather around the
//! average; at `max` the block ends without a match. The hash begins anew after every boundary, so
//! nothing before a block decides where it ends.

use crate::{Profile, gear::GEAR};

/// How far the two masks lie from the average, in bits.
const NORMALISATION: u32 = 2;

/// A search in progress over one stream. It keeps no bytes; a fresh one at a boundary goes on as the
/// one that found it would have.
#[derive(Debug, Clone)]
pub struct Chunker {
    profile: Profile,
    /// The rolling hash since `min`.
    hash: u64,
    /// Bytes since the last boundary: below `max`.
    pending: u32,
}

impl Chunker {
    /// A search that stands at a boundary, as at the start of a stream.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self { profile, hash: 0, pending: 0 }
    }

    /// Looks at the stream's next bytes. `Some(n)`: a boundary lies after the first `n` of them
    /// (`n >= 1`), the search stands there, and is to be given the rest next. `None`: no boundary lies
    /// within or at the end of `bytes`, and all of them were looked at.
    ///
    /// The boundaries are the same however the stream is cut into calls. The stream's end is one too,
    /// if bytes are [`pending`](Self::pending) there; only the caller knows it.
    pub fn next_boundary(&mut self, bytes: &[u8]) -> Option<usize> {
        let (min, avg, max) = (self.profile.min(), self.profile.avg(), self.profile.max());
        let bits = avg.ilog2();
        let mut seen = 0;
        while seen < bytes.len() {
            let rest = &bytes[seen..];
            let (part, found) = if self.pending < min {
                (upto(rest, min - self.pending), None)
            } else if self.pending < avg {
                let part = upto(rest, avg - self.pending);
                (part, scan(&mut self.hash, mask(bits + NORMALISATION), part))
            } else {
                let part = upto(rest, max - self.pending);
                (part, scan(&mut self.hash, mask(bits - NORMALISATION), part))
            };
            let looked = found.unwrap_or(part.len());
            seen += looked;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "`upto` keeps it below `max`, a u32"
            )]
            {
                self.pending += looked as u32;
            }
            if found.is_some() || self.pending == max {
                (self.hash, self.pending) = (0, 0);
                return Some(seen);
            }
        }
        None
    }

    /// Bytes since the last boundary.
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.pending
    }
}

/// At most `len` bytes from the front.
fn upto(bytes: &[u8], len: u32) -> &[u8] {
    &bytes[..bytes.len().min(len as usize)]
}

/// `bits` bits that must be zero. They are high ones, where all of the last 63 bytes have their say,
/// but not the highest: that one hears of a byte that the hash of the first few bytes has not seen.
const fn mask(bits: u32) -> u64 {
    ((1 << bits) - 1) << (63 - bits)
}

/// Rolls `hash` over `bytes`; `Some(n)` if its masked bits are zero after byte `n` (from 1).
///
/// Four bytes a step: what they add is summed up without waiting for the hash of the step before, so
/// that the processor overlaps steps. It is the paper's rolling by two bytes, once more.
fn scan(hash: &mut u64, mask: u64, bytes: &[u8]) -> Option<usize> {
    let gear: &[u64; 256] = &GEAR;
    let word = |byte: u8| gear[usize::from(byte)];
    let mut now = *hash;
    let mut steps = bytes.chunks_exact(8);
    let mut at = 0;
    for step in steps.by_ref() {
        for k in [0, 4] {
            let one = word(step[k]);
            let two = (one << 1).wrapping_add(word(step[k + 1]));
            let three = (two << 1).wrapping_add(word(step[k + 2]));
            let four = (three << 1).wrapping_add(word(step[k + 3]));
            if (now << 1).wrapping_add(one) & mask == 0 {
                return Some(at + k + 1);
            }
            if (now << 2).wrapping_add(two) & mask == 0 {
                return Some(at + k + 2);
            }
            if (now << 3).wrapping_add(three) & mask == 0 {
                return Some(at + k + 3);
            }
            now = (now << 4).wrapping_add(four);
            if now & mask == 0 {
                return Some(at + k + 4);
            }
        }
        at += 8;
    }
    for &byte in steps.remainder() {
        now = (now << 1).wrapping_add(word(byte));
        at += 1;
        if now & mask == 0 {
            return Some(at);
        }
    }
    *hash = now;
    None
}
