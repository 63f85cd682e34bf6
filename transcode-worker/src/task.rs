//! The job `task`: a piece of a video's plan.

use crate::{
    attempt::{Flaw, is_sources},
    keep::Ending,
    plan::{from_tables, renditions_of},
    progress::Progress,
    sink::{HandOn, Segments},
    slot::Slot,
    source::Source,
    worker::Worker,
};
use catalog::videos::{DueJob, Held, Rendition, Video};
use media::{
    ladder::{Plan, Planned},
    task::{Done, Task},
};
use model::{Error, ErrorKind, RenditionId, Result};
use std::pin::pin;

/// Segments that are read at a time.
const PAGE: usize = 1000;

impl Worker {
    /// The work of task number `number`. `slot` is free for others once the child has made all, while
    /// the last of it is still being stored.
    pub(crate) async fn make(
        &self,
        held: &Held,
        number: u32,
        source: &Source,
        slot: Option<Slot>,
        (progress, ending): (&Progress, &Ending),
    ) -> Result<Vec<DueJob>, Flaw> {
        let (catalog, key) = (self.catalog(), &held.video);
        let plan = catalog.plan(key).await?;
        let (plan, planned) = from_tables(plan, catalog.planned_task(key, number).await?)?;
        let gone = || Error::new(ErrorKind::Cancelled, "the video's renditions are gone");
        let video = catalog.video(key).await?.ok_or_else(gone)?;
        let all = catalog.renditions(key).await?;
        let lead = all.first().ok_or_else(gone)?.id;
        let renditions = all.get(renditions_of(&plan, planned)).ok_or_else(gone)?.to_vec();

        let can_lack = can_lack(&video, planned, &renditions);
        let (task, first) = self.rest(held, &plan, planned, &renditions).await?;
        if let Some(first) = first.filter(|_| leads(&video, &renditions)) {
            match video.expected {
                0 => progress.by_reading(source),
                _ => progress.by_segment(&plan.cuts, first),
            }
        }
        let segments = Segments::new(self, held, lead, renditions, progress);
        let done = match task {
            Some(task) => self.run(task, source, segments, slot, progress).await,
            None => Ok(Done::default()),
        };
        let done = match done {
            Err(flaw) if can_lack && self.is_hopeless(held, planned, &flaw) => {
                tracing::info!(error = flaw.error.chain(), video = %key, ?planned, "left out");
                Done::default()
            }
            done => done?,
        };
        ending.begins();
        Ok(catalog.task_done(held, done.damaged, self.config.width, self.now()).await?)
    }

    /// Runs `task` in a child, and stores what it makes while it goes on.
    async fn run(
        &self,
        task: Task,
        source: &Source,
        mut segments: Segments<'_>,
        slot: Option<Slot>,
        progress: &Progress,
    ) -> Result<Done, Flaw> {
        let (mut sink, made) = HandOn::new(progress);
        let mut run = pin!(async move {
            let done = self.deps.media.run(task, source, &mut sink).await;
            drop(slot);
            done
        });
        let mut store = pin!(segments.store(made));
        let mut is_stored = false;
        let done = loop {
            tokio::select! {
                biased;
                done = &mut run => break done,
                // What cannot be stored ends the child.
                stored = &mut store, if !is_stored => is_stored = stored.map(|()| true)?,
            }
        };
        if !is_stored {
            store.await?;
        }
        done.map_err(|error| Flaw { outage: source.had_outage(), error })
    }

    /// What is to be done of `planned`, and its first segment: an attempt that follows another one goes
    /// on where that one's segments end. An audio track is made in one pass, from its beginning.
    async fn rest(
        &self,
        held: &Held,
        plan: &Plan,
        planned: Planned,
        renditions: &[Rendition],
    ) -> Result<(Option<Task>, Option<u32>)> {
        let (planned, first) = match (planned, renditions.first()) {
            (Planned::Video { first, end }, Some(rendition)) if held.is_retry() => {
                let first = self.first_missing(rendition.id, first).await?;
                if end.is_some_and(|end| first >= end) {
                    return Ok((None, None));
                }
                (Planned::Video { first, end }, Some(first))
            }
            (Planned::Video { first, .. }, _) => (planned, Some(first)),
            (Planned::Audio { .. }, _) => (planned, Some(0)),
            (Planned::Poster, _) => (planned, None),
        };
        Ok((Some(plan.task(planned)?), first))
    }

    /// The first segment from `first` on that was not made.
    async fn first_missing(&self, rendition: RenditionId, first: u32) -> Result<u32> {
        let mut next = first;
        loop {
            let segments = self.catalog().segments(rendition, next, PAGE).await?;
            let before = next;
            for segment in &segments {
                if segment.k != next {
                    return Ok(next);
                }
                next += 1;
            }
            if next == before {
                return Ok(next);
            }
        }
    }

    /// Whether it is no use to try again what a video can lack.
    fn is_hopeless(&self, held: &Held, planned: Planned, flaw: &Flaw) -> bool {
        let kind = flaw.error.kind();
        if flaw.outage || kind == ErrorKind::Cancelled {
            return false;
        }
        let tried = match planned {
            Planned::Poster => held.is_retry(),
            _ => held.is_last(&self.config.policy),
        };
        is_sources(kind) || tried
    }
}

/// Whether these are the renditions whose segments a video's progress is counted by.
fn leads(video: &Video, renditions: &[Rendition]) -> bool {
    let first = renditions.first().map(|rendition| rendition.id);
    first.is_some() && video.needed.first().copied() == first
}

/// Whether a video is a video without what `planned` makes: the picture that stands for it, or sound
/// that does not play unless it is chosen.
fn can_lack(video: &Video, planned: Planned, renditions: &[Rendition]) -> bool {
    match planned {
        Planned::Video { .. } => false,
        Planned::Audio { .. } => renditions.iter().all(|r| !video.needed.contains(&r.id)),
        Planned::Poster => true,
    }
}
