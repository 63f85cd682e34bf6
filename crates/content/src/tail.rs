//! Tails: bytes of an open upload behind its last block, durable as small immutable objects until the
//! block is complete. An object `tails/<2 hex>/<upload>.<epoch>-<end>` is written once, named by the
//! checkpoint after it, and deleted after the checkpoint that no longer names it. The digits are the last
//! of the upload's id, which are random: a directory for each upload would be left empty for ever.

use crate::{budget::Buffer, store::Inner};
use bytes::Bytes;
use catalog::TailPiece;
use futures::{StreamExt, TryStreamExt, stream};
use model::{ByteRange, Error, ErrorKind, Result, Sha256, UploadId};
use objects::{MAX_LIST, ObjectName, ObjectStore, Put};

/// Pieces of one tail; instead of more, the whole is written anew as one.
const MAX_PIECES: usize = 8;

/// Pieces that are read at once.
const READS: usize = 4;

/// The bytes behind the last block, and where they begin.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    pub(crate) start: u64,
    pub(crate) bytes: Bytes,
}

/// What makes `tail` durable when `stored` is: the pieces it then consists of, and the last of them, if
/// it has yet to be put.
pub(crate) fn plan(
    upload: UploadId,
    epoch: u64,
    stored: &[TailPiece],
    tail: &Tail,
) -> Result<(Vec<TailPiece>, Option<Put>)> {
    let end = tail.start + tail.bytes.len() as u64;
    let of_this_block = stored.first().is_some_and(|first| first.range.start == tail.start)
        && stored.last().is_some_and(|last| last.range.end <= end);
    let done = stored.last().map_or(tail.start, |last| last.range.end);
    if of_this_block && done == end {
        return Ok((stored.to_vec(), None));
    }
    let (mut pieces, from) = if of_this_block && stored.len() < MAX_PIECES {
        (stored.to_vec(), done)
    } else {
        (Vec::new(), tail.start)
    };
    let new = usize::try_from(from - tail.start).unwrap_or(usize::MAX);
    let bytes = tail.bytes.slice(new..);
    let name = ObjectName::new(format!("{}{epoch}-{end}", prefix(upload)))?;
    pieces.push(TailPiece {
        object: name.to_string(),
        range: ByteRange::new(from, end),
        sha256: Sha256::of(&bytes),
    });
    Ok((pieces, Some(Put::new(name, bytes))))
}

/// Reads the tail from `start` to `end` into `buffer`, every piece verified.
///
/// # Errors
/// `Damaged` where a piece is missing, or not what was stored.
pub(crate) async fn read(
    store: &Inner,
    pieces: &[TailPiece],
    start: u64,
    end: u64,
    buffer: &mut Buffer,
) -> Result<()> {
    let damaged = || {
        let message = "bytes of this upload that were stored are damaged; start the upload anew";
        Error::new(ErrorKind::Damaged, message)
    };
    let contiguous = pieces
        .iter()
        .try_fold(start, |at, piece| (piece.range.start == at).then_some(piece.range.end));
    if contiguous != Some(end) {
        return Err(Error::internal("an upload's tail has a gap"));
    }
    let mut reads = stream::iter(pieces.to_vec())
        .map(|piece| async move {
            let name = ObjectName::new(piece.object)?;
            let bytes = match store.objects.get(&name, None).await {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(damaged()),
                Err(error) => return Err(error),
            };
            let (kept, expected) = (bytes.clone(), piece.sha256);
            let found = store.cpu.run(move || Sha256::of(&kept)).await?;
            if found == expected { Ok(bytes) } else { Err(damaged()) }
        })
        .buffered(READS);
    while let Some(bytes) = reads.try_next().await? {
        buffer.extend(&bytes);
    }
    Ok(())
}

/// Deletes pieces that no checkpoint names any more. What a failure leaves is deleted with the upload.
pub(crate) async fn discard(objects: &dyn ObjectStore, pieces: &[TailPiece]) -> Result<()> {
    if pieces.is_empty() {
        return Ok(());
    }
    let names: Vec<_> =
        pieces.iter().map(|piece| ObjectName::new(piece.object.as_str())).collect::<Result<_>>()?;
    objects.delete_all(&names).await
}

/// Deletes all tails of an upload that has ended.
pub(crate) async fn discard_all(objects: &dyn ObjectStore, upload: UploadId) -> Result<()> {
    let prefix = prefix(upload);
    let mut cursor = None;
    loop {
        let page = objects.list(&prefix, cursor, MAX_LIST).await?;
        let names: Vec<_> = page.objects.into_iter().map(|object| object.name).collect();
        if !names.is_empty() {
            objects.delete_all(&names).await?;
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

fn prefix(upload: UploadId) -> String {
    let id = upload.to_string();
    let shard = id.get(id.len().saturating_sub(2)..).unwrap_or_default();
    format!("tails/{shard}/{id}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    fn plan_of(
        stored: &[TailPiece],
        start: u64,
        bytes: &'static [u8],
    ) -> (Vec<TailPiece>, Option<Put>) {
        let upload = UploadId::new(Timestamp::UNIX_EPOCH);
        plan(upload, 3, stored, &Tail { start, bytes: Bytes::from_static(bytes) }).unwrap()
    }

    #[test]
    fn only_what_is_new_is_written() {
        let (first, put) = plan_of(&[], 100, b"abc");
        assert_eq!(put.unwrap().bytes[..], *b"abc");
        let (second, put) = plan_of(&first, 100, b"abcde");
        let put = put.unwrap();
        assert!(put.name.as_str().ends_with(".3-105"), "{}", put.name);
        assert_eq!(put.bytes[..], *b"de");
        assert_eq!(second[0], first[0]);
        assert_eq!(second[1].range, ByteRange::new(103, 105));
        assert_eq!(plan_of(&second, 100, b"abcde"), (second.clone(), None));
    }

    #[test]
    fn a_boundary_in_between_starts_anew() {
        let (first, _) = plan_of(&[], 100, b"abc");
        let (second, put) = plan_of(&first, 102, b"cdef");
        assert_eq!(put.unwrap().bytes[..], *b"cdef");
        assert_eq!(second.len(), 1);
    }

    #[test]
    fn many_pieces_become_one() {
        let bytes: &'static [u8] = &[7; MAX_PIECES + 1];
        let mut pieces = Vec::new();
        for len in 1..=MAX_PIECES {
            pieces = plan_of(&pieces, 0, &bytes[..len]).0;
            assert_eq!(pieces.len(), len);
        }
        let (pieces, put) = plan_of(&pieces, 0, bytes);
        assert_eq!(put.unwrap().bytes.len(), MAX_PIECES + 1);
        assert_eq!(pieces.len(), 1);
    }
}
