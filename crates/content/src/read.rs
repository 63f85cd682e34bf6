//! Reading a content: small ranges into memory, long ones as a stream whose blocks are fetched ahead.

use crate::fetch::Fetch;
use bytes::Bytes;
use catalog::{BlockEntry, FileVersion, Scope};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use model::{ByteRange, ContentId, Error, ErrorKind, Result};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio_util::task::AbortOnDropHandle;

/// Blocks that a stream has under way at once, if there is memory.
const LOOK_AHEAD: usize = 4;

/// Bytes that are given out at once where there is none: what a client that pauses then holds.
const PIECE: u64 = 128 << 10;

/// The longest range that is read into memory.
const MAX_READ: u64 = 64 << 20;

/// Blocks in order, each with the offset of its first byte.
type Listed = Vec<(u64, BlockEntry)>;

/// The bytes of one content. Cheap to clone; holds nothing until it is read, and then the part of its
/// block list that it was in last, which never changes.
#[derive(Debug, Clone)]
pub struct Reader {
    fetch: Fetch,
    content: ContentId,
    scope: Scope,
    len: u64,
    /// Clones have one.
    last: Arc<Mutex<Arc<Listed>>>,
}

impl Reader {
    pub(crate) fn new(fetch: Fetch, version: &FileVersion) -> Self {
        Self {
            fetch,
            content: version.content,
            scope: version.scope.clone(),
            len: version.size,
            last: Arc::default(),
        }
    }

