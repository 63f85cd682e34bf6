//! Byte ranges: half-open, in bytes, of a content, a block or an object.

use serde::{Deserialize, Serialize};

/// The bytes from `start` up to, not including, `end`. Never negative: `start <= end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl ByteRange {
    /// The range from `start` to `end`; an `end` before `start` gives the empty range at `start`.
    #[must_use]
    pub fn new(start: u64, end: u64) -> Self {
        Self { start, end: end.max(start) }
    }

    /// `len` bytes from `start`, ending at the largest offset at most.
    #[must_use]
    pub fn at(start: u64, len: u64) -> Self {
        Self { start, end: start.saturating_add(len) }
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether it holds no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// What this range and `other` have in common, if anything.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> Option<Self> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Self { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_only_touch_do_not_overlap() {
        let low = ByteRange::new(0, 10);
        assert_eq!(low.overlap(&ByteRange::new(10, 20)), None);
        assert_eq!(low.overlap(&ByteRange::new(9, 20)), Some(ByteRange::new(9, 10)));
    }

    #[test]
    fn no_range_is_negative() {
        assert!(ByteRange::new(5, 3).is_empty());
        assert_eq!(ByteRange::at(u64::MAX - 1, 10).len(), 1);
    }
}
