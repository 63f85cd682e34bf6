//! Ids. Where order in time helps (`UUIDv7`) they sort by creation; where an id is itself a right
//! (a rendition's) it is random.

use crate::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// # Errors
            /// `Invalid` for anything but the hyphenated lower-case form.
            fn from_str(text: &str) -> Result<Self, Error> {
                match Uuid::try_parse(text) {
                    Ok(id) if id.hyphenated().to_string() == text => Ok(Self(id)),
                    _ => Err(Error::invalid(concat!($what, " is a UUID in lower case"))),
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }
    };
}

macro_rules! timed_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        uuid_id!($(#[$doc])* $name, $what);

        impl $name {
            /// A fresh `UUIDv7` made at `now`; later ids sort after earlier ones.
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                let since = u64::try_from(now.as_millisecond()).unwrap_or(0);
                // The sub-millisecond digits are random: ids of one millisecond have no order.
                Self(Uuid::new_v7(uuid::Timestamp::from_unix(
                    uuid::NoContext,
                    since / 1000,
                    u32::try_from(since % 1000).unwrap_or(0) * 1_000_000,
                )))
            }
        }
    };
}

timed_id!(
    /// One upload, from its creation to its end.
    UploadId,
    "an upload's id"
);
timed_id!(
    /// A file with its versions, as its owner sees it.
    FileId,
    "a file's id"
);
timed_id!(
    /// An ordered list of blocks.
    ContentId,
    "a content's id"
);
timed_id!(
    /// An entry of the log.
    EventId,
    "an event's id"
);
timed_id!(
    /// An API key's public half.
    KeyId,
    "a key's id"
);
uuid_id!(
    /// One rendition of a video. Random: knowing it is the right to read its segments.
    RenditionId,
    "a rendition's id"
);

impl EventId {
    /// A lower bound of all ids made at `at` or later.
    #[must_use]
    pub fn first_at(at: Timestamp) -> Self {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }

    /// When the id was made, to the millisecond.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        let (high, _) = self.0.as_u64_pair();
        i64::try_from(high >> 16)
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl RenditionId {
    /// A fresh id nobody can guess (122 random bits).
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

/// Who owns uploads, files and events: 1 to 64 of `a-z`, `0-9`, `-` and `_`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OwnerId(String);

impl OwnerId {
    /// The owner of everything on a server without accounts.
    #[must_use]
    pub fn local() -> Self {
        Self("local".into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OwnerId {
    type Err = Error;

    /// # Errors
    /// `Invalid` for any other characters or length: an owner is part of keys.
    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = matches!(text.len(), 1..=64)
            && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::invalid("an owner's name is 1 to 64 of a-z, 0-9, - and _"))
        }
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<OwnerId> for String {
    fn from(owner: OwnerId) -> Self {
        owner.0
    }
}

impl TryFrom<String> for OwnerId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_survive_text() {
        let early = FileId::new(Timestamp::from_millisecond(1_000).unwrap());
        let late = FileId::new(Timestamp::from_millisecond(2_000).unwrap());
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<FileId>().unwrap(), early);
    }

    #[test]
    fn an_event_id_tells_its_time_and_a_bound_is_below_it() {
        let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let id = EventId::new(at);
        assert_eq!(id.at(), at);
        assert!(EventId::first_at(at) <= id);
        assert!(EventId::first_at(Timestamp::from_millisecond(1_700_000_000_124).unwrap()) > id);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = UploadId::new(Timestamp::from_millisecond(1).unwrap()).to_string();
        assert!(id.to_uppercase().parse::<UploadId>().is_err());
        assert!(id.replace('-', "").parse::<UploadId>().is_err());
        assert!("../../etc/passwd".parse::<UploadId>().is_err());
    }

    #[test]
    fn owners_fit_in_a_key() {
        assert!("alice-2".parse::<OwnerId>().is_ok());
        for bad in ["", "Alice", "a#b", "a/b", &"a".repeat(65)] {
            assert!(bad.parse::<OwnerId>().is_err(), "{bad}");
        }
    }
}
