//! The relay: sends the jobs that a crash left in the log.

use crate::worker::Worker;
use catalog::videos::DueJob;
use model::{Result, Timestamp};
use queue::MAX_SEND;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Looks for them until told to stop. Between two looks it does nothing at all.
pub(crate) async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    let every = worker.config.relay_every;
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return,
        }
        let now = worker.now();
        let before = now.checked_sub(every).unwrap_or(now);
        if let Err(error) = worker.relay(before).await {
            tracing::warn!(error = error.chain(), "jobs in the log were not looked at");
        }
    }
}

impl Worker {
    /// Sends what became due before `before`, was not sent, and is still due.
    async fn relay(&self, before: Timestamp) -> Result<()> {
        loop {
            let left = self.catalog().left_jobs(before, MAX_SEND).await?;
            if left.is_empty() {
                return Ok(());
            }
            let (mut due, mut over): (Vec<DueJob>, Vec<DueJob>) = Default::default();
            for job in left {
                let list =
                    if self.catalog().is_due(&job.job).await? { &mut due } else { &mut over };
                list.push(job);
            }
            if !due.is_empty() {
                tracing::info!(count = due.len(), "jobs are sent that were left in the log");
                self.try_send(&due).await?;
            }
            self.catalog().forget_jobs(&over).await?;
        }
    }
}
