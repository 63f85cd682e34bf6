//! The file name of a `Content-Disposition` (RFC 6266), leniently: what is not understood names nothing.

use percent_encoding::percent_decode_str;

/// The name in `filename*` (RFC 8187, UTF-8 only), or else in `filename`; unsafe as it came.
pub fn filename(header: &str) -> Option<String> {
    let mut plain = None;
    for (key, value) in parameters(header) {
        if key.eq_ignore_ascii_case("filename*") {
            if let Some(name) = extended(&value) {
                return Some(name);
            }
        } else if key.eq_ignore_ascii_case("filename") {
            plain.get_or_insert(value);
        }
    }
    plain
}

/// `UTF-8'language'percent-encoded`.
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, text) = rest.split_once('\'')?;
    let name = percent_decode_str(text).decode_utf8().ok()?;
    charset.eq_ignore_ascii_case("utf-8").then(|| name.into_owned())
}

/// The `key=value` pairs behind the disposition's type; quoted values without their quotes.
fn parameters(header: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = header.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = value(after.trim_start());
        found.push((key.trim(), value));
        rest = next;
    }
    found
}

/// One value and what follows its `;`.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, next) = text.split_once(';').unwrap_or((text, ""));
        return (token.trim_end().to_owned(), next);
    };
    let mut plain = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let next = quoted[at + 1..].split_once(';').map_or("", |(_, next)| next);
                return (plain, next);
            }
            '\\' => plain.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => plain.push(c),
        }
    }
    (plain, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_name_is_found_as_rfc_6266_writes_it() {
        for (header, name) in [
            ("attachment; filename=clip.mp4", Some("clip.mp4")),
            ("attachment; filename=\"a; b.mp4\"; size=3", Some("a; b.mp4")),
            (r#"attachment; filename="a \"b\".mp4""#, Some(r#"a "b".mp4"#)),
            ("attachment; filename=EURO.txt; filename*=UTF-8''%e2%82%ac.txt", Some("€.txt")),
            ("attachment; FileName*=utf-8'de'%c3%bc", Some("ü")),
            ("attachment; filename*=ISO-8859-1''%fc; filename=u", Some("u")),
            ("attachment; filename*=UTF-8''%ff; filename=u", Some("u")),
            ("attachment; filename=\"open", Some("open")),
            ("attachment", None),
            ("filename=x", None),
            ("", None),
        ] {
            assert_eq!(filename(header).as_deref(), name, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_to_its_end(header in any::<String>(), tail in "[;=\"\\\\*' a%]{0,40}") {
            let _ = filename(&format!("{header}{tail}"));
        }
    }
}
