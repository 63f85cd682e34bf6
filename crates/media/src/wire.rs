//! The conversation between parent and child: frames over two pipes.
//!
//! A frame is a tag, a length (32 bits, little endian) and that many bytes: either one message as JSON
//! or raw bytes that belong to the message before. Lengths are checked before anything is allocated,
//! in both directions: neither side can make the other hold more than a bounded amount.

use crate::fault::Fault;
use crate::task::{Outcome, Task};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};

/// Longest message. A probe of a day-long source with a keyframe a second is about 1 MB.
pub const MAX_MESSAGE: u32 = 8 << 20;

/// Most raw bytes that may follow one message, all frames together: a segment in every rung. Ten seconds
/// of the whole ladder at its caps are 13 MB.
pub const MAX_BYTES: u32 = 128 << 20;

/// Longest init segment: its parameter sets and some boxes, under 1 KB in fact.
pub const MAX_INIT: u32 = 64 << 10;

/// Most bytes that a child may ask for at once.
pub const MAX_READ: u32 = 4 << 20;

/// Most raw frames that may follow a message: one a rung.
pub const MAX_PARTS: usize = 16;

const HEADER: usize = 5;
const TAG_MESSAGE: u8 = b'M';
const TAG_BYTES: u8 = b'B';

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// JSON.
    Message,
    /// Raw.
    Bytes,
}

/// What the parent says, first of all. After it only the ranges that were asked for, a raw frame each:
/// a parent that cannot get one ends the child.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// What to do.
    pub task: Task,
    /// The source's length in bytes.
    pub len: u64,
    /// Address space the child may use, in bytes.
    pub memory: u64,
    /// Processor time it may use at first, in seconds.
    pub cpu_seconds: u64,
    /// What the parent may raise that to, in seconds.
    pub most_cpu_seconds: u64,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToParent {
    /// Asks for a range of the source, answered by one raw frame.
    Read {
        /// First byte.
        start: u64,
        /// Number of bytes, at most [`MAX_READ`].
        len: u32,
    },
    /// Work has come to this time in the source, in ticks of 1/90,000 s from zero.
    Progress {
        /// Hostile sources can make it anything.
        at: i64,
    },
    /// The init segments, one raw frame each, before the first segment.
    Inits {
        /// RFC 6381 strings in the same order.
        codecs: Vec<String>,
    },
    /// A segment; `parts` raw frames follow.
    Segment {
        /// Its place in the cuts.
        k: u32,
        /// First presentation time.
        start: u64,
        /// Where the next begins.
        end: u64,
        /// Number of frames.
        frames: u32,
        /// Number of raw frames that follow.
        parts: u32,
    },
    /// A picture; one raw frame follows.
    Poster {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Nothing comes after this.
    Ended(Outcome),
    /// Nothing comes after this.
    Failed(Fault),
}

/// The five bytes before `len` bytes of kind `tag`.
fn header(tag: Tag, len: usize) -> io::Result<[u8; HEADER]> {
    let (byte, limit) = match tag {
        Tag::Message => (TAG_MESSAGE, MAX_MESSAGE),
        Tag::Bytes => (TAG_BYTES, MAX_BYTES),
    };
    let len = u32::try_from(len).ok().filter(|&len| len <= limit);
    let [a, b, c, d] = len.ok_or_else(|| bad("a frame is longer than allowed"))?.to_le_bytes();
    Ok([byte, a, b, c, d])
}

/// Kind and length that a header announces, where at most `most` raw bytes are due.
fn parse(header: [u8; HEADER], most: u32) -> io::Result<(Tag, usize)> {
    let [byte, a, b, c, d] = header;
    let (tag, limit) = match byte {
        TAG_MESSAGE => (Tag::Message, MAX_MESSAGE),
        TAG_BYTES => (Tag::Bytes, most),
        _ => return Err(bad("a frame of no known kind")),
    };
    match u32::from_le_bytes([a, b, c, d]) {
        len if len <= limit => Ok((tag, len as usize)),
        _ => Err(bad("a frame is longer than allowed")),
    }
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// One message as a complete frame.
pub fn message(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(message)?;
    let mut frame = header(Tag::Message, body.len())?.to_vec();
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// The header of a raw frame of `len` bytes.
pub fn bytes_header(len: usize) -> io::Result<[u8; HEADER]> {
    header(Tag::Bytes, len)
}

/// What a message frame's body says.
pub fn decode<T: DeserializeOwned>(frame: &(Tag, Vec<u8>)) -> io::Result<T> {
    match frame {
        (Tag::Message, body) => Ok(serde_json::from_slice(body)?),
        (Tag::Bytes, _) => Err(bad("raw bytes came where a message was due")),
    }
}

/// The bytes of a raw frame.
pub fn raw(frame: (Tag, Vec<u8>)) -> io::Result<Vec<u8>> {
    match frame {
        (Tag::Bytes, body) => Ok(body),
        (Tag::Message, _) => Err(bad("a message came where raw bytes were due")),
    }
}

/// Writes raw bytes as one frame.
pub fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&bytes_header(bytes.len())?)?;
    to.write_all(bytes)
}

/// Reads one frame, blocking. `most` is the most raw bytes that it may hold.
pub fn read(from: &mut impl Read, most: u32) -> io::Result<(Tag, Vec<u8>)> {
    let mut head = [0; HEADER];
    from.read_exact(&mut head)?;
    let (tag, len) = parse(head, most)?;
    let mut body = vec![0; len];
    from.read_exact(&mut body)?;
    Ok((tag, body))
}

/// Reads one frame, waiting. `most` is the most raw bytes that it may hold.
pub async fn receive(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    most: u32,
) -> io::Result<(Tag, Vec<u8>)> {
    use tokio::io::AsyncReadExt as _;
    let mut head = [0; HEADER];
    from.read_exact(&mut head).await?;
    let (tag, len) = parse(head, most)?;
    let mut body = vec![0; len];
    from.read_exact(&mut body).await?;
    Ok((tag, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut pipe = message(&ToParent::Read { start: 5, len: 7 }).unwrap();
        write_bytes(&mut pipe, b"abc").unwrap();
        let mut from = &pipe[..];
        let first = decode(&read(&mut from, 3).unwrap()).unwrap();
        assert!(matches!(first, ToParent::Read { start: 5, len: 7 }));
        assert_eq!(raw(read(&mut from, 3).unwrap()).unwrap(), b"abc");
        assert!(read(&mut from, 3).is_err());
    }

    #[test]
    fn a_length_is_refused_before_it_is_allocated() {
        let mut frame = vec![TAG_BYTES];
        frame.extend_from_slice(&4u32.to_le_bytes());
        assert_eq!(read(&mut &frame[..], 3).unwrap_err().kind(), io::ErrorKind::InvalidData);
        frame[0] = TAG_MESSAGE;
        frame[1..].copy_from_slice(&(MAX_MESSAGE + 1).to_le_bytes());
        assert_eq!(read(&mut &frame[..], 3).unwrap_err().kind(), io::ErrorKind::InvalidData);
        frame[0] = b'?';
        frame[1..].copy_from_slice(&1u32.to_le_bytes());
        assert_eq!(read(&mut &frame[..], 3).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_message_is_not_taken_for_bytes_nor_the_other_way_round() {
        assert!(raw((Tag::Message, vec![])).is_err());
        assert!(decode::<ToParent>(&(Tag::Bytes, b"{}".to_vec())).is_err());
        assert!(decode::<ToParent>(&(Tag::Message, b"{\"No\":1}".to_vec())).is_err());
    }
}
