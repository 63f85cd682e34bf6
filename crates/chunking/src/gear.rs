//! The gear table: 256 random-looking words, one for each byte value.
//!
//! Blocks are shared only between streams cut with the same table, so it is part of the stored format:
//! word `i` is the first eight bytes, little-endian, of SHA-256 of `"hashreel gear 1"` followed by the
//! byte `i`. Anyone can make it again from this sentence.

use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// The table of profile algorithm 1, and the same shifted by one bit, for steps of two bytes.
pub(crate) struct Tables {
    pub(crate) gear: [u64; 256],
    pub(crate) doubled: [u64; 256],
}

pub(crate) static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut gear = [0; 256];
    for (value, word) in (0..=u8::MAX).zip(&mut gear) {
        let digest =
            Sha256::new().chain_update(b"hashreel gear 1").chain_update([value]).finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        *word = u64::from_le_bytes(first);
    }
    Tables { gear, doubled: gear.map(|word| word << 1) }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_never_changes() {
        let bytes: Vec<u8> = TABLES.gear.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(
            model::Sha256::of(&bytes).to_string(),
            "39ae6494315c9d506c83b96c953d0e007d19388b14cd01f1a9ea140e156a716e"
        );
    }
}
