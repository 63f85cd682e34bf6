//! Typed units of options: `8MiB`, `10s`.

use model::{Error, Result};
use std::{fmt, str::FromStr, time::Duration};

/// Bytes, written as `0`, `512KiB`, `8MiB`, `2GiB`, `1TiB`; a plain number is bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A length of time, written as `250ms`, `10s`, `5m`, `12h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const SIZES: [(&str, u64); 6] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1), ("", 1)];

/// In milliseconds. `ms` stands before the units that its letters end with.
const SPANS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The number before the first unit that `text` ends with, times that unit.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let fits = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    fits.then(|| digits.parse::<u64>().ok()?.checked_mul(*unit)).flatten()
}

/// `value` in the largest unit that divides it; nothing in the smallest.
fn write(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let named = units.iter().filter(|(name, _)| !name.is_empty());
    let fits = named.filter(|(_, unit)| *unit == 1 || (value > 0 && value.is_multiple_of(*unit)));
    match fits.max_by_key(|(_, unit)| *unit) {
        Some((name, unit)) => write!(f, "{}{name}", value / unit),
        None => write!(f, "{value}"),
    }
}

impl FromStr for Size {
    type Err = Error;

    /// # Errors
    /// `Invalid` for anything else, or more than 64 bits of bytes.
    fn from_str(text: &str) -> Result<Self> {
        parse(text, &SIZES).map(Self).ok_or_else(|| {
            Error::invalid(format!("`{text}` is no size; write it as 512KiB, 8MiB or 2GiB"))
        })
    }
}

impl FromStr for Span {
    type Err = Error;

    /// # Errors
    /// `Invalid` for anything else.
    fn from_str(text: &str) -> Result<Self> {
        parse(text, &SPANS).map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| {
            Error::invalid(format!(
                "`{text}` is no length of time; write it as 250ms, 10s, 5m or 7d"
            ))
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, &SIZES)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &SPANS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("512KiB", 512 << 10),
            ("8MiB", 8 << 20),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(text.parse::<Size>().unwrap(), Size(bytes), "{text}");
        }
        for bad in ["", "MiB", "8MB", "8 MiB", "-1", "+1", "1.5MiB", "8mib", "99999999TiB"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_name_their_unit() {
        for (text, millis) in
            [("250ms", 250), ("10s", 10_000), ("5m", 300_000), ("12h", 43_200_000), ("0s", 0)]
        {
            assert_eq!(
                text.parse::<Span>().unwrap(),
                Span(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for bad in ["", "10", "s", "10 s", "1.5s", "10S", "99999999999999999999d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for bytes in [0, 1, 1023, 1024, 3 << 20, u64::MAX] {
            assert_eq!(Size(bytes).to_string().parse::<Size>().unwrap(), Size(bytes));
        }
        for millis in [0, 999, 1000, 90_000, 86_400_000] {
            let span = Span(Duration::from_millis(millis));
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        assert_eq!(Size(8 << 20).to_string(), "8MiB");
        assert_eq!(Span(Duration::from_secs(60)).to_string(), "1m");
        assert_eq!(Span(Duration::ZERO).to_string(), "0ms");
    }
}
