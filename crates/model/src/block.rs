//! A block's record: what holds its bytes, and how ingest and sweep meet without a lock.
//!
//! Ingest writes its reference before it looks at the record; the sweep looks at the references after
//! it has announced itself with `Deleting`. One of the two always sees the other.

use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// How a block's bytes are stored. The hash is of the plain bytes in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// As they came.
    Plain,
    /// One zstd frame.
    Zstd,
}

/// Where a block's stored bytes lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Name of the object. Never used twice.
    pub object: String,
    /// First byte within the object.
    pub offset: u64,
    /// Stored length in bytes.
    pub len: u64,
    /// Stored form.
    pub codec: Codec,
}

/// A block's record, or its absence (`None` of an `Option<BlockState>`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BlockState {
    /// An object name is reserved and may or may not exist. Written by ingest, before its PUT.
    Pending {
        /// Reserved name.
        object: String,
        /// Form that whoever puts this name must use.
        codec: Codec,
    },
    /// The bytes are durable. Written by ingest, after its PUT.
    Present(Placement),
    /// Announced for deletion. Written by the sweep; taken back by ingest or by the sweep itself.
    Deleting {
        /// What it was: `Pending` or `Present`, never `Deleting`.
        was: Box<BlockState>,
    },
    /// The stored bytes are not the block. Written by fsck and by a read that has had them; healed by
    /// the next ingest of the block.
    Damaged,
    /// The object was not where it should lie, in a store that has others of these records. Written by a
    /// read, and taken back by the next one that finds it there again; healed like `Damaged`.
    Missing(Placement),
}

/// What an ingest that holds the block's bytes, and has written its reference, does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IngestStep {
    /// Nothing: the bytes are durable.
    Held,
    /// Compare-and-set the record to this state, then ask again.
    TakeBack(BlockState),
    /// Compare-and-set the record to `Pending` with a fresh name, put the object, set `Present`.
    Reserve,
    /// Put this name create-only in this form, then set `Present`.
    Put {
        /// Reserved name.
        object: String,
        /// Form to put.
        codec: Codec,
    },
}

/// The next step of an ingest with the bytes in hand, from the record as read after the reference was
/// written.
#[must_use]
pub fn ingest(record: Option<&BlockState>) -> IngestStep {
    match record {
        None | Some(BlockState::Damaged | BlockState::Missing(_)) => IngestStep::Reserve,
        Some(BlockState::Present(_)) => IngestStep::Held,
        Some(BlockState::Pending { object, codec }) => {
            IngestStep::Put { object: object.clone(), codec: *codec }
        }
        Some(BlockState::Deleting { was }) => IngestStep::TakeBack((**was).clone()),
    }
}

impl BlockState {
    /// Where to read the block: `Present`, or `Deleting` that was; of one that is `Missing`, where to look
    /// whether it still is.
    ///
    /// # Errors
    /// `Damaged` for a damaged or never completed block: it is reported, never served.
    pub fn readable(&self) -> Result<&Placement> {
        match self {
            Self::Present(placement) | Self::Missing(placement) => Ok(placement),
            Self::Deleting { was } if matches!(**was, Self::Present(_)) => was.readable(),
            _ => Err(Error::new(
                ErrorKind::Damaged,
                "a block of this file is missing or damaged; uploading the file again heals it",
            )),
        }
    }

    /// `Pending` -> `Present` once the object is durable.
    ///
    /// # Errors
    /// `Conflict` where the record is no longer the `Pending` of this object.
    pub fn put_done(&self, placement: Placement) -> Result<Self> {
        match self {
            Self::Pending { object, codec }
                if *object == placement.object && *codec == placement.codec =>
            {
                Ok(Self::Present(placement))
            }
            _ => Err(Error::conflict("the block's record changed while its object was put")),
        }
    }

    /// The sweep's announcement.
    ///
    /// # Errors
    /// `Conflict` for a block that is announced already, damaged or missing.
    pub fn announce(&self) -> Result<Self> {
        match self {
            Self::Pending { .. } | Self::Present(_) => {
                Ok(Self::Deleting { was: Box::new(self.clone()) })
            }
            _ => Err(Error::conflict("only a pending or present block can be announced")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present() -> BlockState {
        BlockState::Present(Placement {
            object: "blocks/global/aa/aa.1".into(),
            offset: 0,
            len: 3,
            codec: Codec::Plain,
        })
    }

    #[test]
    fn a_block_being_deleted_is_readable_and_taken_back() {
        let deleting = present().announce().unwrap();
        assert!(deleting.readable().is_ok());
        assert_eq!(ingest(Some(&deleting)), IngestStep::TakeBack(present()));
        assert!(deleting.announce().is_err());
    }

    #[test]
    fn a_pending_block_is_never_served() {
        let pending = BlockState::Pending { object: "o".into(), codec: Codec::Zstd };
        assert_eq!(pending.readable().unwrap_err().kind(), ErrorKind::Damaged);
        assert!(pending.announce().unwrap().readable().is_err());
        assert_eq!(
            ingest(Some(&pending)),
            IngestStep::Put { object: "o".into(), codec: Codec::Zstd }
        );
    }

    #[test]
    fn only_the_reserved_object_makes_a_block_present() {
        let pending = BlockState::Pending { object: "o".into(), codec: Codec::Plain };
        let at =
            |object: &str, codec| Placement { object: object.into(), offset: 0, len: 1, codec };
        assert!(pending.put_done(at("o", Codec::Plain)).is_ok());
        assert!(pending.put_done(at("p", Codec::Plain)).is_err());
        assert!(pending.put_done(at("o", Codec::Zstd)).is_err());
        assert!(present().put_done(at("o", Codec::Plain)).is_err());
    }

    #[test]
    fn damage_heals_by_the_next_ingest() {
        assert_eq!(ingest(Some(&BlockState::Damaged)), IngestStep::Reserve);
        assert_eq!(ingest(None), IngestStep::Reserve);
    }

    #[test]
    fn a_missing_block_keeps_its_place_and_heals_by_the_next_ingest() {
        let BlockState::Present(placement) = present() else { unreachable!() };
        let missing = BlockState::Missing(placement.clone());
        assert_eq!(*missing.readable().unwrap(), placement);
        assert_eq!(ingest(Some(&missing)), IngestStep::Reserve);
        assert!(missing.announce().is_err());
    }
}
