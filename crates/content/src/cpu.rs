//! Work for the processor: on blocking threads, as many at once as there are cores, so that any number
//! of uploads leaves the threads that wait for sockets their share.

use model::{Error, ErrorKind, Result};
use std::{sync::Arc, thread};
use tokio::sync::Semaphore;

/// The cores. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Cpu(Arc<Semaphore>);

impl Cpu {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        // Two at least: the hash of the blocks and that of the whole file go side by side.
        Self(Arc::new(Semaphore::new(cores.max(2))))
    }

    /// Runs `work` on a thread of its own when a core is free for it.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let lost = |error| Error::with_source(ErrorKind::Internal, "a computation was lost", error);
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let turn =
            turn.map_err(|closed| lost(Box::<dyn std::error::Error + Send + Sync>::from(closed)))?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| lost(error.into()))
    }
}
