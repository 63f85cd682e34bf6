//! `Upload-Metadata`: comma-separated pairs of a key and a Base64 value.
//!
//! Values may be any bytes; the keys that are understood (`filename`, `filetype`, `relativePath`,
//! `file`) become [`About`], made safe by [`crate::name`]. The header is kept as it was sent for HEAD,
//! and is ASCII, so nothing can be smuggled through the echo.

use crate::{About, name};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{Error, Result};

/// Longest `Upload-Metadata` in bytes; it becomes part of the upload's record.
pub const MAX_METADATA: usize = 8 * 1024;

/// Decoded pairs in the order they came; keys are unique.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    pairs: Vec<(String, Vec<u8>)>,
}

impl Metadata {
    /// Reads a header's value; white space around a comma is allowed, as in every HTTP list.
    ///
    /// # Errors
    /// `Invalid` for an empty or repeated key, a value that is not padded Base64, a character beyond
    /// visible ASCII and space, and for more than [`MAX_METADATA`] bytes.
    pub fn parse(header: &str) -> Result<Self> {
        if header.len() > MAX_METADATA {
            return Err(Error::invalid(format!(
                "Upload-Metadata may have {MAX_METADATA} bytes at most"
            )));
        }
        let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
        for pair in header.split(',') {
            let (key, value) = parse_pair(pair.trim_matches([' ', '\t']))?;
            if pairs.iter().any(|(known, _)| known == key) {
                return Err(Error::invalid(format!("Upload-Metadata has the key {key} twice")));
            }
            pairs.push((key.to_owned(), value));
        }
        Ok(Self { pairs })
    }

    /// The header's value for `pairs`: what a client sends.
    ///
    /// # Errors
    /// As [`Self::parse`]: a key that is empty, repeated or not ASCII without spaces and commas.
    pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<String> {
        let pairs: Vec<_> = pairs
            .into_iter()
            .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
            .collect();
        let header = pairs.join(",");
        Self::parse(&header).map(|_| header)
    }

    /// The bytes under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_slice())
    }

    /// What the keys that are understood say.
    ///
    /// # Errors
    /// `Invalid` where `file` is not an id: a new version must not become another file by a slip.
    pub fn about(&self) -> Result<About> {
        let text = |key| String::from_utf8_lossy(self.get(key).unwrap_or_default()).into_owned();
        // Uppy sends a path that it does not have as the text "null".
        let path = Some(text("relativePath")).filter(|path| path != "null");
        let file = text("file");
        Ok(About {
            name: name::display_name(&text("filename")),
            media_type: name::media_type(&text("filetype")),
            relative_path: path.and_then(|path| name::relative_path(&path)),
            file: if file.is_empty() { None } else { Some(file.parse()?) },
        })
    }
}

/// A key and its value; the value, or the space before it too, may be missing.
fn parse_pair(pair: &str) -> Result<(&str, Vec<u8>)> {
    let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
    if key.is_empty() || !key.bytes().all(|c| c.is_ascii_graphic()) {
        return Err(Error::invalid(
            "Upload-Metadata is a list of `key base64` pairs separated by commas; a key is visible ASCII",
        ));
    }
    match STANDARD.decode(value) {
        Ok(value) => Ok((key, value)),
        Err(_) => {
            Err(Error::invalid(format!("the value of {key} in Upload-Metadata is not Base64")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_specs_example_is_read() {
        let header = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential";
        let metadata = Metadata::parse(header).unwrap();
        assert_eq!(metadata.get("filename"), Some(&b"world_domination_plan.pdf"[..]));
        assert_eq!(metadata.get("is_confidential"), Some(&b""[..]));
        assert_eq!(metadata.get("other"), None);
    }

    #[test]
    fn what_is_not_a_list_of_unique_pairs_is_refused() {
        for bad in [
            "",
            ",",
            "a YQ==,",
            "a YQ==,a YQ==",
            "a YQ==,a",
            "a YQ",
            "a Y Q==",
            "a -_-_",
            "a  YQ==",
            "k\u{e9}y YQ==",
            "a\tYQ==",
            &format!("a {}", "A".repeat(MAX_METADATA)),
        ] {
            assert!(Metadata::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a ", "a YQ==", "a YQ== , b", "A YQ==,a YQ=="] {
            assert!(Metadata::parse(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn names_and_types_are_made_safe() {
        let header = Metadata::encode([
            ("filename", &b"../a\r\nb.mp4"[..]),
            ("filetype", b"Video/MP4; codecs=x"),
            ("relativePath", b"trip/../a.mp4"),
        ]);
        let about = Metadata::parse(&header.unwrap()).unwrap().about().unwrap();
        assert_eq!(about.name, "ab.mp4");
        assert_eq!(about.media_type, "video/mp4");
        assert_eq!(about.relative_path.as_deref(), Some("trip/a.mp4"));
    }

    #[test]
    fn what_uppy_sends_without_a_folder_names_no_path() {
        let header =
            Metadata::encode([("relativePath", &b"null"[..]), ("filename", b"\xff\xfe.mov")]);
        let about = Metadata::parse(&header.unwrap()).unwrap().about().unwrap();
        assert_eq!(about.relative_path, None);
        assert_eq!(about.name, "\u{fffd}\u{fffd}.mov");
        assert_eq!(about.media_type, name::OCTETS);
    }

    #[test]
    fn a_new_version_names_its_file_by_id() {
        let id = "018f3c1e-0000-7000-8000-000000000001";
        let header = Metadata::encode([("file", id.as_bytes())]).unwrap();
        let about = Metadata::parse(&header).unwrap().about().unwrap();
        assert_eq!(about.file.unwrap().to_string(), id);
        let slip = Metadata::encode([("file", &b"018F"[..])]).unwrap();
        assert!(Metadata::parse(&slip).unwrap().about().is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(
            pairs in prop::collection::btree_map("[!-+\\--~]{1,20}", prop::collection::vec(any::<u8>(), 0..60), 1..12)
        ) {
            let header = Metadata::encode(pairs.iter().map(|(key, value)| (key.as_str(), value.as_slice())));
            let metadata = Metadata::parse(&header.unwrap()).unwrap();
            for (key, value) in &pairs {
                prop_assert_eq!(metadata.get(key), Some(value.as_slice()));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(header in "[ ,=a-cA-C0-9+/\\t\u{e9}]{0,60}") {
            if let Ok(metadata) = Metadata::parse(&header) {
                let _ = metadata.about();
            }
        }
    }
}
