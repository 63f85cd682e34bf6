//! Sources that say how many bytes they have, and have fewer: Matroska and AVI say it at their beginning.
//!
//! An MP4's index says it better, for it also says up to what time its bytes are there (`index`); a
//! transport stream says nothing.

use crate::reader::Pipe;

/// Enough for each beginning that is looked at.
const HEAD: usize = 256;

/// Whether the source ends before it says.
pub fn is_short(pipe: &Pipe) -> bool {
    let there = pipe.source_len();
    // What cannot be read fails where it is needed.
    let Ok(head) = pipe.peek(0, HEAD) else { return false };
    ends(&head).is_some_and(|end| end > there)
}

/// Where the source that begins with `head` says that it ends; nothing where it does not say.
fn ends(head: &[u8]) -> Option<u64> {
    if let Some(rest) = head.strip_prefix(b"RIFF") {
        let size = u32::from_le_bytes(*rest.first_chunk()?);
        // Until they are done, recorders leave nothing there, or all that there could be.
        return (1..u32::MAX).contains(&size).then(|| u64::from(size) + 8);
    }
    let ebml = head.strip_prefix(b"\x1a\x45\xdf\xa3")?;
    let (size, length) = number(ebml)?;
    let at = 4 + length + usize::try_from(size?).ok()?;
    let segment = head.get(at..)?.strip_prefix(b"\x18\x53\x80\x67")?;
    let (size, length) = number(segment)?;
    size?.checked_add((at + 4 + length) as u64)
}

/// An element's size and the bytes it takes (RFC 8794, section 4); no size where it is unknown, as in a
/// live stream.
fn number(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let bytes = bytes.get(..length).filter(|_| length <= 8)?;
    let value = bytes.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    let most = (1_u64 << (7 * length)) - 1;
    let value = value & most;
    Some(((value != most).then_some(value), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Matroska file's beginning: `size` is its segment's, as it is written.
    fn matroska(size: &[u8]) -> Vec<u8> {
        [b"\x1a\x45\xdf\xa3\x83abc\x18\x53\x80\x67", size].concat()
    }

    #[test]
    fn a_source_that_says_its_length_is_understood() {
        for (head, end) in [
            // The segment's size begins behind 12 bytes.
            (matroska(&[0x85]), Some(12 + 1 + 5)),
            (matroska(&[0x01, 0, 0, 0, 0, 0, 1, 0]), Some(12 + 8 + 256)),
            (matroska(&[0x01, 255, 255, 255, 255, 255, 255, 255]), None),
            (matroska(&[0xff]), None),
            (matroska(&[]), None),
            (matroska(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), None),
            (b"\x1a\x45\xdf\xa3\x83abcsomething else".to_vec(), None),
            (b"RIFF\x00\x01\x00\x00AVI ".to_vec(), Some(264)),
            (b"RIFF\x00\x00\x00\x00AVI ".to_vec(), None),
            (b"RIFF\xff\xff\xff\xffAVI ".to_vec(), None),
            (b"RIFF\x00".to_vec(), None),
            (b"\x00\x00\x00\x20ftypisom".to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(ends(&head), end, "{head:?}");
        }
    }
}
