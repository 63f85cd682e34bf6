//! The first stage of an append: takes the body's bytes into buffers, finds the boundaries in them, and
//! hands full buffers on as [`Piece`]s.
//!
//! The body is asked for bytes only once there is a buffer for them, so that an upload which waits for
//! memory holds none. Only one that has been idle is asked without, since it may stay so: then a frame
//! waits with it.
//!
//! A piece normally ends at a boundary, so that no byte is copied twice. One that does not has a tail:
//! bytes behind its last boundary that are made durable as they are. That happens at the end of a
//! request, and when an upload has to give its memory back: because it has been idle, or because a
//! second has passed while others wait. When bytes come again, the tail is read back in front of them.
//!
//! The boundary search runs here and not on a thread of its own: a frame of a socket takes it a tenth of
//! a millisecond, and the frame is in the cache.

use crate::{
    append::{BoxError, Context, Ended},
    budget::Buffer,
    settle::Settled,
    tail,
};
use bytes::Bytes;
use chunking::Chunker;
use futures::{Stream, StreamExt};
use model::{Error, ErrorKind, Result};
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// Bytes that were received are on their way to being durable after so long at the latest; and an upload
/// that gets none for so long gives its memory back.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same for one that gets no bytes while others wait for memory.
const PATIENCE_TIGHT: Duration = Duration::from_millis(50);

/// Told to stop, an append goes on for so long at most with what has arrived, and until so long nothing
/// comes: a client that asks where its upload stands before its bytes are through would lose them again
/// and again.
const LAST_CALL: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_millis(20);

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(50);

/// Most blocks of a piece; two pieces make a group at least.
const MAX_BLOCKS: usize = catalog::MAX_GROUP / 2;

/// Pieces of one upload that may be between being filled and being durable: with the default profile 50
/// to 96 MiB, so that slow storage is given large groups. The default budget has a few more.
pub(crate) const MAX_IN_FLIGHT: usize = 12;

/// A request's body.
pub(crate) type Body = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// A filled buffer: blocks, and perhaps a tail.
pub(crate) struct Piece {
    /// Whole blocks, and what came behind them.
    pub(crate) bytes: Bytes,
    /// The upload's offset of the first byte.
    pub(crate) start: u64,
    /// How many of the first bytes the whole file's hash has seen: a tail that was read back.
    pub(crate) hashed: usize,
    /// Where the blocks end.
    pub(crate) ends: Vec<usize>,
    /// Whether what is behind the last block is to be made durable.
    pub(crate) tail: bool,
    /// The piece's place among those in flight.
    pub(crate) place: OwnedSemaphorePermit,
}

impl Piece {
    /// End of the last block.
    pub(crate) fn cut(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// How many bytes are durable once the piece is.
    pub(crate) fn kept(&self) -> usize {
        if self.tail { self.bytes.len() } else { self.cut() }
    }
}

/// A buffer being filled. Its first byte stands at a boundary.
struct Filling {
    buffer: Buffer,
    start: u64,
    ends: Vec<usize>,
    place: OwnedSemaphorePermit,
}

/// Whether the stage goes on.
#[derive(PartialEq)]
enum Go {
    On,
    /// The append was told to stop.
    Stop,
    /// No memory came free in time.
    NoMemory,
    /// A later stage has ended; its error says why.
    Lost,
}

pub(crate) struct Receive {
    context: Arc<Context>,
    stop: CancellationToken,
    out: mpsc::Sender<Piece>,
    settled: watch::Receiver<Settled>,
    places: Arc<Semaphore>,
    chunker: Chunker,
    filling: Option<Filling>,
    /// The upload's length where it is known, and the most it may become where it is not.
    length: Option<u64>,
    most: u64,
    /// Bytes of the upload that were received, those of earlier requests included.
    offset: u64,
    /// Offset of the last boundary.
    boundary: u64,
    /// Bytes of the upload that are durable or on their way there.
    handed: u64,
    /// Since when there are others.
    unsaved: Option<Instant>,
    /// When bytes last came, or were first asked for.
    newest: Instant,
    /// Whether the memory was given back for want of bytes.
    idle: bool,
}

impl Receive {
    pub(crate) fn new(
        context: Arc<Context>,
        stop: CancellationToken,
        out: mpsc::Sender<Piece>,
        settled: watch::Receiver<Settled>,
        length: Option<u64>,
        limit: u64,
    ) -> Self {
        let (offset, boundary) = {
            let settled = settled.borrow();
            let boundary = settled.tail.first().map_or(settled.offset, |first| first.range.start);
            (settled.offset, boundary)
        };
        Self {
            chunker: Chunker::new(context.store.profile),
            context,
            stop,
            out,
            settled,
            places: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            filling: None,
            length,
            most: length.unwrap_or(limit),
            offset,
            boundary,
            handed: offset,
            unsaved: None,
            newest: Instant::now(),
            idle: false,
        }
    }

