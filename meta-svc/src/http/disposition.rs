//! `Content-Disposition` with a file's own name (RFC 6266, 8187).

use axum::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 8187's attr-char is all that stands as it is.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// `attachment`: to be saved under `name`.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    disposition("attachment", name)
}

/// `inline`: to be shown in place and, where it is saved, under `name`.
pub(crate) fn inline(name: &str) -> HeaderValue {
    disposition("inline", name)
}

/// The name stands for every client in ASCII, and in full for those that read `filename*`.
fn disposition(kind: &str, name: &str) -> HeaderValue {
    let plain = |c: char| match c {
        // A quote or backslash would have to be escaped, which not all clients undo; a percent sign is
        // decoded by some that should not.
        '"' | '\\' | '%' | '/' => '_',
        ' '..='~' => c,
        _ => '_',
    };
    let ascii: String = name.chars().map(plain).collect();
    let full = utf8_percent_encode(name, ATTR_CHAR);
    let extended = if ascii == name { String::new() } else { format!("; filename*=UTF-8''{full}") };
    #[expect(clippy::expect_used, reason = "both forms are made of visible ASCII and spaces")]
    HeaderValue::try_from(format!("{kind}; filename=\"{ascii}\"{extended}")).expect("ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_arrives_whatever_it_is_made_of() {
        for (name, value) in [
            ("clip.mp4", r#"attachment; filename="clip.mp4""#),
            ("my clip (1).mp4", r#"attachment; filename="my clip (1).mp4""#),
            (
                "naïve \"€\".txt",
                r#"attachment; filename="na_ve ___.txt"; filename*=UTF-8''na%C3%AFve%20%22%E2%82%AC%22.txt"#,
            ),
            ("50%.txt", r#"attachment; filename="50_.txt"; filename*=UTF-8''50%25.txt"#),
            (
                "a\r\nSet-Cookie: b",
                r#"attachment; filename="a__Set-Cookie: b"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b"#,
            ),
        ] {
            assert_eq!(attachment(name), value, "{name}");
            assert_eq!(inline(name), value.replacen("attachment", "inline", 1), "{name}");
        }
    }
}
