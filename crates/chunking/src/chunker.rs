//! The boundary search: `FastCDC` with normalised chunking (W. Xia et al., "The Design of Fast
//! Content-Defined Chunking for Data Deduplication Based Storage Systems", IEEE TPDS 2020).
//!
//! A gear hash rolls over the bytes; a boundary lies after the byte where its masked bits are all
//! zero. The first `min` bytes of a block are skipped; up to `avg` the mask has two bits more than the
//! average asks for, from there on two fewer (normalisation level 2), so that lengths gather around the
//! average; at `max` the block ends without a match. The hash begins anew after every boundary, so
//! nothing before a block decides where it ends.

use crate::{
    Profile,
    gear::{TABLES, Tables},
};

/// How far the two masks lie from the average, in bits.
const NORMALISATION: u32 = 2;

/// Bytes that the hash remembers: each shifts it by one bit.
const WINDOW: usize = 64;

/// From how many bytes on they are searched in two halves at once.
const TWO_LANES: usize = 2 << 10;

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
/// Each byte's hash waits for that of the byte before, which leaves a processor half idle. But after 64
/// bytes a hash has forgotten all before them: so the second half of the bytes can begin at once, beside
/// the first. Within each half two bytes are taken a step, as in the paper.
fn scan(hash: &mut u64, mask: u64, bytes: &[u8]) -> Option<usize> {
    if bytes.len() < TWO_LANES {
        return scan_slowly(hash, mask, bytes);
    }
    let Tables { gear, doubled } = &*TABLES;
    let (first, second) = bytes.split_at(bytes.len() / 16 * 8);
    let (mut one, mut two) = (*hash, 0);
    for &byte in &first[first.len() - WINDOW..] {
        two = roll(gear, two, byte);
    }
    let mut in_second = None;
    let mut at = 0;
    'search: for (left, right) in first.chunks_exact(8).zip(second.chunks_exact(8)) {
        for k in [0, 2, 4, 6] {
            one = (one << 2).wrapping_add(doubled[usize::from(left[k])]);
            two = (two << 2).wrapping_add(doubled[usize::from(right[k])]);
            if one & (mask << 1) == 0 {
                return Some(at + k + 1);
            }
            if two & (mask << 1) == 0 {
                in_second = Some(first.len() + at + k + 1);
                // What the first half has left begins with the byte behind this one.
                one >>= 1;
                at += k + 1;
                break 'search;
            }
            one = one.wrapping_add(gear[usize::from(left[k + 1])]);
            two = two.wrapping_add(gear[usize::from(right[k + 1])]);
            if one & mask == 0 {
                return Some(at + k + 2);
            }
            if two & mask == 0 {
                in_second = Some(first.len() + at + k + 2);
                at += k + 2;
                break 'search;
            }
        }
        at += 8;
    }
    match in_second {
        Some(found) => {
            let in_first = scan_slowly(&mut one, mask, &first[at..]);
            Some(in_first.map_or(found, |n| at + n))
        }
        None => {
            *hash = two;
            scan_slowly(hash, mask, &second[first.len()..]).map(|n| 2 * first.len() + n)
        }
    }
}

/// The same, a byte at a time.
fn scan_slowly(hash: &mut u64, mask: u64, bytes: &[u8]) -> Option<usize> {
    let gear = &TABLES.gear;
    for (&byte, n) in bytes.iter().zip(1..) {
        *hash = roll(gear, *hash, byte);
        if *hash & mask == 0 {
            return Some(n);
        }
    }
    None
}

fn roll(gear: &[u64; 256], hash: u64, byte: u8) -> u64 {
    (hash << 1).wrapping_add(gear[usize::from(byte)])
}
