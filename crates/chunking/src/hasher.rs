//! SHA-256 of a stream that may be interrupted: its state is saved with each checkpoint, so that the
//! hash of a whole file is known the moment its last byte is, whoever takes the upload on.

use model::{Error, Result, Sha256};
use sha2::{
    Digest as _,
    digest::common::hazmat::{SerializableState as _, SerializedState},
};

/// First byte of a saved state.
const FORMAT: u8 = 1;

/// The SHA-256 of a stream so far.
#[derive(Clone, Default)]
pub struct StreamHasher(sha2::Sha256);

impl StreamHasher {
    /// The hash of no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the stream's next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes so far.
    #[must_use]
    pub fn finish(self) -> Sha256 {
        Sha256::from_bytes(self.0.finalize().into())
    }

    /// All that [`restore`](Self::restore) needs, in about 100 bytes. As secret as the last 63 bytes of
    /// the stream: it holds those that do not fill a compression yet.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut saved = vec![FORMAT];
        saved.extend_from_slice(&self.0.serialize());
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
        sha2::Sha256::deserialize(&state).map(Self).map_err(|_| damaged())
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
            after.update(&bytes[cut..]);
            assert_eq!(after.finish(), Sha256::of(&bytes), "cut at {cut}");
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