    /// Takes the body until it, or the upload, ends. With `closes`, the body's end is the upload's.
    /// `Ok(None)`: a later stage has ended with an error.
    pub(crate) async fn run(mut self, mut body: Body, closes: bool) -> Result<Option<Ended<()>>> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.stop.clone();
        // Once it is told to stop: when it does at the latest.
        let mut last_call = None;
        let ended = loop {
            if self.length == Some(self.offset) {
                break Ended::Complete(());
            }
            if last_call.is_some_and(|end| Instant::now() >= end) {
                break Ended::Stopped;
            }
            let go = if self.filling.is_none() && !self.idle {
                self.begin().await?
            } else {
                tokio::select! {
                    biased;
                    () = stop.cancelled(), if last_call.is_none() => {
                        last_call = Some(Instant::now() + LAST_CALL);
                        Go::On
                    }
                    frame = body.next() => match frame {
                        Some(Ok(frame)) if self.exceeds(&frame) => {
                            let fits = usize::try_from(self.most - self.offset).unwrap_or(usize::MAX);
                            match self.take(&frame[..fits]).await? {
                                Go::On => break Ended::TooLong,
                                other => other,
                            }
                        }
                        Some(Ok(frame)) => self.take(&frame).await?,
                        Some(Err(error)) => break Ended::BodyFailed(error),
                        None if closes => break Ended::Complete(()),
                        None => break Ended::BodyEnded,
                    },
                    () = tokio::time::sleep(LAST_PAUSE), if last_call.is_some() => Go::Stop,
                    _ = ticks.tick(), if self.filling.is_some() => self.look_at_the_time().await?,
                }
            };
            match go {
                Go::On => {}
                Go::Stop => break Ended::Stopped,
                Go::NoMemory => break Ended::NoMemory,
                Go::Lost => return Ok(None),
            }
        };
        let closed = matches!(ended, Ended::Complete(())) || self.length == Some(self.offset);
        match self.close(closed).await? {
            Go::On => {}
            Go::Stop => return Ok(Some(Ended::Stopped)),
            Go::NoMemory => return Ok(Some(Ended::NoMemory)),
            Go::Lost => return Ok(None),
        }
        let Ended::Complete(()) = ended else { return Ok(Some(ended)) };
        // Whoever sends more than announced is told so, without waiting for it.
        let more = async {
            while let Some(Ok(frame)) = body.next().await {
                if !frame.is_empty() {
                    return true;
                }
            }
            false
        };
        match tokio::time::timeout(PATIENCE, more).await {
            Ok(true) => Ok(Some(Ended::TooLong)),
            _ => Ok(Some(ended)),
        }
    }

    fn exceeds(&self, frame: &Bytes) -> bool {
        frame.len() as u64 > self.most - self.offset
    }

    /// Takes the body's next bytes.
    async fn take(&mut self, mut frame: &[u8]) -> Result<Go> {
        let max = self.context.store.profile.max() as usize;
        while !frame.is_empty() {
            let Some(filling) = &mut self.filling else {
                match self.begin().await? {
                    Go::On => continue,
                    other => return Ok(other),
                }
            };
            let next = &frame[..frame.len().min(filling.buffer.room())];
            let boundary = self.chunker.next_boundary(next);
            let taken = boundary.unwrap_or(next.len());
            filling.buffer.extend(&next[..taken]);
            frame = &frame[taken..];
            self.offset += taken as u64;
            (self.newest, self.idle) = (Instant::now(), false);
            self.unsaved.get_or_insert(self.newest);
            if boundary.is_some() {
                self.boundary = self.offset;
                filling.ends.push(filling.buffer.len());
                let full = filling.buffer.room() < max || filling.ends.len() == MAX_BLOCKS;
                if full && self.hand_on(false, false).await? != Go::On {
                    return Ok(Go::Lost);
                }
            }
        }
        Ok(Go::On)
    }

