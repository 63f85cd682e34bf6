//! Cursors as clients have them: opaque, so that nobody builds on what they are made of.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::Error;
use serde::{Deserialize, Serialize};

/// Where a list goes on: what the catalog gave, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Cursor(String);

impl Cursor {
    /// Of what the catalog gave.
    pub(crate) fn new(inner: String) -> Self {
        Self(inner)
    }

    /// For the catalog.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        URL_SAFE_NO_PAD.encode(cursor.0)
    }
}

impl TryFrom<String> for Cursor {
    type Error = Error;

    /// # Errors
    /// `Invalid` for what no page has given.
    fn try_from(text: String) -> Result<Self, Error> {
        let inner = URL_SAFE_NO_PAD.decode(text).ok();
        let inner = inner.and_then(|bytes| String::from_utf8(bytes).ok());
        inner.map(Self).ok_or_else(|| Error::invalid("no page gave this cursor; start without one"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_shows_nothing_and_comes_back() {
        let cursor = Cursor::new("file#0198c7d2-0000-7000-8000-000000000000".into());
        let text = String::from(cursor.clone());
        assert!(!text.contains("file") && !text.contains("0198"), "{text}");
        assert_eq!(Cursor::try_from(text).unwrap(), cursor);
        for bad in ["file#0198", "%", "gA=="] {
            assert!(Cursor::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
