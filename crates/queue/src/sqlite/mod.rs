//! A queue in one SQLite file, for one machine and any number of processes on it.
//!
//! Everything is durable when it is answered. Whoever waits for jobs is woken by a send in the same
//! process, and looks once a second for those of others. Here a stale receipt is always known as such,
//! and jobs come in the order in which they became visible.

mod table;
mod taken;

use crate::{DeadId, DeadPage, Delivery, Depth, JobQueue, MAX_REASON, Outgoing, Receipt, store};
use ::sqlite::{Database, Failure, Format};
use async_trait::async_trait;
use model::{Error, Result, Timestamp};
use rusqlite::Connection;
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};
use taken::{Home, Taken};
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, timeout},
};

/// The file's format. Times are milliseconds since 1970.
const FORMAT: Format = Format {
    what: "a queue",
    application_id: 0x4852_514a, // HRQJ
    steps: &["
        CREATE TABLE job (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            body TEXT NOT NULL,
            sent_at INTEGER NOT NULL,
            visible_at INTEGER NOT NULL,
            receives INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX job_visible ON job (visible_at);
        CREATE TABLE dead (
            id INTEGER PRIMARY KEY,  -- as it was among the jobs
            body TEXT NOT NULL,
            reason TEXT,
            receives INTEGER NOT NULL,
            sent_at INTEGER NOT NULL,
            died_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX dead_died ON dead (died_at, id);
    "],
};

/// How often one who waits looks for jobs that another process sent.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells the time; tests pass their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a queue behaves.
#[derive(Clone)]
pub struct Settings {
    /// How often a job is delivered before it becomes a dead letter, at least 1. Default 5.
    pub max_receives: u32,
    /// What delays and visibility go by. Default: the system's.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_receives: 5, clock: Arc::new(Timestamp::now) }
    }
}

/// The embedded queue.
pub struct SqliteQueue {
    database: Database,
    settings: Settings,
    /// Wakes those who wait in this process.
    arrived: Arc<Notify>,
}

impl SqliteQueue {
    /// Opens the file at `path`, or makes it, with its directory.
    ///
    /// # Errors
    /// `Invalid` for a file of something else or of a newer version, or settings that make no sense;
    /// `NoSpace`, `Busy`, `Internal` where it cannot be opened.
    pub async fn open(path: impl Into<PathBuf>, settings: Settings) -> Result<Self> {
        if settings.max_receives == 0 {
            return Err(Error::invalid("a queue delivers each job at least once"));
        }
        let database = Database::open(path, &FORMAT).await?;
        Ok(Self { database, settings, arrived: Arc::new(Notify::new()) })
    }

    /// Milliseconds since 1970.
    fn now(&self) -> i64 {
        (self.settings.clock)().as_millisecond()
    }

    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        self.database.write(change).await
    }

    async fn look(&self, max: usize, visibility: Duration) -> Result<Look> {
        // Looking for the next costs no write and no sync.
        let next = self.database.read(table::next_visible).await?;
        let now = self.now();
        match next {
            Some(next) if next <= now => {}
            Some(next) => {
                let until = Duration::from_millis((next - now).unsigned_abs());
                return Ok(Look::Nothing { for_now: until.min(LOOK_EVERY) });
            }
            None => return Ok(Look::Nothing { for_now: LOOK_EVERY }),
        }
        let taken = self.take(max, now, later(now, visibility)).await?;
        // Where somebody else was faster, more may be on the way.
        let again = Look::Nothing { for_now: Duration::ZERO };
        Ok(if taken.is_empty() { again } else { Look::Jobs(taken) })
    }

    async fn take(&self, max: usize, now: i64, hidden_until: i64) -> Result<Vec<Delivery>> {
        let most = self.settings.max_receives;
        let home = Home {
            database: self.database.clone(),
            arrived: self.arrived.clone(),
            runtime: Handle::current(),
            now,
            hidden_until,
        };
        let taken = self.write(move |connection| {
            let jobs = table::take(connection, max, now, hidden_until, most)?;
            Ok(Taken { jobs, home })
        });
        Ok(taken.await?.received())
    }

    /// Takes dead letters away, all or none, by `one`, which says whether there was one. The ids of those
    /// that were not there.
    async fn take_away(
        &self,
        ids: &[DeadId],
        one: impl Fn(&Connection, i64) -> Result<bool, Failure> + Send + 'static,
    ) -> Result<Vec<DeadId>> {
        store::check_named(ids)?;
        let ids = table::dead_ids(ids)?;
        self.write(move |connection| {
            let mut missing = Vec::new();
            for id in ids {
                if !one(connection, id)? {
                    missing.push(DeadId::from(id.to_string()));
                }
            }
            Ok(missing)
        })
        .await
    }
}

/// What one look at the queue gave.
enum Look {
    Jobs(Vec<Delivery>),
    /// Nothing, and nothing to be expected from this process alone for so long.
    Nothing {
        for_now: Duration,
    },
}

#[async_trait]
impl JobQueue for SqliteQueue {
    async fn send(&self, jobs: Vec<Outgoing>) -> Result<()> {
        store::check_send(&jobs)?;
        let now = self.now();
        self.write(move |connection| table::send(connection, &jobs, now)).await?;
        self.arrived.notify_waiters();
        Ok(())
    }

    async fn receive(
        &self,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>> {
        store::check_receive(max, visibility, wait)?;
        let deadline = Instant::now() + wait;
        loop {
            // Listening begins before looking, so that nothing arrives unheard between the two.
            let mut arrived = std::pin::pin!(self.arrived.notified());
            arrived.as_mut().enable();
            let pause = match self.look(max, visibility).await? {
                Look::Jobs(jobs) => return Ok(jobs),
                Look::Nothing { for_now } => for_now,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Vec::new());
            }
            // Woken or not, the next step is to look.
            let _ = timeout(pause.min(left), arrived).await;
        }
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<()> {
        store::check_visibility(visibility)?;
        let (held, now) = (table::held(receipt)?, self.now());
        let hidden_until = later(now, visibility);
        self.write(move |connection| table::extend(connection, held, now, hidden_until)).await?;
        if visibility.is_zero() {
            self.arrived.notify_waiters();
        }
        Ok(())
    }

    async fn delete(&self, receipt: &Receipt) -> Result<()> {
        let held = table::held(receipt)?;
        self.write(move |connection| table::delete(connection, held)).await
    }

    async fn bury(&self, receipt: &Receipt, reason: &str) -> Result<()> {
        let (held, now) = (table::held(receipt)?, self.now());
        let reason: String = reason.chars().take(MAX_REASON).collect();
        self.write(move |connection| table::bury(connection, held, now, &reason)).await
    }

    async fn dead_letters(&self, cursor: Option<String>, limit: usize) -> Result<DeadPage> {
        store::check_page(limit)?;
        let after = table::after(cursor.as_deref())?;
        self.database.read(move |connection| table::dead_letters(connection, after, limit)).await
    }

    async fn redrive(&self, ids: &[DeadId]) -> Result<Vec<DeadId>> {
        let now = self.now();
        let missing =
            self.take_away(ids, move |connection, id| table::redrive(connection, id, now));
        let missing = missing.await?;
        self.arrived.notify_waiters();
        Ok(missing)
    }

    async fn discard(&self, ids: &[DeadId]) -> Result<Vec<DeadId>> {
        self.take_away(ids, table::discard).await
    }

    async fn depth(&self) -> Result<Depth> {
        let now = self.now();
        self.database.read(move |connection| table::depth(connection, now)).await
    }
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue").field("database", &self.database).finish_non_exhaustive()
    }
}

/// So long after `now`, not a moment less.
fn later(now: i64, duration: Duration) -> i64 {
    let millis = duration.as_nanos().div_ceil(1_000_000);
    now.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