    /// Takes a new buffer, with the bytes since the last boundary in it. Waits for it unless the append
    /// is told to stop.
    async fn begin(&mut self) -> Result<Go> {
        let (place, mut buffer) = match self.room_at_once() {
            Some(room) => room,
            None => tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(Go::Stop),
                room = self.room() => match room? {
                    Some(room) => room,
                    None => return Ok(Go::NoMemory),
                },
            },
        };
        self.newest = Instant::now();
        let mut ends = Vec::new();
        let start = self.boundary;
        if start < self.offset {
            let durable = |settled: &Settled| settled.offset >= self.offset;
            let Some(pieces) =
                self.settled.wait_for(durable).await.ok().map(|now| now.tail.clone())
            else {
                return Ok(Go::Lost);
            };
            tail::read(&self.context.store, &pieces, start, self.offset, &mut buffer).await?;
            self.chunker = Chunker::new(self.context.store.profile);
            // The bytes had no boundary when they were stored. Where they have one now, the profile
            // has changed since; it stays unused, so that the durable offset need not go back.
            let mut rest = buffer.bytes();
            while let Some(n) = self.chunker.next_boundary(rest) {
                rest = &rest[n..];
            }
            if buffer.room() < self.context.store.profile.max() as usize {
                // Only after such a change, too: the rest of the block might not fit.
                ends.push(buffer.len());
                self.boundary = self.offset;
                self.chunker = Chunker::new(self.context.store.profile);
            }
        }
        let whole = !ends.is_empty();
        self.filling = Some(Filling { buffer, start, ends, place });
        if whole { self.hand_on(false, false).await } else { Ok(Go::On) }
    }

    /// A place among the pieces in flight and a buffer; `None` where none came free in time.
    async fn room(&self) -> Result<Option<(OwnedSemaphorePermit, Buffer)>> {
        // The place first: who waits for one holds no memory.
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|closed| {
            Error::with_source(ErrorKind::Internal, "the places of an append are closed", closed)
        })?;
        let Context { store, .. } = &*self.context;
        match tokio::time::timeout(store.patience, store.budget.take()).await {
            Ok(buffer) => Ok(Some((place, buffer?))),
            Err(_) => Ok(None),
        }
    }

    /// The same without waiting.
    fn room_at_once(&self) -> Option<(OwnedSemaphorePermit, Buffer)> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some((place, self.context.store.budget.try_take()?))
    }

    /// Hands the buffer on. The bytes behind its last boundary go on in a new buffer, if `go_on` and
    /// there is memory at once; otherwise, or with `save`, they are made durable as a tail.
    async fn hand_on(&mut self, save: bool, go_on: bool) -> Result<Go> {
        let Some(Filling { buffer, start, ends, place }) = self.filling.take() else {
            return Ok(Go::On);
        };
        if self.offset == self.handed && ends.is_empty() {
            return Ok(Go::On);
        }
        let behind = &buffer.bytes()[ends.last().copied().unwrap_or(0)..];
        let tail = if behind.is_empty() {
            false
        } else {
            self.filling = if go_on { self.carry(behind) } else { None };
            save || self.filling.is_none()
        };
        let hashed = usize::try_from(self.handed - start).unwrap_or(usize::MAX);
        let piece = Piece { bytes: buffer.freeze(), start, hashed, ends, tail, place };
        self.handed = start + piece.kept() as u64;
        self.unsaved = (self.offset > self.handed).then(Instant::now);
        Ok(if self.out.send(piece).await.is_ok() { Go::On } else { Go::Lost })
    }

    /// A new buffer with `behind` in it, if there is memory at once.
    fn carry(&self, behind: &[u8]) -> Option<Filling> {
        let (place, mut buffer) = self.room_at_once()?;
        buffer.extend(behind);
        Some(Filling { buffer, start: self.boundary, ends: Vec::new(), place })
    }

    /// Gives memory back that is not made use of, and sees to it that what has come becomes durable.
    async fn look_at_the_time(&mut self) -> Result<Go> {
        let tight = self.context.store.budget.is_tight();
        let patience = if tight { PATIENCE_TIGHT } else { PATIENCE };
        if self.newest.elapsed() >= patience {
            self.idle = true;
            return self.hand_on(true, false).await;
        }
        if self.unsaved.is_some_and(|since| since.elapsed() >= PATIENCE) {
            let no_block = self.filling.as_ref().is_some_and(|filling| filling.ends.is_empty());
            return self.hand_on(no_block, !tight).await;
        }
        Ok(Go::On)
    }

    /// Hands on what is left at the end of the request; `closed` if it is the end of the upload, too.
    async fn close(&mut self, closed: bool) -> Result<Go> {
        if !closed {
            return self.hand_on(true, false).await;
        }
        if self.boundary < self.offset && self.filling.is_none() {
            match self.begin().await? {
                Go::On => {}
                other => return Ok(other),
            }
        }
        // The end of the stream is a boundary.
        if let Some(filling) = &mut self.filling
            && self.boundary < self.offset
        {
            filling.ends.push(filling.buffer.len());
            self.boundary = self.offset;
        }
        self.hand_on(false, false).await
    }
}
