//! Objects as files below a directory, for one machine and any number of processes on it.
//!
//! An object's name is its path. Its bytes are written to a file without a name (`O_TMPFILE`), brought
//! to the disk, and only then linked to the name: so no part of an object is ever seen, of two writers
//! one wins, and whatever a crash leaves behind is forgotten by the file system itself. An answer waits
//! until the directory is on the disk too. Linux with a local file system (ext4, xfs, btrfs, tmpfs).

mod list;
mod put;
mod tree;

use crate::{
    ListPage, MAX_LIST, ObjectInfo, ObjectName, ObjectStore, Outcome, PresignedPut, Put, Streamed,
    store::{check_batch, no_addresses},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use model::{ByteRange, Error, ErrorKind, Result, Sha256};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    task::{JoinError, spawn_blocking},
};
use tree::Tree;

/// Batches that are brought to the disk at the same time. Each opens at most [`put::WAVE`] files.
const BATCHES: usize = 4;
/// Pieces of a stream are written together once they make this many bytes.
const LOT: usize = 1 << 20;

/// The store below one directory.
#[derive(Debug, Clone)]
pub struct FsObjects {
    tree: Arc<Tree>,
    batches: Arc<Semaphore>,
}

impl FsObjects {
    /// Opens the store below `root`, and makes the directory if it is not there.
    ///
    /// # Errors
    /// `Internal` where the directory cannot be made or written to, or its file system cannot keep
    /// objects; `NoSpace`.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let tree = blocking(move || Tree::open(root)).await?;
        Ok(Self { tree: Arc::new(tree), batches: Arc::new(Semaphore::new(BATCHES)) })
    }

    /// Runs `work` where it may wait for the disk. It goes on when the caller leaves.
    async fn on_tree<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let tree = self.tree.clone();
        blocking(move || work(&tree)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work).await.unwrap_or_else(ended)
}

fn ended<T>(panic: JoinError) -> Result<T> {
    Err(Error::with_source(ErrorKind::Internal, "work on the disk ended unexpectedly", panic))
}

#[async_trait]
impl ObjectStore for FsObjects {
    async fn put_all(&self, batch: Vec<Put>) -> Result<Vec<Outcome>> {
        check_batch(&batch)?;
        // In a task of its own: a turn that came to a caller who polls something else just then would be
        // kept and not used, and with all turns kept so, nobody who has to put first ever polls again.
        let this = self.clone();
        let put = tokio::spawn(async move {
            let turn = this.batches.clone().acquire_owned().await;
            let put = this.on_tree(move |tree| {
                let outcomes = put::all(tree, &batch);
                drop(turn);
                outcomes
            });
            put.await
        });
        put.await.unwrap_or_else(ended)
    }

    async fn put_stream(
        &self,
        name: &ObjectName,
        mut stream: BoxStream<'_, Result<Bytes>>,
    ) -> Result<Streamed> {
        let name = name.clone();
        let mut object = self.on_tree(move |tree| put::Unlinked::new(tree, name)).await?;
        let mut lot = next_lot(&mut stream).await?;
        while !lot.is_empty() {
            // While one lot is written the next arrives. The file goes along and comes back; where it
            // does not, because of an error or since nobody waits any more, it is gone with its handle.
            let written = self.on_tree(move |tree| object.write(tree, &lot));
            (object, lot) = futures::try_join!(written, next_lot(&mut stream))?;
        }
        self.on_tree(move |tree| object.link(tree)).await
    }

    async fn get(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Bytes> {
        let name = name.clone();
        self.on_tree(move |tree| tree.read(&name, range)).await
    }

    async fn head(&self, name: &ObjectName) -> Result<ObjectInfo> {
        let name = name.clone();
        self.on_tree(move |tree| tree.info(&name)).await
    }

    async fn delete_all(&self, names: &[ObjectName]) -> Result<()> {
        if names.len() > MAX_LIST {
            return Err(Error::invalid(format!("at most {MAX_LIST} objects are deleted at once")));
        }
        let names = names.to_vec();
        self.on_tree(move |tree| put::delete_all(tree, &names)).await
    }

    async fn list(&self, prefix: &str, cursor: Option<String>, limit: usize) -> Result<ListPage> {
        if !(1..=MAX_LIST).contains(&limit) {
            return Err(Error::invalid(format!("a page lists 1 to {MAX_LIST} objects")));
        }
        let (prefix, after) = (prefix.to_owned(), cursor.unwrap_or_default());
        self.on_tree(move |tree| list::page(tree, &prefix, &after, limit)).await
    }

    async fn presign_get(&self, _: &ObjectName, _: Duration) -> Result<String> {
        no_addresses()
    }

    async fn presign_put(
        &self,
        _: &ObjectName,
        _: Sha256,
        _: u64,
        _: Duration,
    ) -> Result<PresignedPut> {
        no_addresses()
    }
}

/// The pieces that come next, about [`LOT`] bytes of them; none at the end of the stream.
async fn next_lot(stream: &mut BoxStream<'_, Result<Bytes>>) -> Result<Vec<Bytes>> {
    let (mut lot, mut len) = (Vec::new(), 0);
    while len < LOT
        && let Some(piece) = stream.next().await
    {
        let piece = piece?;
        len += piece.len();
        if !piece.is_empty() {
            lot.push(piece);
        }
    }
    Ok(lot)
}

#[cfg(test)]
mod tests;
