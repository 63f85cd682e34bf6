//! The stored form of a block: plain, or one zstd frame where that saves more than a tenth.
//!
//! Most large files are compressed already, so the question must cost next to nothing for them: an
//! estimate of the entropy of a few kilobytes answers it, and only what it finds promising is tried.

use bytes::Bytes;
use model::{Error, ErrorKind, Result, block::Codec};

/// Where a sample is taken, and how much of it at each place.
const PLACES: usize = 8;
const PLACE_LEN: usize = 4 << 10;

/// Above so many bits a byte of order-0 entropy no attempt is made. Compressed video has 7.95 and
/// more; for a saving of a tenth without longer matches it would have to be below 7.2.
const HOPELESS_BITS: f64 = 7.6;

/// Fast: 300 to 500 MB/s a core. Higher levels save a few percent more of what compresses at all.
const LEVEL: i32 = 1;

/// The form to store `block` in, judged by a sample of it.
pub(crate) fn choose(block: &[u8]) -> Codec {
    let sample = sample(block);
    if entropy(&sample) > HOPELESS_BITS {
        return Codec::Plain;
    }
    match zstd::bulk::compress(&sample, LEVEL) {
        Ok(small) if small.len() * 10 < sample.len() * 9 => Codec::Zstd,
        _ => Codec::Plain,
    }
}

/// `block` in the form of `codec`.
///
/// # Errors
/// `Internal` where zstd fails, which it does not for want of anything but memory.
pub(crate) fn encode(block: &Bytes, codec: Codec) -> Result<Bytes> {
    match codec {
        Codec::Plain => Ok(block.clone()),
        Codec::Zstd => zstd::bulk::compress(block, LEVEL).map(Bytes::from).map_err(|error| {
            Error::with_source(ErrorKind::Internal, "a block cannot be compressed", error)
        }),
    }
}

/// The plain bytes of a block that is stored in the form of `codec` and is `len` bytes long; `None`
/// where they are not to be had from these bytes.
pub(crate) fn decode(stored: Bytes, codec: Codec, len: u32) -> Option<Bytes> {
    let plain = match codec {
        Codec::Plain => stored,
        Codec::Zstd => zstd::bulk::decompress(&stored, len as usize).ok()?.into(),
    };
    (plain.len() == len as usize).then_some(plain)
}

/// Bytes from places spread over the block; all of it if it is small.
fn sample(block: &[u8]) -> Vec<u8> {
    if block.len() <= PLACES * PLACE_LEN {
        return block.to_vec();
    }
    let step = (block.len() - PLACE_LEN) / (PLACES - 1);
    (0..PLACES).flat_map(|place| &block[place * step..][..PLACE_LEN]).copied().collect()
}

/// Bits a byte if each came independently (Shannon).
fn entropy(sample: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in sample {
        counts[usize::from(byte)] += 1;
    }
    let len = sample.len().max(1) as f64;
    let bits = |count: u32| f64::from(count) * (len / f64::from(count)).log2();
    counts.into_iter().filter(|&count| count > 0).map(bits).sum::<f64>() / len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize) -> Vec<u8> {
        let mut seed = 1_u64;
        std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed.to_le_bytes()
        })
        .flatten()
        .take(len)
        .collect()
    }

    #[test]
    fn only_what_compresses_is_compressed() {
        let text = "Never gonna give you up. ".repeat(20_000);
        for (bytes, codec) in [
            (text.as_bytes(), Codec::Zstd),
            (&[0; 1 << 20][..], Codec::Zstd),
            (&noise(1 << 20), Codec::Plain),
            (&noise(100), Codec::Plain),
            (b"", Codec::Plain),
        ] {
            assert_eq!(choose(bytes), codec, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn both_forms_give_the_block_back_and_nothing_else_does() {
        for block in [noise(10_000), vec![7; 10_000]].map(Bytes::from) {
            for codec in [Codec::Plain, Codec::Zstd] {
                let stored = encode(&block, codec).unwrap();
                assert_eq!(decode(stored.clone(), codec, 10_000), Some(block.clone()));
                assert_eq!(decode(stored.clone(), codec, 9_999), None);
                assert_eq!(decode(stored.slice(1..), codec, 10_000), None);
                assert_eq!(decode(Bytes::new(), codec, 10_000), None);
            }
        }
    }
}
