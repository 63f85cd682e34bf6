//! Bytes to the disk, a batch at a time.
//!
//! The order is what makes an object whole: all data of a batch is written and brought to the disk, then
//! the names are linked, then the directories are brought to the disk, and only then anybody is told.
//! Within each step several threads wait for the disk at the same time, so that it commits for many at
//! once: measured on ext4, that is what a batch's time depends on.

use super::tree::{Dirty, Tree, directory_of};
use crate::{ObjectName, Outcome, Put, Streamed};
use bytes::Bytes;
use model::{Error, Result};
use rustix::io::Errno;
use std::{
    fs::File,
    io::Write,
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Files of one batch that are open at the same time.
pub(super) const WAVE: usize = 64;
/// Threads of one batch that wait for the disk at the same time.
const LANES: usize = 8;

pub(super) fn all(tree: &Tree, batch: &[Put]) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut dirty = Dirty::new();
    for wave in batch.chunks(WAVE) {
        let mut files = Vec::with_capacity(wave.len());
        for put in wave {
            files.push(start(tree, put, &mut dirty)?);
        }
        in_lanes(&files, |file| file.as_ref().map_or(Ok(()), |file| sync(tree, file)))?;
        for (put, file) in wave.iter().zip(&files) {
            outcomes.push(file.as_ref().map_or(Ok(Outcome::Existed), |f| tree.link(f, &put.name))?);
        }
    }
    settle(tree, dirty)?;
    Ok(outcomes)
}

/// Writes an object's bytes to a file without a name; none if the name is taken already.
fn start(tree: &Tree, put: &Put, dirty: &mut Dirty) -> Result<Option<File>> {
    // Also for one that exists: whoever made it may not have come to its directories yet.
    tree.prepare(&put.name, dirty)?;
    if tree.exists(&put.name)? {
        return Ok(None);
    }
    let mut file = tree.unnamed(&put.name, dirty)?;
    write(tree, &mut file, &put.bytes)?;
    Ok(Some(file))
}

/// An object that is still arriving. Dropping it leaves nothing behind.
pub(super) struct Unlinked {
    name: ObjectName,
    file: File,
    len: u64,
    dirty: Dirty,
}

impl Unlinked {
    pub(super) fn new(tree: &Tree, name: ObjectName) -> Result<Self> {
        let mut dirty = Dirty::new();
        tree.prepare(&name, &mut dirty)?;
        let file = tree.unnamed(&name, &mut dirty)?;
        Ok(Self { name, file, len: 0, dirty })
    }

    pub(super) fn write(mut self, tree: &Tree, pieces: &[Bytes]) -> Result<Self> {
        for piece in pieces {
            write(tree, &mut self.file, piece)?;
            self.len += piece.len() as u64;
        }
        Ok(self)
    }

    pub(super) fn link(self, tree: &Tree) -> Result<Streamed> {
        sync(tree, &self.file)?;
        let outcome = tree.link(&self.file, &self.name)?;
        settle(tree, self.dirty)?;
        Ok(Streamed { outcome, len: self.len })
    }
}

/// Removes objects, and brings it to the disk that they are gone.
pub(super) fn delete_all(tree: &Tree, names: &[ObjectName]) -> Result<()> {
    let mut dirty = Dirty::new();
    for name in names {
        tree.unlink(name)?;
        let directory = directory_of(name);
        // Where there is no directory nothing was removed, by whomever.
        if !dirty.contains(directory) && tree.has_directory(directory)? {
            dirty.insert(directory.to_owned());
        }
    }
    sync_directories(tree, &dirty.into_iter().collect::<Vec<_>>())
}

fn write(tree: &Tree, file: &mut File, bytes: &[u8]) -> Result<()> {
    file.write_all(bytes).map_err(|error| {
        tree.error(Errno::from_io_error(&error).unwrap_or(Errno::IO), "write an object")
    })
}

fn sync(tree: &Tree, file: &File) -> Result<()> {
    rustix::fs::fdatasync(file).map_err(|errno| tree.error(errno, "bring an object to the disk"))
}

/// Brings the directories of a put to the disk, and remembers that they are.
fn settle(tree: &Tree, dirty: Dirty) -> Result<()> {
    let directories: Vec<String> = dirty.into_iter().collect();
    sync_directories(tree, &directories)?;
    tree.remember(directories);
    Ok(())
}

fn sync_directories(tree: &Tree, directories: &[String]) -> Result<()> {
    in_lanes(directories, |directory| tree.sync(directory))
}

/// Does `work` for each item, on a few threads; the first error ends it.
fn in_lanes<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let lane = || -> Result<()> {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            // An error lets the other lanes find nothing more to do.
            work(item).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..LANES.min(items.len())).map(|_| scope.spawn(lane)).collect();
        let own = lane();
        others.into_iter().fold(own, |all, other| {
            let other: Result<(), Error> =
                other.join().unwrap_or_else(|panic| resume_unwind(panic));
            all.and(other)
        })
    })
}
