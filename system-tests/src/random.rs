//! Random bytes and moments from a seed that is printed, so that a failure can be had again.

use std::{fs::File, io::Write as _, path::Path, time::Duration};

/// A small generator (splitmix64: Steele, Lea and Flood 2014) for test data and moments.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From `HASHREEL_SEED`, or fresh; says which.
    #[must_use]
    pub fn seeded(test: &str) -> Self {
        let seed = match std::env::var("HASHREEL_SEED") {
            Ok(seed) => seed.parse().expect("HASHREEL_SEED is a number"),
            Err(_) => getrandom::u64().unwrap(),
        };
        #[expect(clippy::print_stdout, reason = "a seed is for whoever reads a failure")]
        {
            println!("{test}: HASHREEL_SEED={seed} repeats this run");
        }
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A moment between the two.
    pub fn moment(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from((most - least).as_micros()).unwrap();
        least + Duration::from_micros(self.bits() % (span + 1))
    }

    /// A file of `len` bytes that do not compress.
    pub fn file(&mut self, path: &Path, len: u64) {
        let mut file = std::io::BufWriter::new(File::create(path).unwrap());
        let mut left = len;
        while left > 0 {
            let word = self.bits().to_le_bytes();
            let take = usize::try_from(left.min(8)).unwrap();
            file.write_all(&word[..take]).unwrap();
            left -= take as u64;
        }
        file.flush().unwrap();
    }
}
