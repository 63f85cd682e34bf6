//! Connections that read, opened when they are first needed.

use crate::{Failure, open};
use model::{Error, Result};
use rusqlite::Connection;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads that run at the same time. They are short, and mostly from memory.
pub(crate) const READERS: usize = 4;

pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    pub(crate) turns: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        let idle = Mutex::new(Vec::with_capacity(READERS));
        Self { path, idle, turns: Arc::new(Semaphore::new(READERS)) }
    }

    /// Waits until one of the connections is free.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let turn = self.turns.clone().acquire_owned().await;
        turn.map_err(|_| Error::internal("the database is closed"))
    }

    /// Runs `look` on a free connection. One that `look` panicked on is not used again.
    pub(crate) fn with<T>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // The list is whole at every moment, so a panic elsewhere did not harm it.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path)?,
        };
        let answer = look(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        answer
    }
}
