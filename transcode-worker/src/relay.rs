//! The relay: sends the jobs that a crash left in the log.

use crate::{slot::is_outage, worker::Worker};
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
    /// Sends what became due before `before`, was not sent, and is still due. A job that nothing can be
    /// said of does not keep the others waiting.
    async fn relay(&self, before: Timestamp) -> Result<()> {
        let mut after = None;
        loop {
            let left = self.catalog().left_jobs(after, before, MAX_SEND).await?;
            let Some(last) = left.last() else { return Ok(()) };
            after = Some(last.entry);
            let (mut due, mut over): (Vec<DueJob>, Vec<DueJob>) = Default::default();
            for job in left {
                match self.catalog().is_due(&job.job).await {
                    Ok(true) => due.push(job),
                    Ok(false) => over.push(job),
                    Err(error) if is_outage(&error) => return Err(error),
                    Err(error) => {
                        let error = error.chain();
                        tracing::warn!(error, job = ?job.job, "a job in the log is passed over");
                    }
                }
            }
            if !due.is_empty() {
                tracing::info!(count = due.len(), "jobs are sent that were left in the log");
                self.try_send(&due).await?;
            }
            self.catalog().forget_jobs(&over).await?;
        }
    }
}
