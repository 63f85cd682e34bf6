//! The job `task`: a piece of a video's plan.

use crate::{
    attempt::{Flaw, is_sources},
    plan::{from_tables, renditions_of},
    sink::Segments,
    source::Source,
    worker::Worker,
};
use catalog::videos::{DueJob, Held};
use media::ladder::Planned;
use model::{Error, ErrorKind};

impl Worker {
    /// The work of task number `number`.
    pub(crate) async fn make(
        &self,
        held: &Held,
        number: u32,
        source: &Source,
    ) -> Result<Vec<DueJob>, Flaw> {
        let (catalog, video) = (self.catalog(), &held.video);
        let plan = catalog.plan(video).await?;
        let (plan, planned) = from_tables(plan, catalog.planned_task(video, number).await?)?;
        let all = catalog.renditions(video).await?;
        let gone = || Error::new(ErrorKind::Cancelled, "the video's renditions are gone");
        let lead = all.first().ok_or_else(gone)?.id;
        let renditions = all.get(renditions_of(&plan, planned)).ok_or_else(gone)?.to_vec();

        let mut sink = Segments::new(self, held, lead, renditions);
        let made = self.deps.media.run(plan.task(planned)?, source, &mut sink).await;
        if let Err(error) = made {
            let outage = source.had_outage() || sink.had_outage();
            let kind = error.kind();
            // A video without a picture to stand for it is still a video.
            let needed = planned != Planned::Poster || outage || kind == ErrorKind::Cancelled;
            if needed || !(is_sources(kind) || held.is_retry()) {
                return Err(Flaw { outage, error });
            }
            tracing::info!(error = error.chain(), %video, "there is no poster");
        }
        Ok(catalog.task_done(held, self.config.width, self.now()).await?)
    }
}
