//! How large an upload may be, and whether what a request's head announces fits.
//!
//! A body whose framing announces no length is counted by whoever reads it.

use crate::Append;
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

    /// The bytes that an upload of `length` may have in all.
    #[must_use]
    pub fn most(&self, length: Option<u64>) -> u64 {
        length.unwrap_or(self.max_size)
    }
}

impl Append {
    /// Checks what the request announces against the known `length` of its upload, before a byte of the
    /// body is read.
    ///
    /// # Errors
    /// `Invalid` where it says another length; `TooLarge` where its body does not fit.
    pub fn check(&self, length: Option<u64>, limits: &Limits) -> Result<()> {
        if let (Some(said), Some(known)) = (self.length, length)
            && said != known
        {
            return Err(Error::invalid(format!(
                "this upload has a length of {known} bytes, and Upload-Length cannot change it to {said}"
            )));
        }
        fits(self.offset, self.body, limits.most(length))
    }
}

/// Checks that a body which begins at `offset` ends within `most` bytes, as far as its framing tells.
pub(crate) fn fits(offset: u64, body: Option<u64>, most: u64) -> Result<()> {
    match body {
        Some(bytes) if bytes > most.saturating_sub(offset) => Err(overrun(most)),
        _ => Ok(()),
    }
}

/// The error of a body that goes on beyond the `most` bytes its upload may have.
#[must_use]
pub fn overrun(most: u64) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!(
            "the body goes beyond the {most} bytes of this upload; nothing beyond them is kept"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_size: 100 };

    #[test]
    fn an_upload_is_within_the_limit() {
        assert!(LIMITS.check(100).is_ok());
        assert_eq!(LIMITS.check(101).unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn a_body_that_announces_too_much_is_refused_unread() {
        let append = |offset, body| Append { offset, length: None, body };
        for (append, length, fits) in [
            (append(30, Some(20)), Some(50), true),
            (append(30, Some(21)), Some(50), false),
            (append(30, None), Some(50), true),
            (append(50, Some(0)), Some(50), true),
            (append(60, Some(1)), Some(50), false),
            (append(0, Some(100)), None, true),
            (append(0, Some(101)), None, false),
            (append(u64::MAX, Some(u64::MAX)), Some(50), false),
        ] {
            let kind = append.check(length, &LIMITS).err().map(|error| error.kind());
            assert_eq!(kind, (!fits).then_some(ErrorKind::TooLarge), "{append:?} {length:?}");
        }
    }

    #[test]
    fn a_length_does_not_change() {
        let append = Append { offset: 0, length: Some(49), body: None };
        assert_eq!(append.check(Some(50), &LIMITS).unwrap_err().kind(), ErrorKind::Invalid);
        assert!(append.check(Some(49), &LIMITS).is_ok());
    }
}
