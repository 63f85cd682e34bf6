//! One SQLite file as Hashreel uses it; `records` and `queue` keep their tables in one each.
//!
//! A [`Database`] is durable and shared: WAL with a sync at every commit, any number of processes on one
//! file, and within a process one writer thread, which puts all changes that wait into one transaction
//! and thus one sync, beside a few connections that read. It knows no table: that, and what a change
//! means, is its user's. The file carries the version of its format, and a newer one is refused.

mod error;
mod open;
mod readers;
mod writer;

pub use error::Failure;
pub use open::{Format, path_of_url};

use model::{Error, ErrorKind, Result};
use readers::Readers;
use rusqlite::Connection;
use std::{fmt, path::PathBuf, sync::Arc};
use tokio::sync::{mpsc, oneshot};
use writer::{Change, Job};

/// Changes that may wait for the writer; whoever comes later waits to be let in.
const WAITING: usize = 1024;

/// An open file. Clones share it; the last one to go ends its thread.
#[derive(Clone)]
pub struct Database {
    path: Arc<PathBuf>,
    writer: mpsc::Sender<Box<dyn Job>>,
    readers: Arc<Readers>,
}

impl Database {
    /// Opens the file at `path`, makes it (and its directory) if it is not there, and brings it to this
    /// `format`.
    ///
    /// # Errors
    /// `Invalid` for a file of something else or of a newer version; `NoSpace`, `Busy`, `Internal` where
    /// it cannot be opened.
    pub async fn open(path: impl Into<PathBuf>, format: &'static Format) -> Result<Self> {
        let path = path.into();
        let opened = tokio::task::spawn_blocking(move || {
            let connection = open::writer(&path, format)?;
            let (writer, jobs) = mpsc::channel(WAITING);
            writer::start(connection, jobs, path.clone())?;
            let readers = Arc::new(Readers::new(path.clone()));
            Ok(Self { path: Arc::new(path), writer, readers })
        });
        opened.await.unwrap_or_else(|panic| Err(defect("opening the database", panic)))
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Runs `change` in the writer's transaction and answers when it is durable. Changes run one after
    /// the other; one that fails is undone, alone. If the caller goes away before its turn, it does not
    /// run; later, it may.
    ///
    /// # Errors
    /// Those of `change`; `NoSpace`, `Busy` or others where the transaction could not be made durable,
    /// and then nothing of it happened.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Change::new(self.path.clone(), change, reply);
        if self.writer.send(job).await.is_err() {
            return Err(Error::internal("the database's writer has stopped; restart the program"));
        }
        answer.await.unwrap_or_else(|_| {
            Err(Error::internal("the database's writer stopped before it answered"))
        })
    }

    /// Runs `look` on a connection that only reads. It sees every change that was answered before, by
    /// this process or another.
    ///
    /// # Errors
    /// Those of `look`; `Busy` and others where the file cannot be read.
    pub async fn read<T, F>(&self, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (path, readers) = (self.path.clone(), self.readers.clone());
        // In a task of its own. A turn comes to those who wait in their order, also to one whose caller
        // polls something else just then, as between the branches of a `select!`: it would keep the turn
        // and not use it, and with all turns kept so, nobody who has to read first ever polls again.
        let looked = tokio::spawn(async move {
            let turn = readers.turn().await?;
            let looked = tokio::task::spawn_blocking(move || {
                let answer = readers.with(look).map_err(|failure| failure.into_error(&path));
                drop(turn);
                answer
            });
            looked.await.unwrap_or_else(|panic| Err(defect("reading the database", panic)))
        });
        looked.await.unwrap_or_else(|panic| Err(defect("reading the database", panic)))
    }
}

fn defect(doing: &str, panic: tokio::task::JoinError) -> Error {
    Error::with_source(ErrorKind::Internal, format!("{doing} ended unexpectedly"), panic)
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
