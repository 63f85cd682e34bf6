//! Conditional requests (RFC 9110, 13) over strong entity tags.

use axum::http::{HeaderMap, HeaderValue, header};

/// What a client wants to know before it wants bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Proceed,
    /// It has what we have: 304.
    NotModified,
    /// It wants what we do not have (any more): 412.
    Failed,
}

/// The strong entity tag of `text`, which is visible ASCII without quotes: a hash, an id, an object's
/// name.
pub(crate) fn tag(text: &str) -> HeaderValue {
    #[expect(clippy::expect_used, reason = "hashes, ids and object names are visible ASCII")]
    HeaderValue::try_from(format!("\"{text}\"")).expect("visible ASCII")
}

/// If-Match and If-None-Match for a GET or HEAD of the representation `tag`.
pub(crate) fn judge(headers: &HeaderMap, tag: &HeaderValue) -> Verdict {
    if headers.contains_key(header::IF_MATCH) && !lists(headers, &header::IF_MATCH, tag, false) {
        return Verdict::Failed;
    }
    if lists(headers, &header::IF_NONE_MATCH, tag, true) {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Whether a client that has `tag` must be sent a response anew.
pub(crate) fn is_changed(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    judge(headers, tag) != Verdict::NotModified
}

/// Whether the request's ranges are of the representation `tag` (If-Range). A date is not: we give none.
pub(crate) fn range_applies(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|wanted| wanted == tag)
}

/// Whether the lists of tags in the headers `name` have `tag`; `weak`: in the weak comparison.
fn lists(headers: &HeaderMap, name: &header::HeaderName, tag: &HeaderValue, weak: bool) -> bool {
    headers.get_all(name).iter().any(|value| {
        let value = value.as_bytes();
        value.trim_ascii() == b"*"
            || tags(value).any(|listed| {
                let strong =
                    if weak { listed.strip_prefix(b"W/").unwrap_or(listed) } else { listed };
                strong == tag.as_bytes()
            })
    })
}

/// The members of a list of entity tags. A comma may be part of a tag; none of ours has one.
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&c| c == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_client_that_has_it_is_told_so() {
        let ours = tag("abc");
        for (value, verdict) in [
            ("\"abc\"", Verdict::NotModified),
            ("W/\"abc\"", Verdict::NotModified),
            ("\"x\", \"abc\"", Verdict::NotModified),
            ("*", Verdict::NotModified),
            ("\"x\"", Verdict::Proceed),
            ("abc", Verdict::Proceed),
            ("", Verdict::Proceed),
        ] {
            assert_eq!(judge(&of(header::IF_NONE_MATCH, value), &ours), verdict, "{value}");
        }
    }

    #[test]
    fn a_client_that_wants_another_version_is_refused() {
        let ours = tag("abc");
        for (value, verdict) in [
            ("\"abc\"", Verdict::Proceed),
            ("\"x\", \"abc\"", Verdict::Proceed),
            ("*", Verdict::Proceed),
            // The strong comparison: a weak tag promises no bytes.
            ("W/\"abc\"", Verdict::Failed),
            ("\"x\"", Verdict::Failed),
        ] {
            assert_eq!(judge(&of(header::IF_MATCH, value), &ours), verdict, "{value}");
        }
    }

    #[test]
    fn ranges_of_another_version_are_ranges_of_nothing() {
        let ours = tag("abc");
        assert!(range_applies(&HeaderMap::new(), &ours));
        assert!(range_applies(&of(header::IF_RANGE, "\"abc\""), &ours));
        for other in ["\"x\"", "W/\"abc\"", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert!(!range_applies(&of(header::IF_RANGE, other), &ours), "{other}");
        }
    }
}
