//! The job `probe`: a file finds its video, and a video its plan.

use crate::{
    attempt::Flaw,
    keep::Ending,
    plan::to_tables,
    slot::{After, Message},
    source::Source,
    worker::Worker,
};
use catalog::videos::{DueJob, Held, TakenUp, TaskId};
use model::{FileId, Result};
use tokio_util::sync::CancellationToken;

impl Worker {
    /// Takes a file up, and plans its video unless that is done.
    pub(crate) async fn probe(
        &self,
        file: FileId,
        message: &mut Message,
        stop: &CancellationToken,
    ) -> Result<After> {
        let profile = self.deps.media.profile();
        match self.catalog().take_up(file, &profile, self.now()).await? {
            TakenUp::Nothing => Ok(After::Done),
            TakenUp::Video(video) => self.attempt(&video, TaskId::Probe, message, stop).await,
            TakenUp::Leaving(video) => {
                self.release(&video).await?;
                Ok(After::Return)
            }
        }
    }

    /// The work of a probe.
    pub(crate) async fn plan(
        &self,
        held: &Held,
        source: &Source,
        ending: &Ending,
    ) -> Result<Vec<DueJob>, Flaw> {
        let plan = self.deps.media.plan(source).await;
        let plan = plan.map_err(|error| Flaw { outage: source.had_outage(), error })?;
        let plan = to_tables(plan, &held.video)?;
        ending.begins();
        Ok(self.catalog().planned(held, plan, self.config.width, self.now()).await?)
    }
}
