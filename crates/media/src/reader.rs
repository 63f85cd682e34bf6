//! The child's end of the pipes: what it reads of the source, and what it says.
//!
//! The source is read in blocks, of which a few are kept, because demuxers go back and forth between
//! tracks. A pipe that breaks is remembered: libav reports an error inside a callback as bad data, so
//! whoever gets an error from libav asks [`Pipe::check`] first.

use crate::fault::{Fault, Result};
use crate::task::Outcome;
use crate::wire::{self, Start, ToParent};
use cmaf::timeline::TIMESCALE;
use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom, Stdin, Stdout, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes asked for at once.
const BLOCK: u64 = 1 << 20;

/// Blocks kept: audio and video of one moment are rarely further apart.
const BLOCKS_KEPT: usize = 16;

/// Both pipes. One thread uses them, but libav's callbacks must own a share.
#[derive(Clone)]
pub struct Pipe(Arc<Mutex<Ends>>);

struct Ends {
    from: Stdin,
    to: Stdout,
    len: u64,
    blocks: VecDeque<(u64, Vec<u8>)>,
    broken: Option<String>,
    parent: Option<rustix::process::Pid>,
    /// The time that was told last, in ticks from zero.
    told: i64,
}

impl Pipe {
    /// Waits for the parent's first message.
    pub fn open() -> io::Result<(Self, Start)> {
        let mut from = io::stdin();
        let start: Start = wire::decode(&wire::read(&mut from, 0)?)?;
        let ends = Ends {
            from,
            to: io::stdout(),
            len: start.len,
            blocks: VecDeque::new(),
            broken: None,
            parent: rustix::process::getppid(),
            told: 0,
        };
        Ok((Self(Arc::new(Mutex::new(ends))), start))
    }

    /// A reader of the whole source, at its beginning.
    pub fn reader(&self) -> Reader {
        Reader { pipe: self.clone(), at: 0 }
    }

    /// Whether the pipe still holds and the parent is still there; a child without one ends.
    pub fn check(&self) -> Result<()> {
        let ends = self.ends();
        match &ends.broken {
            Some(why) => Err(Fault::internal(format!("the pipe to the parent failed: {why}"))),
            None if rustix::process::getppid() != ends.parent => {
                Err(Fault::internal("the parent is gone"))
            }
            None => Ok(()),
        }
    }

    /// The source's bytes from `start`, at most `len` of them.
    pub fn peek(&self, start: u64, len: usize) -> Result<Vec<u8>> {
        let mut reader = Reader { pipe: self.clone(), at: start };
        let mut bytes = Vec::new();
        reader.by_ref().take(len as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Length of the source in bytes.
    pub fn source_len(&self) -> u64 {
        self.ends().len
    }

    /// Says `message`, then each of `parts` as raw bytes.
    pub fn say(&self, message: &ToParent, parts: &[&[u8]]) -> Result<()> {
        let mut ends = self.ends();
        ends.to.write_all(&wire::message(message)?)?;
        for part in parts {
            wire::write_bytes(&mut ends.to, part)?;
        }
        Ok(ends.to.flush()?)
    }

    /// Tells the parent that work has come to `at` (ticks from zero), about once a second of the source.
    /// Work that goes back is told too: it is a sign of life.
    pub fn progress(&self, at: i64) -> Result<()> {
        let mut ends = self.ends();
        if ends.told.abs_diff(at) < u64::from(TIMESCALE) {
            return Ok(());
        }
        ends.told = at;
        ends.to.write_all(&wire::message(&ToParent::Progress { at })?)?;
        Ok(ends.to.flush()?)
    }

    /// The last word.
    pub fn end(&self, result: Result<Outcome>) -> Result<()> {
        match result {
            Ok(outcome) => self.say(&ToParent::Ended(outcome), &[]),
            Err(fault) => self.say(&ToParent::Failed(fault), &[]),
        }
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        // Nothing in here panics half way, so a poisoned lock holds nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    /// Block number `n`, from those kept or from the parent.
    fn block(&mut self, n: u64) -> io::Result<&[u8]> {
        match self.blocks.iter().position(|(kept, _)| *kept == n) {
            Some(0) => {}
            Some(place) => {
                if let Some(block) = self.blocks.remove(place) {
                    self.blocks.push_front(block);
                }
            }
            None => {
                let block =
                    self.fetch(n).inspect_err(|error| self.broken = Some(error.to_string()))?;
                self.blocks.truncate(BLOCKS_KEPT - 1);
                self.blocks.push_front((n, block));
            }
        }
        Ok(self.blocks.front().map_or(&[], |(_, block)| block))
    }

    fn fetch(&mut self, n: u64) -> io::Result<Vec<u8>> {
        let start = n * BLOCK;
        let wanted = BLOCK.min(self.len - start);
        let len = u32::try_from(wanted).map_err(io::Error::other)?;
        self.to.write_all(&wire::message(&ToParent::Read { start, len })?)?;
        self.to.flush()?;
        let block = wire::raw(wire::read(&mut self.from, len)?)?;
        if block.len() as u64 == wanted {
            Ok(block)
        } else {
            Err(io::Error::other("a block has another length than was asked for"))
        }
    }
}

/// The source as libav reads it.
pub struct Reader {
    pipe: Pipe,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut ends = self.pipe.ends();
        if self.at >= ends.len || out.is_empty() {
            return Ok(0);
        }
        let (block, offset) = (self.at / BLOCK, self.at % BLOCK);
        let bytes = ends.block(block)?;
        let bytes = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let len = bytes.len().min(out.len());
        out[..len].copy_from_slice(&bytes[..len]);
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let len = self.pipe.source_len();
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => len.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
