//! The thread that writes: whatever waits goes into one transaction, with one sync.
//!
//! While one group is being synced the next gathers by itself, so the more writers there are, the more
//! share a sync, and a lone writer waits for nobody.

use crate::error::{Failure, again};
use model::{Error, ErrorKind, Result};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, oneshot};

/// The most changes of one transaction: what a caller waits for stays short.
const GROUP: usize = 256;

/// A change that waits for its turn, runs, and then waits for its transaction.
pub(crate) trait Job: Send {
    /// Whether its caller has gone away.
    fn is_abandoned(&self) -> bool;
    /// Runs it; an error is what its caller will be told.
    fn run(&mut self, connection: &Connection) -> Result<(), &Error>;
    /// Tells the caller, now that it is known what became of the transaction.
    fn tell(self: Box<Self>, committed: Result<(), &Error>);
}

/// A change with its caller.
pub(crate) struct Change<T, F> {
    path: std::sync::Arc<PathBuf>,
    change: Option<F>,
    answer: Result<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Change<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
{
    pub(crate) fn new(
        path: std::sync::Arc<PathBuf>,
        change: F,
        reply: oneshot::Sender<Result<T>>,
    ) -> Box<Self> {
        let answer = Err(Error::internal("the change did not run"));
        Box::new(Self { path, change: Some(change), answer, reply })
    }
}

impl<T, F> Job for Change<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> Result<(), &Error> {
        if let Some(change) = self.change.take() {
            self.answer = change(connection).map_err(|failure| failure.into_error(&self.path));
        }
        self.answer.as_ref().map(|_| ())
    }

    fn tell(self: Box<Self>, committed: Result<(), &Error>) {
        // A change that failed by itself keeps its own reason.
        let failed_itself = self.change.is_none() && self.answer.is_err();
        let answer = match committed {
            Err(error) if !failed_itself => Err(again(error)),
            _ => self.answer,
        };
        // A caller that has gone away does not want to know.
        drop(self.reply.send(answer));
    }
}

pub(crate) fn start(
    connection: Connection,
    jobs: mpsc::Receiver<Box<dyn Job>>,
    path: PathBuf,
) -> Result<()> {
    let thread = std::thread::Builder::new().name("sqlite-writer".into());
    let started = thread.spawn(move || run(&connection, jobs, &path));
    started.map(drop).map_err(|error| {
        Error::with_source(ErrorKind::Unavailable, "cannot start the database's writer", error)
    })
}

fn run(connection: &Connection, mut waiting: mpsc::Receiver<Box<dyn Job>>, path: &Path) {
    let mut group = Vec::with_capacity(GROUP);
    while let Some(first) = waiting.blocking_recv() {
        let committed = commit_group(connection, first, &mut waiting, &mut group);
        let committed = committed.map_err(|failure| failure.into_error(path));
        if let Err(error) = &committed {
            tracing::warn!(error = error.chain(), changes = group.len(), "a transaction failed");
            give_up(connection);
            // Those who wait now would only find the same, each after a wait of its own.
            while group.len() < GROUP
                && let Ok(job) = waiting.try_recv()
            {
                group.push(job);
            }
        }
        for job in group.drain(..) {
            job.tell(committed.as_ref().map(|&()| ()));
        }
    }
}

/// Runs what waits, into `group`, and commits it. After an error, nothing of it happened.
fn commit_group(
    connection: &Connection,
    first: Box<dyn Job>,
    waiting: &mut mpsc::Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
) -> Result<(), Failure> {
    let mut next = Some(first);
    let mut begun = false;
    while let Some(mut job) = next {
        if !job.is_abandoned() {
            let ran = if begun { Ok(()) } else { execute(connection, "BEGIN IMMEDIATE") };
            begun = true;
            let ran = ran.map_err(Failure::from).and_then(|()| alone(connection, job.as_mut()));
            group.push(job);
            ran?;
        }
        next = if group.len() < GROUP { waiting.try_recv().ok() } else { None };
    }
    if begun {
        execute(connection, "COMMIT")?;
    }
    Ok(())
}

/// Runs one change so that its failure undoes nothing but itself.
fn alone(connection: &Connection, job: &mut dyn Job) -> Result<(), Failure> {
    execute(connection, "SAVEPOINT change")?;
    if let Err(error) = job.run(connection) {
        // Some errors (a full disk) make SQLite end the whole transaction.
        if connection.is_autocommit() {
            return Err(Failure::Refused(again(error)));
        }
        execute(connection, "ROLLBACK TO change")?;
    }
    Ok(execute(connection, "RELEASE change")?)
}

/// Ends a transaction that failed, so that the next can begin.
fn give_up(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = execute(connection, "ROLLBACK")
    {
        tracing::error!(%error, "a transaction cannot be rolled back");
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
