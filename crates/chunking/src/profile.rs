//! How long blocks are: the parameters of the boundary search, as manifests record them.

use model::{Error, Result};
use serde::{Deserialize, Serialize};

/// Block lengths in bytes. One profile serves a deployment; it is written into every manifest so that
/// it can change without making old files unreadable (only their blocks are no longer shared with new
/// ones).
///
/// As JSON: `{"algorithm":"fastcdc-1","min":262144,"avg":1048576,"max":4194304}`. The algorithm's name
/// stands for the search of [`Chunker`](crate::Chunker) with its gear table and masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Raw", try_from = "Raw")]
pub struct Profile {
    min: u32,
    avg: u32,
    max: u32,
}

/// The spelling in JSON, before its numbers are checked.
#[derive(Serialize, Deserialize)]
struct Raw {
    algorithm: Algorithm,
    min: u32,
    avg: u32,
    max: u32,
}

#[derive(Serialize, Deserialize)]
enum Algorithm {
    #[serde(rename = "fastcdc-1")]
    FastCdc1,
}

impl Profile {
    /// A profile of `min`, `avg` and `max` bytes a block. Only a stream's last block is shorter than
    /// `min`; none is longer than `max`.
    ///
    /// # Errors
    /// `Invalid` unless `64 <= min < avg < max <= 1 GiB` and `avg` is a power of two: the average is
    /// set by a number of mask bits.
    pub fn new(min: u32, avg: u32, max: u32) -> Result<Self> {
        if min < 64 || min >= avg || avg >= max || max > 1 << 30 || !avg.is_power_of_two() {
            return Err(Error::invalid(format!(
                "block lengths {min}/{avg}/{max} are not a profile: 64 <= min < average < max <= 1 \
                 GiB, and the average is a power of two"
            )));
        }
        Ok(Self { min, avg, max })
    }

    /// Shortest block but for a stream's last, in bytes.
    #[must_use]
    pub fn min(&self) -> u32 {
        self.min
    }

    /// Where the search turns from reluctant to eager, in bytes; close to the mean length.
    #[must_use]
    pub fn avg(&self) -> u32 {
        self.avg
    }

    /// Longest block, in bytes.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.max
    }
}

impl Default for Profile {
    /// 256 KiB, 1 MiB, 4 MiB.
    fn default() -> Self {
        Self { min: 256 << 10, avg: 1 << 20, max: 4 << 20 }
    }
}

impl From<Profile> for Raw {
    fn from(Profile { min, avg, max }: Profile) -> Self {
        Self { algorithm: Algorithm::FastCdc1, min, avg, max }
    }
}

impl TryFrom<Raw> for Profile {
    type Error = Error;

    fn try_from(Raw { algorithm: Algorithm::FastCdc1, min, avg, max }: Raw) -> Result<Self> {
        Self::new(min, avg, max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_of_every_version_stay_readable() {
        let frozen = r#"{"algorithm":"fastcdc-1","min":262144,"avg":1048576,"max":4194304}"#;
        assert_eq!(serde_json::from_str::<Profile>(frozen).unwrap(), Profile::default());
        assert_eq!(serde_json::to_string(&Profile::default()).unwrap(), frozen);
    }

    #[test]
    fn lengths_that_cannot_be_searched_for_are_refused() {
        for (min, avg, max) in [
            (63, 1024, 4096),
            (1024, 1024, 4096),
            (64, 4096, 4096),
            (64, 1000, 4096),
            (64, 1 << 20, 1 << 31),
        ] {
            assert!(Profile::new(min, avg, max).is_err(), "{min}/{avg}/{max}");
        }
        let unknown = r#"{"algorithm":"fastcdc-2","min":64,"avg":128,"max":256}"#;
        assert!(serde_json::from_str::<Profile>(unknown).is_err());
        let wrong = r#"{"algorithm":"fastcdc-1","min":256,"avg":128,"max":64}"#;
        assert!(serde_json::from_str::<Profile>(wrong).is_err());
    }
}
