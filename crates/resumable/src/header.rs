//! Reading and writing single headers, strictly.

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{Error, Result};

/// The one value of a header, without the white space around it; `None` where it is absent.
///
/// # Errors
/// `Invalid` where it comes twice or has characters beyond visible ASCII and space.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::invalid(format!("the header {name} came more than once; send it once")));
    }
    match value.to_str() {
        Ok(text) => Ok(Some(text.trim())),
        Err(_) => Err(Error::invalid(format!("the header {name} may hold visible ASCII only"))),
    }
}

/// The one value of a header that is a number of bytes.
///
/// A number too large for 64 bits becomes the largest: it is well-formed, and every limit refuses it.
///
/// # Errors
/// What [`single`] says; `Invalid` for anything but decimal digits.
pub fn bytes(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>> {
    let Some(text) = single(headers, name)? else { return Ok(None) };
    if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Error::invalid(format!("{name} is a number of bytes in decimal digits alone")));
    }
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

/// A header value from text of ours; what cannot stand in a header is left out by the caller.
pub fn value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("upload-length");

    fn with(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_number_of_bytes_has_digits_alone() {
        assert_eq!(bytes(&with(&[]), &NAME).unwrap(), None);
        for (text, number) in [
            ("0", 0),
            (" 12 ", 12),
            ("007", 7),
            ("18446744073709551615", u64::MAX),
            ("99999999999999999999999999", u64::MAX),
        ] {
            assert_eq!(bytes(&with(&[text.as_bytes()]), &NAME).unwrap(), Some(number), "{text}");
        }
        for text in ["", "-1", "+1", "1.0", "0x10", "1 2", "1,1", "\u{661}"] {
            assert!(bytes(&with(&[text.as_bytes()]), &NAME).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_comes_once() {
        assert!(single(&with(&[b"1", b"1"]), &NAME).is_err());
        assert!(single(&with(&[b"\xff"]), &NAME).is_err());
    }
}
