//! Names that clients send, made safe to show and to offer for a download.
//!
//! Nothing is refused here: a name is a courtesy, and an upload is worth more than its name. Names are
//! never part of a path or a key on our side.

/// Longest name in bytes: what the usual file systems take.
pub const MAX_NAME: usize = 255;

/// Longest relative path in bytes.
pub const MAX_PATH: usize = 1024;

/// The name of an upload that did not say one.
pub const UNTITLED: &str = "untitled";

/// The media type of an upload that did not say one.
pub const OCTETS: &str = "application/octet-stream";

/// Longest ending (`.mp4`) that outlives the shortening of a name, in bytes.
const MAX_ENDING: usize = 32;

/// The last component of `sent`, without control and text-direction characters and without white space
/// at its ends, at most [`MAX_NAME`] bytes (an ending survives); [`UNTITLED`] where nothing is left.
#[must_use]
pub fn display_name(sent: &str) -> String {
    sent.rsplit(['/', '\\']).find_map(component).unwrap_or_else(|| UNTITLED.to_owned())
}

/// The path that a browser sends for a file of an uploaded folder, each component as safe as a name;
/// `None` where nothing is left of it, or where it is too long to be one.
#[must_use]
pub fn relative_path(sent: &str) -> Option<String> {
    let parts: Vec<_> = sent.split(['/', '\\']).filter_map(component).collect();
    let path = parts.join("/");
    (!path.is_empty() && path.len() <= MAX_PATH).then_some(path)
}

/// `sent` in lower case where it is a media type (RFC 9110, 8.3.1) of at most 127 bytes, otherwise
/// [`OCTETS`]. Parameters are dropped: they describe a transfer more often than a file.
#[must_use]
pub fn media_type(sent: &str) -> String {
    let essence = sent.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c))
    };
    match essence.split_once('/') {
        Some((kind, sub)) if essence.len() <= 127 && is_token(kind) && is_token(sub) => {
            essence.to_ascii_lowercase()
        }
        _ => OCTETS.to_owned(),
    }
}

/// One component of a path; `None` for what names nothing (`.`, `..`, white space).
fn component(sent: &str) -> Option<String> {
    let kept: String = sent.chars().filter(|c| !is_unsafe(*c)).collect();
    let name = shorten(kept.trim());
    (!matches!(name.as_str(), "" | "." | "..")).then_some(name)
}

/// Control characters, and those that turn the direction of text so that `gpj.exe` looks like a picture.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// At most [`MAX_NAME`] bytes, cut between characters, before the ending where there is a short one.
fn shorten(name: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |dot| &name[dot..]);
    let ending = if ending.len() <= MAX_ENDING { ending } else { "" };
    let stem = &name[..name.floor_char_boundary(MAX_NAME - ending.len())];
    format!("{}{ending}", stem.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_safe_to_show() {
        for (sent, shown) in [
            ("clip.mp4", "clip.mp4"),
            ("Ferien in Österreich 🏔.mov", "Ferien in Österreich 🏔.mov"),
            ("/etc/passwd", "passwd"),
            ("../../secret", "secret"),
            ("C:\\fakepath\\clip.mp4", "clip.mp4"),
            ("folder/", "folder"),
            (".bashrc", ".bashrc"),
            ("a\r\nSet-Cookie: x=1", "aSet-Cookie: x=1"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("nul\0byte", "nulbyte"),
            ("  padded  ", "padded"),
            ("..", "untitled"),
            ("a/..", "a"),
            ("", "untitled"),
            ("\u{1}\u{2}", "untitled"),
        ] {
            assert_eq!(display_name(sent), shown, "{sent:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = format!("{}.mp4", "ü".repeat(200));
        let shown = display_name(&long);
        assert!(shown.len() <= MAX_NAME && shown.ends_with("ü.mp4"), "{shown}");
        let odd = format!("a.{}", "b".repeat(400));
        assert_eq!(display_name(&odd).len(), MAX_NAME);
    }

    #[test]
    fn a_relative_path_stays_below_its_folder() {
        for (sent, kept) in [
            ("holiday/day 1/clip.mp4", Some("holiday/day 1/clip.mp4")),
            ("../../a//./b", Some("a/b")),
            ("a\\b", Some("a/b")),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(relative_path(sent).as_deref(), kept, "{sent:?}");
        }
        assert_eq!(relative_path(&"a/".repeat(2000)), None);
    }

    #[test]
    fn a_media_type_is_one_or_octets() {
        for (sent, kept) in [
            ("video/mp4", "video/mp4"),
            ("Video/MP4", "video/mp4"),
            ("image/svg+xml; charset=utf-8", "image/svg+xml"),
            ("", OCTETS),
            ("video", OCTETS),
            ("video/", OCTETS),
            ("text/html\r\nx: y", OCTETS),
            ("a/b/c", OCTETS),
        ] {
            assert_eq!(media_type(sent), kept, "{sent:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_safe_one_and_stays_it(sent in any::<String>(), times in 1usize..40) {
            let shown = display_name(&sent.repeat(times));
            prop_assert!(!shown.is_empty() && shown.len() <= MAX_NAME);
            prop_assert!(!shown.chars().any(|c| is_unsafe(c) || matches!(c, '/' | '\\')));
            prop_assert_eq!(display_name(&shown), shown);
        }
    }
}
