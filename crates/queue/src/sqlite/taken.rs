//! Jobs on their way to whoever asked for them.

use super::table;
use crate::Delivery;
use rusqlite::Connection;
use sqlite::Database;
use std::sync::Arc;
use tokio::{runtime::Handle, sync::Notify};

/// Jobs that were taken. Their caller may have left meanwhile, as one does who is told to stop: then nobody
/// knows of them, and they would be hidden until their time is over. So whoever drops them gives them back,
/// uncounted, as long as the process runs.
pub(super) struct Taken {
    pub(super) jobs: Vec<Delivery>,
    pub(super) home: Home,
}

/// Where jobs were taken, and when.
#[derive(Clone)]
pub(super) struct Home {
    pub(super) database: Database,
    /// Wakes those who wait for jobs.
    pub(super) arrived: Arc<Notify>,
    /// The database's thread, which may be the one that drops them, has none.
    pub(super) runtime: Handle,
    /// Milliseconds since 1970, as [`Self::hidden_until`] is.
    pub(super) now: i64,
    pub(super) hidden_until: i64,
}

impl Taken {
    /// The jobs, which are the caller's from now on.
    pub(super) fn received(mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.jobs)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let jobs = std::mem::take(&mut self.jobs);
        if jobs.is_empty() {
            return;
        }
        let Home { database, arrived, runtime, now, hidden_until } = self.home.clone();
        runtime.spawn(async move {
            let give_back = move |c: &Connection| table::give_back(c, &jobs, now, hidden_until);
            match database.write(give_back).await {
                Ok(()) => arrived.notify_waiters(),
                Err(error) => {
                    tracing::warn!(error = error.chain(), "jobs stay hidden that nobody took");
                }
            }
        });
    }
}
