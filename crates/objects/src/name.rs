//! Names that every back end can hold as they are.

use model::{Error, Result};
use std::{fmt, str::FromStr};

/// The longest name, in bytes.
pub const MAX_NAME_LEN: usize = 512;
/// The longest part of a name, in bytes.
pub const MAX_PART_LEN: usize = 200;

/// The name of an object: parts of `A-Z a-z 0-9 . _ -` joined by `/`, none empty and none beginning
/// with a dot, so that no name leaves its root or hides in it.
///
/// No name may be another's directory: with `a/b` stored, `a` and `a/b/c` cannot be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

impl ObjectName {
    /// # Errors
    /// `Invalid` for anything but such a name.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let fits = name.len() <= MAX_NAME_LEN && name.split('/').all(is_part);
        if fits {
            Ok(Self(name))
        } else {
            Err(Error::invalid(
                "an object's name is parts of letters, digits, '.', '_' and '-' joined by '/'",
            ))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The media type that the name's ending tells, for objects that browsers and edges may get without
    /// a service of ours between; none for all others.
    #[must_use]
    pub fn media_type(&self) -> Option<&'static str> {
        match self.0.rsplit_once('.')?.1 {
            "mp4" | "m4s" => Some("video/mp4"),
            "jpg" => Some("image/jpeg"),
            "vtt" => Some("text/vtt"),
            _ => None,
        }
    }
}

/// Whether a name can begin with `prefix`.
pub(crate) fn may_begin(prefix: &str) -> bool {
    prefix.bytes().all(|byte| byte == b'/' || is_fit(byte))
}

fn is_part(part: &str) -> bool {
    matches!(part.len(), 1..=MAX_PART_LEN) && !part.starts_with('.') && part.bytes().all(is_fit)
}

fn is_fit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

impl FromStr for ObjectName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::new(name)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_below_its_root() {
        for good in ["a", "blocks/global/0a/0a1b.1", "A-b_c.d/e"] {
            assert_eq!(ObjectName::new(good).unwrap().as_str(), good);
        }
        let long = ["x".repeat(MAX_PART_LEN + 1), ["y"; MAX_NAME_LEN].join("/")];
        let bad =
            ["", "/a", "a/", "a//b", "..", "a/../b", ".tmp/a", "a b", "a\\b", "\u{e4}", "a\0"];
        for bad in bad.into_iter().chain(long.iter().map(String::as_str)) {
            assert!(ObjectName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_what_is_meant_for_browsers_has_a_media_type() {
        let media_type = |name: &str| ObjectName::new(name).unwrap().media_type();
        assert_eq!(media_type("renditions/0a/3.0123456789abcdef.m4s"), Some("video/mp4"));
        assert_eq!(media_type("renditions/0a/poster.0123456789abcdef.jpg"), Some("image/jpeg"));
        for plain in ["blocks/global/0a/0a1b.1", "tails/0a/1-5", "mp4"] {
            assert_eq!(media_type(plain), None, "{plain}");
        }
    }
}
