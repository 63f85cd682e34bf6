//! Range requests (RFC 9110, 14): what of a representation's bytes a client asks for.

use axum::http::HeaderValue;
use model::ByteRange;

/// The most ranges of one request, before they are joined. More is an attack, or a client that should
/// ask for the whole.
pub(crate) const MAX_RANGES: usize = 32;

/// Ranges with less between them are joined: a part's head is longer.
const MIN_GAP: u64 = 128;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: there is no range, or none that we understand.
    Whole,
    /// These bytes, each range not empty. Overlapping ones were joined.
    Parts(Vec<ByteRange>),
    /// Bytes that are not there, or more ranges than [`MAX_RANGES`].
    Unsatisfiable,
}

/// What the header `Range` asks for of `len` bytes.
pub(crate) fn wanted(range: Option<&HeaderValue>, len: u64) -> Wanted {
    let text = range.and_then(|range| range.to_str().ok());
    // A unit that we do not know, and what is no range, is as if it were not there.
    let Some(text) = text.and_then(|text| text.strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    // Empty members of a list are skipped (5.6.1.2); a list of nothing else is no range.
    let mut specs = text.split(',').map(str::trim).filter(|spec| !spec.is_empty()).peekable();
    if specs.peek().is_none() {
        return Wanted::Whole;
    }
    let mut ranges = Vec::new();
    for (count, spec) in specs.enumerate() {
        if count == MAX_RANGES {
            return Wanted::Unsatisfiable;
        }
        match parse(spec, len) {
            None => return Wanted::Whole,
            Some(range) if range.is_empty() => {}
            Some(range) => ranges.push(range),
        }
    }
    if ranges.is_empty() { Wanted::Unsatisfiable } else { Wanted::Parts(join(ranges)) }
}

/// One range of `len` bytes; empty where none of its bytes is there, `None` for what is no range.
fn parse(spec: &str, len: u64) -> Option<ByteRange> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        return Some(ByteRange::new(len.saturating_sub(number(last)?), len));
    }
    let first = number(first)?;
    let end = match last {
        "" => len,
        last => number(last).filter(|last| *last >= first)?.saturating_add(1).min(len),
    };
    Some(ByteRange::new(first.min(end), end))
}

/// Digits alone; what does not fit 64 bits is beyond every end.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// In the order asked for, unless some overlap or nearly touch: then in order of their place, joined.
fn join(ranges: Vec<ByteRange>) -> Vec<ByteRange> {
    let mut sorted = ranges.clone();
    sorted.sort_by_key(|range| range.start);
    let mut joined: Vec<ByteRange> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(MIN_GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    if joined.len() == ranges.len() { ranges } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str, len: u64) -> Wanted {
        wanted(Some(&HeaderValue::from_str(text).unwrap()), len)
    }

    fn parts(ranges: &[(u64, u64)]) -> Wanted {
        Wanted::Parts(ranges.iter().map(|&(start, end)| ByteRange::new(start, end)).collect())
    }

    #[test]
    fn a_range_is_what_rfc_9110_says() {
        assert_eq!(wanted(None, 10_000), Wanted::Whole);
        let cases = [
            ("bytes=0-499", parts(&[(0, 500)])),
            ("bytes=500-999", parts(&[(500, 1000)])),
            ("bytes=-500", parts(&[(9500, 10_000)])),
            ("bytes=9500-", parts(&[(9500, 10_000)])),
            ("bytes=0-0,-1", parts(&[(0, 1), (9999, 10_000)])),
            ("bytes=9000-20000", parts(&[(9000, 10_000)])),
            ("bytes=-20000", parts(&[(0, 10_000)])),
            ("bytes=0-99999999999999999999999", parts(&[(0, 10_000)])),
            // Joined where they overlap or nearly touch, and only then sorted.
            ("bytes=500-700,601-999", parts(&[(500, 1000)])),
            ("bytes=600-999,500-599", parts(&[(500, 1000)])),
            ("bytes=0-9,20-29", parts(&[(0, 30)])),
            ("bytes=5000-5009, 0-9", parts(&[(5000, 5010), (0, 10)])),
            ("bytes=0-9,99999-", parts(&[(0, 10)])),
            ("bytes=0-9,", parts(&[(0, 10)])),
            ("bytes=, ,0-9", parts(&[(0, 10)])),
            ("bytes=10000-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            // Not ranges: as if there were none.
            ("bytes=5-4", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=,", Wanted::Whole),
            ("lines=0-9", Wanted::Whole),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text, 10_000), expected, "{text}");
        }
    }

    #[test]
    fn nothing_of_nothing_is_satisfiable() {
        for text in ["bytes=0-", "bytes=0-0", "bytes=-5"] {
            assert_eq!(of(text, 0), Wanted::Unsatisfiable, "{text}");
        }
    }

    #[test]
    fn the_number_of_ranges_is_bounded() {
        let many = |count: usize| {
            let specs: Vec<_> = (0..count).map(|i| format!("{0}-{0}", i * 1000)).collect();
            of(&format!("bytes={}", specs.join(",")), 1 << 20)
        };
        assert!(matches!(many(MAX_RANGES), Wanted::Parts(parts) if parts.len() == MAX_RANGES));
        assert_eq!(many(MAX_RANGES + 1), Wanted::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_no_byte_is_sent_twice_and_none_that_is_not_there(
            asked in prop::collection::vec((0u64..2000, 0u64..2000), 1..20),
            len in 0u64..1500,
        ) {
            let specs: Vec<_> = asked.iter().map(|(a, b)| format!("{}-{}", a, a + b)).collect();
            if let Wanted::Parts(parts) = of(&format!("bytes={}", specs.join(",")), len) {
                let mut sorted = parts.clone();
                sorted.sort_by_key(|part| part.start);
                prop_assert!(sorted.iter().all(|part| !part.is_empty() && part.end <= len));
                prop_assert!(sorted.windows(2).all(|pair| pair[0].end <= pair[1].start));
                for (first, more) in asked {
                    let asked = ByteRange::new(first.min(len), (first + more + 1).min(len));
                    let held = |part: &ByteRange| part.start <= asked.start && asked.end <= part.end;
                    prop_assert!(asked.is_empty() || parts.iter().any(held));
                }
            }
        }
    }
}
