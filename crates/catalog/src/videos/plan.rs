//! The plan: what a probe has found is to be made. The tables keep it without reading it.

use super::{
    DueJob, Held, Rendition, Task, TaskId, Video, VideoKey, keys, relay::due_job, video::MAX_SENT,
};
use crate::{
    Catalog,
    jobs::Job,
    row::{self, Row},
};
use model::{Error, ErrorKind, RenditionId, Result, Timestamp, video::VideoStatus};
use records::{Condition, Consistency, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Tasks in one page: a day of ten-second segments has nine pages.
const PAGE: usize = 1000;

/// Most renditions of one video: there is no room for more in the write that makes them.
const MAX_RENDITIONS: usize = 24;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct NewPlan {
    /// What all tasks share, for [`Catalog::plan`].
    pub plan: Value,
    /// The tasks, in the order to send them, for [`Catalog::planned_task`].
    pub tasks: Vec<Value>,
    /// The ladder, largest first, then the audio tracks; with fresh ids.
    pub renditions: Vec<Rendition>,
    /// See [`Video::needed`].
    pub needed: Vec<RenditionId>,
    /// Ticks of 1/90,000 s, where the source says.
    pub duration: Option<u64>,
    /// See [`Video::announced`].
    pub announced: Option<u64>,
    /// Segments that are expected; zero where nobody knows.
    pub expected: u32,
    /// See [`Video::longest_seconds`].
    pub longest_seconds: u32,
}

#[derive(Serialize, Deserialize)]
struct Plan {
    plan: Value,
}

#[derive(Serialize, Deserialize)]
struct Page {
    tasks: Vec<Value>,
}

impl Row for Plan {
    const WHAT: &'static str = "a video's plan";
}

impl Row for Page {
    const WHAT: &'static str = "a page of a video's tasks";
}

/// `new` as a video that waits for nothing any more; sends its first tasks.
fn running(video: &Video, new: &NewPlan, lost: u32, width: u32) -> Result<Video> {
    video.under_way()?;
    if video.status != VideoStatus::Queued {
        return Err(Error::conflict("the video has a plan already"));
    }
    if new.tasks.is_empty() || new.renditions.is_empty() || new.needed.is_empty() {
        return Err(Error::internal("a plan has tasks and renditions"));
    }
    if new.renditions.len() > MAX_RENDITIONS {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the video would have more than {MAX_RENDITIONS} renditions and audio tracks"),
        ));
    }
    let mut video = Video {
        status: VideoStatus::Running,
        duration: new.duration,
        announced: new.announced,
        renditions: new.renditions.iter().map(|rendition| rendition.id).collect(),
        needed: new.needed.clone(),
        longest_seconds: new.longest_seconds,
        tasks: u32::try_from(new.tasks.len())
            .map_err(|_| Error::new(ErrorKind::TooLarge, "the video has too many segments"))?,
        expected: new.expected,
        lost,
        ..video.clone()
    };
    video.send(width);
    Ok(video)
}

/// The writes that send `tasks`, and the jobs to send right behind them.
pub(super) fn send_tasks(
    video: &VideoKey,
    tasks: std::ops::Range<u32>,
    now: Timestamp,
) -> Result<(Vec<Write>, Vec<DueJob>)> {
    debug_assert!(tasks.len() <= MAX_SENT as usize, "a batch has no room for more");
    let (mut writes, mut jobs) = (Vec::new(), Vec::new());
    for task in tasks {
        let key = keys::task(video, TaskId::Number(task));
        writes.push(row::put(key, Condition::Absent, &Task::queued(now))?);
        let (job, write) = due_job(now, Job::Task { video: video.clone(), task })?;
        writes.push(write);
        jobs.push(job);
    }
    Ok((writes, jobs))
}

impl Catalog {
    /// Ends the probe that `held` is with the plan it has made: sends the first `width` tasks. Answers
    /// with the jobs to send at once.
    ///
    /// # Errors
    /// `Cancelled` where somebody else took the probe over, or the video has ended; `TooLarge` for a
    /// plan with too many renditions.
    pub async fn planned(
        &self,
        held: &Held,
        new: NewPlan,
        width: u32,
        now: Timestamp,
    ) -> Result<Vec<DueJob>> {
        let key = &held.video;
        for (page, tasks) in (0..).zip(new.tasks.chunks(PAGE)) {
            let page_row = Page { tasks: tasks.to_vec() };
            let put = row::put(keys::plan_page(key, page), Condition::Any, &page_row)?;
            self.records.write(vec![held.check(), put]).await.map_err(|e| held.lost(e))?;
        }
        loop {
            let video = self.video_under_way(key).await?;
            let next = running(&video.value, &new, held.row.lost(), width)?;
            let (sends, jobs) = send_tasks(key, 0..next.sent, now)?;
            let mut batch = held.end(&held.row.done())?;
            let plan = Plan { plan: new.plan.clone() };
            batch.push(row::put(keys::plan(key), Condition::Any, &plan)?);
            for rendition in &new.renditions {
                let key = keys::rendition(rendition.id);
                batch.push(row::put(key, Condition::Absent, rendition)?);
            }
            batch.extend(sends);
            let written = self.change_video(key, &video, next, batch, now).await;
            if written.map_err(|e| held.lost(e))? {
                return Ok(jobs);
            }
        }
    }

    /// What all tasks of a video share.
    ///
    /// # Errors
    /// `Cancelled` for a video without a plan: it is gone.
    pub async fn plan(&self, video: &VideoKey) -> Result<Value> {
        let record = self.records.get(&keys::plan(video), Consistency::Strong).await?;
        let plan: Plan = row::decode(record.ok_or_else(no_plan)?.value)?;
        Ok(plan.plan)
    }

    /// Task number `task` of a video.
    ///
    /// # Errors
    /// `Cancelled` for a video without such a task: it is gone.
    pub async fn planned_task(&self, video: &VideoKey, task: u32) -> Result<Value> {
        let place = task as usize;
        let page = keys::plan_page(video, u32::try_from(place / PAGE).unwrap_or(u32::MAX));
        let record = self.records.get(&page, Consistency::Strong).await?;
        let mut page: Page = row::decode(record.ok_or_else(no_plan)?.value)?;
        let there = place % PAGE < page.tasks.len();
        if there { Ok(page.tasks.swap_remove(place % PAGE)) } else { Err(no_plan()) }
    }
}

fn no_plan() -> Error {
    Error::new(ErrorKind::Cancelled, "the video has no such plan any more")
}
