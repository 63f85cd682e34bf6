//! How many bytes an upload may still take: checked against what the framing of a body announces, and
//! counted while the body arrives.

use model::{Error, ErrorKind, Result};

/// What this server accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest upload in bytes, announced as `Tus-Max-Size`.
    pub max_size: u64,
}

impl Limits {
    /// Checks the length of a whole upload.
    ///
    /// # Errors
    /// `TooLarge` beyond [`Self::max_size`].
    pub fn check(&self, length: u64) -> Result<()> {
        if length <= self.max_size {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "an upload of {length} bytes is over this server's limit of {} bytes; send a smaller \
                 file or ask the operator for a higher limit",
                self.max_size
            ),
        ))
    }
}

/// The bytes an upload may still take. Nothing beyond it is ever handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    left: u64,
    limit: u64,
}

impl Room {
    /// The room behind `offset` of an upload of `length` bytes, or of unknown length, which the limit
    /// then ends.
    #[must_use]
    pub fn behind(offset: u64, length: Option<u64>, limits: &Limits) -> Self {
        let limit = length.unwrap_or(limits.max_size);
        Self { left: limit.saturating_sub(offset), limit }
    }

    /// Checks the bytes that a body announces, before any is read.
    ///
    /// # Errors
    /// `TooLarge` where they do not fit.
    pub fn check(&self, body: Option<u64>) -> Result<()> {
        match body {
            Some(bytes) if bytes > self.left => Err(self.overrun()),
            _ => Ok(()),
        }
    }

    /// Takes as many of `arrived` bytes as belong to the upload: `Ok` where that is all of them, and
    /// otherwise the number to keep with the error to end the request with.
    ///
    /// # Errors
    /// `TooLarge` where more arrived than fit.
    pub fn take(&mut self, arrived: usize) -> Result<(), (usize, Error)> {
        match self.left.checked_sub(arrived as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let kept = usize::try_from(self.left).unwrap_or(arrived);
                self.left = 0;
                Err((kept, self.overrun()))
            }
        }
    }

    fn overrun(&self) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            format!(
                "the body is longer than the {} bytes this upload may have; what is beyond them was \
                 not kept",
                self.limit
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_size: 100 };

    #[test]
    fn a_body_that_announces_too_much_is_refused_unread() {
        let room = Room::behind(30, Some(50), &LIMITS);
        assert!(room.check(Some(20)).is_ok());
        assert!(room.check(None).is_ok());
        assert_eq!(room.check(Some(21)).unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn nothing_beyond_the_length_is_taken_however_the_bytes_are_cut() {
        for cut in 1..=60 {
            let mut room = Room::behind(0, Some(50), &LIMITS);
            let mut kept = 0;
            let overrun = (0..60).step_by(cut).find_map(|_| match room.take(cut) {
                Ok(()) => {
                    kept += cut;
                    None
                }
                Err((some, error)) => {
                    kept += some;
                    Some(error)
                }
            });
            assert_eq!(overrun.unwrap().kind(), ErrorKind::TooLarge);
            assert_eq!(kept, 50, "in pieces of {cut}");
        }
    }

    #[test]
    fn an_unknown_length_ends_at_the_limit() {
        let mut room = Room::behind(0, None, &LIMITS);
        assert!(room.take(100).is_ok());
        assert_eq!(room.take(1).unwrap_err().0, 0);
        assert!(LIMITS.check(100).is_ok());
        assert_eq!(LIMITS.check(101).unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