    /// Length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is a file's size")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The bytes of `range`, which ends at the content's end at the latest. For readers that jump about:
    /// blocks are kept for a while.
    ///
    /// # Errors
    /// `RangeNotSatisfiable` where the range begins behind the last byte; `TooLarge` for more than 64
    /// MiB; `Damaged` where a block is not what was stored; `Gone` where the file was deleted.
    pub async fn read(&self, range: ByteRange) -> Result<Bytes> {
        let range = self.within(range)?;
        if range.len() > MAX_READ {
            let message = "at most 64 MiB are read at once; ask for one part after the other";
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let mut listed = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let page = self.page(ByteRange::new(at, range.end)).await?;
            at = page.last().map_or(range.end, |(start, block)| start + u64::from(block.len));
            listed.extend(page);
        }
        let mut parts: Vec<Bytes> = stream::iter(listed)
            .map(|(start, block)| async move {
                let bytes = self.fetch.recent(&self.scope, block).await?;
                Ok::<_, Error>(part(&bytes, start, range))
            })
            .buffered(LOOK_AHEAD)
            .try_collect()
            .await?;
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => parts.concat().into(),
        })
    }

    /// The bytes of `range` in order, in pieces of up to a block, as fast as they are taken: a few
    /// blocks are fetched and verified ahead. Where others hold all the memory for reads, it goes on in
    /// small pieces that hold none. Ends after the first error.
    ///
    /// # Errors
    /// Of the call: `RangeNotSatisfiable`, as [`Self::read`]. Of the stream: as there, the other kinds,
    /// and `Busy` where too many read at once.
    pub fn stream(
        &self,
        range: ByteRange,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let range = self.within(range)?;
        let ahead = Ahead {
            reader: self.clone(),
            range,
            at: range.start,
            listed: VecDeque::new(),
            under_way: VecDeque::new(),
        };
        Ok(stream::unfold(Some(ahead), |ahead| async {
            let mut ahead = ahead?;
            match ahead.next().await {
                Ok(bytes) => bytes.map(|bytes| (Ok(bytes), Some(ahead))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    /// `range` cut to the content.
    fn within(&self, range: ByteRange) -> Result<ByteRange> {
        if range.start > self.len || (range.start == self.len && !range.is_empty()) {
            return Err(Error::new(
                ErrorKind::RangeNotSatisfiable,
                format!("this file has {} bytes; the range begins behind them", self.len),
            ));
        }
        Ok(ByteRange::new(range.start, range.end.min(self.len)))
    }

    /// The first blocks of `range`, which is within the content and not empty; at least one.
    async fn page(&self, range: ByteRange) -> Result<Listed> {
        let last = Arc::clone(&*self.last());
        if let Some(found) = first_blocks(&last, range) {
            return Ok(found);
        }
        // To the end: what is read next is then found without asking.
        let rest = ByteRange::new(range.start, self.len);
        let page = Arc::new(self.fetch.catalog().content_blocks(self.content, rest).await?);
        let found = first_blocks(&page, range).ok_or_else(|| {
            Error::new(ErrorKind::Gone, "this file was deleted while it was read")
        })?;
        *self.last() = page;
        Ok(found)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Arc<Listed>> {
        // It is replaced as a whole, whatever a panicking reader did.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The blocks of `listed` that hold bytes of `range`, if its first byte is among them.
fn first_blocks(listed: &Listed, range: ByteRange) -> Option<Listed> {
    let end = |(start, block): &(u64, BlockEntry)| start + u64::from(block.len);
    let from = listed.partition_point(|block| end(block) <= range.start);
    let to = listed.partition_point(|(start, _)| *start < range.end);
    let found = listed.get(from..to)?;
    (found.first()?.0 <= range.start).then(|| found.to_vec())
}

/// What `range` has of a block that begins at `start`.
fn part(block: &Bytes, start: u64, range: ByteRange) -> Bytes {
    let whole = ByteRange::at(start, block.len() as u64);
    match whole.overlap(&range) {
        Some(part) => {
            let index = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX);
            block.slice(index(part.start)..index(part.end))
        }
        None => Bytes::new(),
    }
}

/// A stream's state.
struct Ahead {
    reader: Reader,
    /// What is still to be given out; what is under way or listed may begin before it.
    range: ByteRange,
    /// Where the next page of blocks begins.
    at: u64,
    listed: VecDeque<(u64, BlockEntry)>,
    under_way: VecDeque<(u64, AbortOnDropHandle<Result<Bytes>>)>,
}

impl Ahead {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        self.look_ahead().await?;
        if let Some((start, block)) = self.under_way.pop_front() {
            let block = block.await.map_err(|error| {
                Error::with_source(ErrorKind::Internal, "the reading of a block was lost", error)
            })??;
            return Ok(Some(part(&block, start, self.range)));
        }
        match self.listed.front() {
            Some(&(start, block)) => self.piece(start, block).await.map(Some),
            None => Ok(None),
        }
    }

    /// Begins to fetch the next blocks, as long as there is memory for them at once.
    async fn look_ahead(&mut self) -> Result<()> {
        while self.under_way.len() < LOOK_AHEAD {
            if self.listed.is_empty() && self.at < self.range.end {
                let page = self.reader.page(ByteRange::new(self.at, self.range.end)).await?;
                self.at = page
                    .last()
                    .map_or(self.range.end, |(start, block)| start + u64::from(block.len));
                self.listed.extend(page);
            }
            let Some(&(start, block)) = self.listed.front() else { break };
            let Some(memory) = self.reader.fetch.memory_at_once(block) else { break };
            self.listed.pop_front();
            let Reader { fetch, scope, .. } = self.reader.clone();
            let whole = ByteRange::at(start, block.len.into());
            let in_part = whole.overlap(&self.range) != Some(whole);
            let task = async move { fetch.counted(&scope, block, in_part, memory).await };
            self.under_way.push_back((start, AbortOnDropHandle::new(tokio::spawn(task))));
        }
        Ok(())
    }

    /// The next few bytes of the block that comes next, which begins at `start`.
    async fn piece(&mut self, start: u64, block: BlockEntry) -> Result<Bytes> {
        let end = start + u64::from(block.len);
        let from = self.range.start.max(start);
        let to = end.min(self.range.end).min(from + PIECE);
        let index = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX);
        let Reader { fetch, scope, .. } = &self.reader;
        let piece = fetch.copied(scope, block, index(from)..index(to)).await?;
        self.range.start = to;
        if to == end.min(self.range.end) {
            self.listed.pop_front();
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Sha256;

    /// Three blocks of 10 bytes, from `start` on.
    fn listed(start: u64) -> Listed {
        let block = |n: u64| BlockEntry { hash: Sha256::of(&n.to_be_bytes()), len: 10 };
        (0..3).map(|n| (start + 10 * n, block(n))).collect()
    }

    #[test]
    fn of_a_kept_list_those_are_taken_that_a_range_touches_if_it_begins_among_them() {
        for (range, starts) in [
            (0..5, None),
            (95..105, None),
            (100..101, Some(vec![100])),
            (109..110, Some(vec![100])),
            (109..111, Some(vec![100, 110])),
            (110..120, Some(vec![110])),
            // The last block, and on over the end of the list: a next look finds the rest.
            (129..130, Some(vec![120])),
            (115..1000, Some(vec![110, 120])),
            (130..140, None),
            (500..501, None),
        ] {
            let range = ByteRange::new(range.start, range.end);
            let found = first_blocks(&listed(100), range);
            let found = found.map(|found| found.iter().map(|(start, _)| *start).collect());
            assert_eq!(found, starts, "{range:?}");
        }
        assert_eq!(first_blocks(&Vec::new(), ByteRange::new(0, 1)), None);
    }
}
