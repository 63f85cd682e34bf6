//! An upload's life: `Open -> Committed | Sealed | Aborted | Expired`.
//!
//! One writer at a time, without a lock: whoever asks takes over by raising the epoch; a checkpoint
//! with an older epoch fails. An offset that a client was told is therefore always the one that is
//! accepted next.

use crate::{Error, ErrorKind, FileId, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where an upload stands. Terminal states absorb: no transition leaves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UploadState {
    /// Takes bytes. Written by the holder of `epoch` (checkpoint, finish) and by whoever takes over.
    Open {
        /// Bytes that are durable, from the start.
        offset: u64,
        /// Raised by every take-over.
        epoch: u64,
    },
    /// Became a version of a file. Written by the finisher, in the transaction that makes the version.
    Committed {
        /// The file.
        file: FileId,
        /// Its version, from 1.
        version: u32,
    },
    /// A finished partial: no file, no job. Written by the finisher; may be joined, aborted, or expire.
    Sealed {
        /// Its length in bytes.
        offset: u64,
    },
    /// Ended by its owner. Written by a DELETE.
    Aborted,
    /// Ended by time. Written by the drainer of due rows.
    Expired,
}

impl UploadState {
    /// The state at creation.
    #[must_use]
    pub fn created() -> Self {
        Self::Open { offset: 0, epoch: 0 }
    }

    /// Takes the upload over for an append at `at` (or, without `at`, for a HEAD or DELETE): the offset
    /// is checked first, then the epoch raised. Returns the new state.
    ///
    /// # Errors
    /// `Conflict` where `at` is not the durable offset; what [`Self::open`] says of a closed upload;
    /// `Gone` once `expires` has passed.
    pub fn take_over(&self, at: Option<u64>, expires: Timestamp, now: Timestamp) -> Result<Self> {
        let (offset, epoch) = self.open()?;
        if now >= expires {
            return Err(Error::new(ErrorKind::Gone, "this upload has expired; start a new one"));
        }
        if at.is_some_and(|at| at != offset) {
            return Err(stands_at(offset));
        }
        Ok(Self::Open { offset, epoch: epoch + 1 })
    }

    /// Moves the durable offset of the holder of `epoch` to `to`.
    ///
    /// # Errors
    /// `Cancelled` where another writer has taken over; `Conflict` where the offset would go back; what
    /// [`Self::open`] says of a closed upload.
    pub fn checkpoint(&self, held: u64, to: u64) -> Result<Self> {
        let offset = self.held(held)?;
        if to < offset {
            return Err(Error::conflict("an upload's offset never goes back"));
        }
        Ok(Self::Open { offset: to, epoch: held })
    }

    /// Ends the upload as version `version` of `file`.
    ///
    /// # Errors
    /// As [`Self::checkpoint`].
    pub fn commit(&self, held: u64, file: FileId, version: u32) -> Result<Self> {
        self.held(held).map(|_| Self::Committed { file, version })
    }

    /// Ends the upload as a finished partial.
    ///
    /// # Errors
    /// As [`Self::checkpoint`].
    pub fn seal(&self, held: u64) -> Result<Self> {
        self.held(held).map(|offset| Self::Sealed { offset })
    }

    /// Ends the upload because its owner says so.
    ///
    /// # Errors
    /// `Gone` where it has ended already, but for a finished partial.
    pub fn abort(&self) -> Result<Self> {
        match self {
            Self::Open { .. } | Self::Sealed { .. } => Ok(Self::Aborted),
            _ => Err(self.closed()),
        }
    }

    /// Ends the upload because its time is over.
    ///
    /// # Errors
    /// `Conflict` before `expires`; `Gone` where it has ended already, but for a finished partial.
    pub fn expire(&self, expires: Timestamp, now: Timestamp) -> Result<Self> {
        match self {
            Self::Open { .. } | Self::Sealed { .. } if now >= expires => Ok(Self::Expired),
            Self::Open { .. } | Self::Sealed { .. } => {
                Err(Error::conflict("this upload has not expired yet"))
            }
            _ => Err(self.closed()),
        }
    }

    /// Offset and epoch of an open upload.
    ///
    /// # Errors
    /// `Gone` for an aborted or expired upload; `Forbidden` for one that is complete.
    pub fn open(&self) -> Result<(u64, u64)> {
        match self {
            Self::Open { offset, epoch } => Ok((*offset, *epoch)),
            _ => Err(self.closed()),
        }
    }

    /// The offset, if `epoch` is still the one that writes.
    fn held(&self, held: u64) -> Result<u64> {
        let (offset, epoch) = self.open()?;
        if held == epoch {
            Ok(offset)
        } else {
            Err(Error::new(
                ErrorKind::Cancelled,
                "another request has taken this upload over; ask with HEAD where it stands",
            ))
        }
    }

    fn closed(&self) -> Error {
        match self {
            Self::Committed { .. } | Self::Sealed { .. } => {
                Error::new(ErrorKind::Forbidden, "this upload is complete and takes no more bytes")
            }
            _ => Error::new(ErrorKind::Gone, "this upload has ended; start a new one"),
        }
    }
}

/// What an append is told that begins anywhere but at the upload's `offset`.
#[must_use]
pub fn stands_at(offset: u64) -> Error {
    Error::conflict(format!(
        "this upload stands at offset {offset}; ask with HEAD and go on from there"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp::MAX;
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn the_reported_offset_is_accepted_next() {
        let asked = UploadState::Open { offset: 7, epoch: 3 }.take_over(None, LATER, NOW).unwrap();
        let appended = asked.take_over(Some(7), LATER, NOW).unwrap();
        assert_eq!(appended, UploadState::Open { offset: 7, epoch: 5 });
        assert_eq!(asked.take_over(Some(6), LATER, NOW).unwrap_err().kind(), ErrorKind::Conflict);
    }

    #[test]
    fn an_older_epoch_writes_nothing() {
        let taken = UploadState::created().take_over(Some(0), LATER, NOW).unwrap();
        let old = taken.checkpoint(0, 10).unwrap_err();
        assert_eq!(old.kind(), ErrorKind::Cancelled);
        assert_eq!(taken.checkpoint(1, 10).unwrap(), UploadState::Open { offset: 10, epoch: 1 });
        assert!(taken.seal(0).is_err());
    }

    #[test]
    fn the_offset_never_goes_back() {
        assert!(UploadState::Open { offset: 9, epoch: 1 }.checkpoint(1, 8).is_err());
    }

    #[test]
    fn terminal_states_absorb() {
        let file = FileId::new(NOW);
        for end in [
            UploadState::Committed { file, version: 1 },
            UploadState::Aborted,
            UploadState::Expired,
        ] {
            assert!(end.take_over(None, LATER, NOW).is_err());
            assert!(end.checkpoint(0, 0).is_err());
            assert!(end.commit(0, file, 1).is_err());
            assert!(end.seal(0).is_err());
            assert!(end.abort().is_err());
            assert!(end.expire(NOW, NOW).is_err());
        }
    }

    #[test]
    fn time_ends_what_is_open() {
        let open = UploadState::created();
        assert_eq!(open.expire(LATER, NOW).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(open.expire(NOW, NOW).unwrap(), UploadState::Expired);
        assert_eq!(open.take_over(None, NOW, NOW).unwrap_err().kind(), ErrorKind::Gone);
    }
}
