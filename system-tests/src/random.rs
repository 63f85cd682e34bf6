//! Random bytes and moments from a seed that is printed, so that a failure can be had again.

use std::{fs::File, io::Write as _, path::Path, time::Duration};
use testkit::dice::Dice;

/// Test data and moments.
#[derive(Debug)]
pub struct Random(Dice);

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
        Self(Dice::new(seed))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.bits()
    }

    /// A moment between the two.
    pub fn moment(&mut self, least: Duration, most: Duration) -> Duration {
        self.0.moment(least, most)
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
