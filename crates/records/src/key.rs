//! The name of a record.

use model::{Error, Result};
use std::fmt;

/// The longest partition, in bytes.
pub const MAX_PARTITION_LEN: usize = 1024;
/// The longest sort key, in bytes.
pub const MAX_SORT_LEN: usize = 1024;

/// Where a record is: records of one partition are kept together, in the byte order of `sort`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What is read together; a query never spans two. 1 to [`MAX_PARTITION_LEN`] bytes.
    pub partition: String,
    /// The place within the partition. 1 to [`MAX_SORT_LEN`] bytes.
    pub sort: String,
}

impl Key {
    /// The key of these two parts. Whether they fit is checked by the store.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }

    /// # Errors
    /// `Invalid` for a part that is empty, too long, or holds a control character: the same in every
    /// back end, whatever its engine could take.
    pub(crate) fn check(&self) -> Result<()> {
        check_part("partition", &self.partition, MAX_PARTITION_LEN)?;
        check_part("sort key", &self.sort, MAX_SORT_LEN)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.sort)
    }
}

pub(crate) fn check_part(what: &str, text: &str, max: usize) -> Result<()> {
    if text.is_empty() || text.len() > max {
        return Err(Error::invalid(format!("a record's {what} has 1 to {max} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(format!("a record's {what} holds no control characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_two_parts_that_any_engine_can_hold() {
        assert!(Key::new("p", "s").check().is_ok());
        assert!(Key::new("p".repeat(MAX_PARTITION_LEN), "s").check().is_ok());
        for (partition, sort) in [("", "s"), ("p", ""), ("a\0b", "s"), ("p", "line\n")] {
            assert!(Key::new(partition, sort).check().is_err(), "{partition:?} {sort:?}");
        }
        assert!(Key::new("p", "s".repeat(MAX_SORT_LEN + 1)).check().is_err());
    }
}
