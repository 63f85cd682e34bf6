//! SHA-256 of a stream that may be interrupted: its state is saved with each checkpoint, so that the
//! hash of a whole file is known the moment its last byte is, whoever takes the upload on.

use model::{Error, Result, Sha256};
use sha2::{
    Digest as _,
    digest::common::hazmat::{SerializableState as _, SerializedState},
};

/// First byte of a saved state.
const FORMAT: u8 = 1;
/// What SHA-256 compresses at a time, in bytes.
const COMPRESSED: usize = 64;
/// How many bytes one of two hashes takes before the other does: few enough for the processor to have
/// both under way.
const STRIDE: usize = 2 * COMPRESSED;
/// Where `sha2` keeps the number of bytes that wait: behind eight words and the count of compressions.
const WAITING_AT: usize = 8 * 4 + 8;

/// The SHA-256 of a stream so far.
#[derive(Clone, Default)]
pub struct StreamHasher {
    hash: sha2::Sha256,
    /// How many bytes do not fill a compression yet. Only speed rests on it.
    waiting: usize,
}

impl StreamHasher {
    /// The hash of no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the stream's next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.waiting = (self.waiting + bytes.len()) % COMPRESSED;
    }

    /// Takes the stream's next block, of which it has had the first `seen` bytes already, and returns
    /// the block's own hash.
    ///
    /// The two hashes take turns: a compression waits for the one before it, and the processor fills
    /// the wait with the other hash's (decision 160).
    pub fn update_block(&mut self, block: &[u8], seen: usize) -> Sha256 {
        let mut own = sha2::Sha256::new();
        let fresh = &block[seen.min(block.len())..];
        let missing = (COMPRESSED - self.waiting) % COMPRESSED;
        // From here on neither hash copies bytes aside: each begins at a compression of its own.
        let (first, fresh) = fresh.split_at(missing.min(fresh.len()));
        self.update(first);
        let mut fresh = fresh.chunks(STRIDE);
        for part in block.chunks(STRIDE) {
            own.update(part);
            if let Some(part) = fresh.next() {
                self.update(part);
            }
        }
        Sha256::from_bytes(own.finalize().into())
    }

    /// The hash of all bytes so far.
    #[must_use]
    pub fn finish(self) -> Sha256 {
        Sha256::from_bytes(self.hash.finalize().into())
    }

    /// All that [`restore`](Self::restore) needs, in about 100 bytes. As secret as the last 63 bytes of
    /// the stream: it holds those that do not fill a compression yet.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut saved = vec![FORMAT];
        saved.extend_from_slice(&self.hash.serialize());
        saved
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// `Damaged` for bytes that no [`save`](Self::save) wrote.
    pub fn restore(saved: &[u8]) -> Result<Self> {
        let damaged = || {
            Error::new(
                model::ErrorKind::Damaged,
                "the saved state of a file's hash is unreadable; start the upload anew",
            )
        };
        let state = saved.strip_prefix(&[FORMAT]).ok_or_else(damaged)?;
        let state = SerializedState::<sha2::Sha256>::try_from(state).map_err(|_| damaged())?;
        let hash = sha2::Sha256::deserialize(&state).map_err(|_| damaged())?;
        Ok(Self { hash, waiting: usize::from(state[WAITING_AT]) % COMPRESSED })
    }
}

impl std::fmt::Debug for StreamHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_hash_goes_on_as_if_nothing_had_happened() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i % 251) as u8).collect();
        for cut in [0, 1, 63, 64, 65, 500, 1000] {
            let mut before = StreamHasher::new();
            before.update(&bytes[..cut]);
            let mut after = StreamHasher::restore(&before.save()).unwrap();
            assert_eq!(after.waiting, before.waiting, "cut at {cut}");
            after.update(&bytes[cut..]);
            assert_eq!(after.finish(), Sha256::of(&bytes), "cut at {cut}");
        }
    }

    #[test]
    fn a_block_is_hashed_for_itself_and_for_the_stream() {
        let bytes: Vec<u8> = (0..2000_u32).map(|i| (i % 251) as u8).collect();
        for start in [0, 1, 63, 64, 65, 500] {
            for len in [0, 1, 127, 128, 129, 1000] {
                for seen in [0, 1, 64, 100, 1000].map(|seen| len.min(seen)) {
                    let case = format!("{seen} of {len} bytes at {start} were seen");
                    let block = &bytes[start..start + len];
                    let mut stream = StreamHasher::new();
                    stream.update(&bytes[..start + seen]);
                    assert_eq!(stream.update_block(block, seen), Sha256::of(block), "{case}");
                    stream.update(&bytes[start + len..]);
                    assert_eq!(stream.finish(), Sha256::of(&bytes), "{case}");
                }
            }
        }
    }

    /// An upload may wait for days across an upgrade of the hash's crate.
    #[test]
    fn states_saved_by_earlier_releases_stay_readable() {
        // After 70 times `a`: the state of one compression, the count of it, six bytes that wait.
        let hex = "011cb85bdf26061ee894a845fb310fd44f16685eb2c199d4d6294990ab665e630001000000000000\
                   0006616161616161";
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let mut frozen: Vec<u8> = (0..hex.len()).step_by(2).map(digit).collect();
        frozen.resize(StreamHasher::new().save().len(), 0);
        let mut hasher = StreamHasher::restore(&frozen).unwrap();
        hasher.update(b"bc");
        let whole = [&[b'a'; 70][..], b"bc"].concat();
        assert_eq!(hasher.finish(), Sha256::of(&whole));
    }

    #[test]
    fn other_bytes_are_damage_not_a_hash() {
        let good = StreamHasher::new().save();
        for bad in [&[][..], &good[1..], &good[..good.len() - 1], &[2; 106]] {
            assert_eq!(StreamHasher::restore(bad).unwrap_err().kind(), model::ErrorKind::Damaged);
        }
    }
}
