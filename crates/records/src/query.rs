//! What can be asked of a partition, and the pages that answer.

use crate::{Consistency, MAX_PARTITION_LEN, Record, key::check_part};
use model::{Error, Result};

/// The most records a page may be asked to hold.
pub const MAX_PAGE: usize = 1000;

/// The order of a page, by sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest sort key first.
    Ascending,
    /// Largest sort key first.
    Descending,
}

/// Records of one partition, in the byte order of their sort keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The partition.
    pub partition: String,
    /// The smallest sort key that belongs; empty: from the first.
    pub from: String,
    /// The sort key that ends the range and does not belong to it; `None`: to the last.
    pub to: Option<String>,
    /// Which end comes first.
    pub direction: Direction,
    /// The most records in one page, 1 to [`MAX_PAGE`].
    pub limit: usize,
    /// How fresh the answer must be.
    pub consistency: Consistency,
    /// Where the page before ended; `None` for the first page.
    pub cursor: Option<String>,
}

impl Query {
    /// All of a partition: ascending, eventually consistent, pages of 100.
    pub fn partition(partition: impl Into<String>) -> Self {
        Self {
            partition: partition.into(),
            from: String::new(),
            to: None,
            direction: Direction::Ascending,
            limit: 100,
            consistency: Consistency::Eventual,
            cursor: None,
        }
    }

    /// The sort keys from `from` up to, not including, `to`.
    pub fn range(
        partition: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
    ) -> Self {
        Self { from: from.into(), to: Some(to.into()), ..Self::partition(partition) }
    }

    /// The sort keys that begin with `prefix`; all for an empty one.
    pub fn prefix(partition: impl Into<String>, prefix: impl Into<String>) -> Self {
        let from = prefix.into();
        Self { to: end_of_prefix(&from), from, ..Self::partition(partition) }
    }

    /// With this end first.
    #[must_use]
    pub fn direction(self, direction: Direction) -> Self {
        Self { direction, ..self }
    }

    /// With at most so many records a page.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// With this freshness.
    #[must_use]
    pub fn consistency(self, consistency: Consistency) -> Self {
        Self { consistency, ..self }
    }

    /// Going on where a page ended.
    #[must_use]
    pub fn cursor(self, cursor: Option<String>) -> Self {
        Self { cursor, ..self }
    }

    /// # Errors
    /// `Invalid` for a limit or partition out of bounds, or a cursor that no page of this query gave.
    pub(crate) fn check(&self) -> Result<()> {
        check_part("partition", &self.partition, MAX_PARTITION_LEN)?;
        if !(1..=MAX_PAGE).contains(&self.limit) {
            return Err(Error::invalid(format!("a page holds 1 to {MAX_PAGE} records")));
        }
        let strange = self.cursor.as_ref().is_some_and(|cursor| {
            *cursor < self.from || self.to.as_ref().is_some_and(|to| cursor >= to)
        });
        if strange {
            return Err(Error::invalid("this cursor belongs to another list; start without one"));
        }
        Ok(())
    }
}

/// The smallest string behind all that begin with `prefix`, if there is one.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        // UTF-8 sorts as its code points do; the range steps over the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end.into_iter().collect());
        }
    }
    None
}

/// Part of a query's or scan's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// In the order asked for; possibly fewer than the limit, possibly none, though more follow.
    pub records: Vec<Record>,
    /// Gives the next page; `None` at the end, and only there.
    pub cursor: Option<String>,
}

/// One of `of` disjoint parts of a whole store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 0.
    pub index: u32,
    /// How many there are, at least 1.
    pub of: u32,
}

impl Shard {
    /// The whole store in one part.
    pub const ALL: Self = Self { index: 0, of: 1 };

    /// # Errors
    /// `Invalid` for a part that does not exist.
    pub(crate) fn check(self) -> Result<()> {
        if self.index < self.of {
            Ok(())
        } else {
            Err(Error::invalid("a shard's index is below the number of shards"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_right_behind_its_last_string() {
        assert_eq!(end_of_prefix("ref#").as_deref(), Some("ref$"));
        assert_eq!(end_of_prefix("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(end_of_prefix("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
        assert_eq!(end_of_prefix(""), None);
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let query = Query::prefix("p", "b");
        assert!(query.clone().cursor(Some("bx".into())).check().is_ok());
        assert!(query.clone().cursor(Some("a".into())).check().is_err());
        assert!(query.clone().cursor(Some("c".into())).check().is_err());
        for limit in [0, MAX_PAGE + 1] {
            assert!(query.clone().limit(limit).check().is_err());
        }
    }
}
