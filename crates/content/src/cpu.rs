//! Work for the processor: on blocking threads, as many at once as there are cores, so that any number
//! of uploads leaves the threads that wait for sockets their share.

use model::{Error, ErrorKind, Result};
use std::{sync::Arc, thread};
use tokio::sync::Semaphore;

fn lost(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::with_source(ErrorKind::Internal, "a computation was lost", error)
}

/// The cores. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Cpu(Arc<Semaphore>);

impl Cpu {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(cores)))
    }

    /// Runs `work` on a thread of its own when a core is free for it.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let turns = Arc::clone(&self.0);
        // In a task of its own: a turn that came to a caller who polls something else just then, as an
        // append does with its next put while it moves its offset, would be kept and not used.
        let ran = tokio::spawn(async move {
            let turn = turns.acquire_owned().await.map_err(|closed| lost(closed.into()))?;
            let work = move || {
                let done = work();
                drop(turn);
                done
            };
            tokio::task::spawn_blocking(work).await.map_err(|error| lost(error.into()))
        });
        ran.await.unwrap_or_else(|error| Err(lost(error.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn work_that_nobody_polls_keeps_none_that_somebody_does() {
        let cpu = Cpu::new();
        let cores = cpu.0.available_permits();
        let every = u32::try_from(cores).unwrap();
        let busy = Arc::clone(&cpu.0).acquire_many_owned(every).await.unwrap();
        let mut left: Vec<_> = (0..cores).map(|_| Box::pin(cpu.run(|| ()))).collect();
        for work in &mut left {
            assert!(futures::poll!(work).is_pending());
        }
        drop(busy);
        let polled = tokio::time::timeout(Duration::from_secs(60), cpu.run(|| 7)).await;
        assert_eq!(polled.expect("work that is polled ends").unwrap(), 7);
        drop(left);
    }
}
