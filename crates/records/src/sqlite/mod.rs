//! Records in one SQLite file, for one machine and any number of processes on it.
//!
//! Every write is durable when it is answered; those that come at the same time share a sync (the crate
//! `sqlite`). Values are JSON text, so that `sqlite3 FILE 'SELECT * FROM record'` reads the table. All
//! reads are strong.

mod read;
mod write;

use crate::{
    Consistency, Key, MAX_GET, Page, Query, Record, RecordStore, Shard, Version, Write, store,
};
use ::sqlite::{Database, Format};
use async_trait::async_trait;
use model::{Error, Result, Timestamp};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicI64, Ordering},
};

/// The file's format. Rows stand in the order of their keys, in the table itself: a query reads what it
/// returns and nothing else, and a write touches one tree.
const FORMAT: Format = Format {
    what: "a store of records",
    application_id: 0x4852_5243, // HRRC
    steps: &["
        CREATE TABLE record (
            partition TEXT NOT NULL,
            sort TEXT NOT NULL,
            version BLOB NOT NULL,   -- 16 random bytes
            value TEXT NOT NULL,     -- a JSON object
            expires INTEGER,         -- seconds since 1970; the row may go from then on
            PRIMARY KEY (partition, sort)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;
    "],
};

/// Seconds between two looks for rows that expired, once none are left. They are dropped as writes go
/// by, so that an idle store does nothing, and more of them than a write puts, so that they never pile up.
const PURGE_EVERY: i64 = 60;

/// The embedded store.
#[derive(Debug)]
pub struct SqliteRecords {
    database: Database,
    /// When rows that expired were last looked for, in seconds since 1970.
    purged: AtomicI64,
}

impl SqliteRecords {
    /// Opens the file at `path`, or makes it, with its directory.
    ///
    /// # Errors
    /// `Invalid` for a file of something else or of a newer version; `NoSpace`, `Busy`, `Internal` where
    /// it cannot be opened.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let database = Database::open(path, &FORMAT).await?;
        Ok(Self { database, purged: AtomicI64::new(0) })
    }

    /// The time up to which this write should drop rows, if it is this one's turn.
    fn purge_turn(&self) -> Option<i64> {
        let now = Timestamp::now().as_second();
        let last = self.purged.load(Ordering::Relaxed);
        let is_turn = now - last >= PURGE_EVERY
            && self
                .purged
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        is_turn.then_some(now)
    }

    /// Drops some rows that expired, if it is this write's turn: a change of its own, that shares the
    /// write's sync but not its fate.
    async fn purge(&self) {
        let Some(now) = self.purge_turn() else { return };
        match self.database.write(move |connection| write::drop_expired(connection, now)).await {
            Ok(false) => {}
            // The next write goes on.
            Ok(true) => self.purged.store(0, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(cause = error.chain(), "rows that expired are kept for now");
            }
        }
    }
}

#[async_trait]
impl RecordStore for SqliteRecords {
    async fn get(&self, key: &Key, _: Consistency) -> Result<Option<Record>> {
        key.check()?;
        let key = key.clone();
        self.database.read(move |connection| read::one(connection, key)).await
    }

    async fn get_many(&self, keys: &[Key], _: Consistency) -> Result<Vec<Option<Record>>> {
        if keys.len() > MAX_GET {
            return Err(Error::invalid(format!("at most {MAX_GET} records are read at once")));
        }
        keys.iter().try_for_each(Key::check)?;
        let keys = keys.to_vec();
        let look =
            |connection: &_| keys.into_iter().map(|key| read::one(connection, key)).collect();
        self.database.read(look).await
    }

    async fn write(&self, batch: Vec<Write>) -> Result<Vec<Option<Version>>> {
        let texts = store::check_batch(&batch)?;
        let change = move |connection: &_| write::batch(connection, &batch, &texts);
        tokio::join!(self.purge(), self.database.write(change)).1
    }

    async fn query(&self, query: Query) -> Result<Page> {
        query.check()?;
        self.database.read(move |connection| read::range(connection, &query)).await
    }

    async fn scan(&self, shard: Shard, cursor: Option<String>) -> Result<Page> {
        shard.check()?;
        let after = read::scan_start(cursor.as_deref())?;
        self.database.read(move |connection| read::all(connection, shard, &after)).await
    }
}

#[cfg(test)]
mod tests;
