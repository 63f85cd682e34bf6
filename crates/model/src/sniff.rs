//! Media by its first bytes: what deserves a probe, decided without a parser.
//!
//! A wrong yes costs one probe that refuses the file with a reason; a wrong no leaves a video
//! unplayable. So the signatures are those of the containers that are accepted, and no more.

/// Bytes from a file's start that [`looks_like_media`] wants; fewer are fine for a shorter file.
pub const SNIFF_LEN: usize = 1024;

/// Whether a file that begins with `head` is of a container that a probe may understand: MP4/MOV,
/// Matroska/WebM, MPEG-TS, AVI.
#[must_use]
pub fn looks_like_media(head: &[u8]) -> bool {
    is_iso_bmff(head) || is_ebml(head) || is_mpeg_ts(head) || is_avi(head)
}

/// ISO/IEC 14496-12: a box size, then a type; `QuickTime` files may begin with other boxes than `ftyp`.
fn is_iso_bmff(head: &[u8]) -> bool {
    let Some(kind) = head.get(4..8) else { return false };
    match kind {
        // Pictures share the container (HEIF, AVIF): their brands are not media with a timeline.
        b"ftyp" => !matches!(
            head.get(8..12),
            Some(b"heic" | b"heix" | b"mif1" | b"msf1" | b"avif" | b"avis" | b"crx ")
        ),
        b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" => head[..4] != [0; 4],
        _ => false,
    }
}

/// RFC 8794: the EBML element's id, with a document type of Matroska's.
fn is_ebml(head: &[u8]) -> bool {
    head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3])
        && [&b"matroska"[..], b"webm"]
            .iter()
            .any(|kind| head.windows(kind.len()).take(64).any(|found| found == *kind))
}

/// ISO/IEC 13818-1: a sync byte every 188 bytes (192 with the time code of M2TS before each).
fn is_mpeg_ts(head: &[u8]) -> bool {
    let synced = |first: usize, step: usize| {
        (0..4).all(|packet| head.get(first + packet * step) == Some(&0x47))
    };
    synced(0, 188) || synced(4, 192)
}

/// RIFF with the form type `AVI `.
fn is_avi(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_recognised() {
        assert!(looks_like_media(b"\0\0\0\x20ftypisom"));
        assert!(looks_like_media(b"\0\0\0\x08wide\0\0"));
        assert!(looks_like_media(b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm"));
        assert!(looks_like_media(b"RIFF\0\0\0\0AVI LIST"));
        let mut ts = vec![0; 188 * 4];
        (0..4).for_each(|packet| ts[packet * 188] = 0x47);
        assert!(looks_like_media(&ts));
    }

    #[test]
    fn other_files_are_not() {
        for other in [
            &b""[..],
            b"hello, world",
            b"\0\0\0\x20ftypheic",
            b"\x1a\x45\xdf\xa3 something else",
            b"RIFF\0\0\0\0WAVE",
            b"\x47 and then text",
            b"\0\0\0\0mdat",
        ] {
            assert!(!looks_like_media(other), "{other:?}");
        }
    }
}
