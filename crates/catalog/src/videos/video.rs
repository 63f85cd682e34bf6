//! A video's head: where it stands, and the transitions between its states.

use super::{TaskId, VideoKey};
use crate::{
    Catalog, Stored,
    row::{self, Row},
    videos::keys,
};
use cmaf::timeline::TIMESCALE;
use model::{Error, ErrorKind, RenditionId, Result, Timestamp, video::VideoStatus};
use records::Consistency;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Range, time::Duration};

/// How often progress alone is told to those who look on.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The most progress of a video that is not ready.
const ALMOST: f64 = 0.99;

/// What [`Video::ahead`] counts to.
const WHOLE: u32 = 1000;

/// Most tasks that one write sends: there is no more room in a batch.
pub(super) const MAX_SENT: u32 = 16;

/// Where a video stands.
///
/// Written by whoever takes its first file up, by the workers, and by whoever finds that nobody holds
/// it. `Ready`, `Failed` and `Cancelled` absorb; only the end of the row itself, once nobody holds the
/// video, leads from the first two to `Cancelled` and then to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Video {
    /// Its state.
    pub status: VideoStatus,
    /// One sentence for its owner: why it failed, or what is wrong with its source though it is ready.
    pub reason: Option<String>,
    /// Whether it failed for what its source is: the same again fails again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub source_failed: bool,
    /// Ticks of 1/90,000 s: as the source says, where it does; what was made once the video is ready.
    pub duration: Option<u64>,
    /// Ticks of 1/90,000 s that the source says it has, where it was cut off before its end. The same as
    /// `duration` as long as nobody knows how much is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<u64>,
    /// All renditions, the ladder first, largest rung first, then the audio tracks; none before the
    /// probe.
    pub renditions: Vec<RenditionId>,
    /// What a viewer needs: one rung and the audio that plays unless another is chosen. The first of
    /// them leads: its segments are what `made` counts.
    pub needed: Vec<RenditionId>,
    /// The picture that stands for it.
    pub poster: Option<Poster>,
    /// The longest range between two cuts in seconds, rounded up.
    pub longest_seconds: u32,
    /// Number of tasks in its plan.
    pub tasks: u32,
    /// Tasks that were sent; those of the plan are sent in order.
    pub sent: u32,
    /// Tasks that are done.
    pub done: u32,
    /// Segments of the leading rendition that the plan expects; zero where nobody knows.
    pub expected: u32,
    /// Segments of the leading rendition that were made.
    pub made: u32,
    /// How far tasks are ahead of the leading rendition's segments: by the task's number, in thousandths
    /// of its next segment; where nobody knows how many are expected, of the whole source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ahead: BTreeMap<u32, u32>,
    /// What the done tasks met in the source that could not be used: packets and frames.
    #[serde(default)]
    pub damaged: u64,
    /// Attempts at tasks that were lost or failed: only these can have left objects that nothing names.
    pub lost: u32,
    /// When its holders were last told of it.
    pub told: Timestamp,
}

/// A JPEG picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poster {
    /// Name of the object.
    pub object: String,
    /// Its length.
    pub bytes: u64,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// How a task came to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TaskEnd {
    /// Attempts at it that did not succeed.
    pub(super) lost: u32,
    /// What it met in the source that could not be used.
    pub(super) damaged: u64,
}

impl Row for Video {
    const WHAT: &'static str = "a video";
}

impl Video {
    /// A video that waits for its probe.
    pub(super) fn queued(now: Timestamp) -> Self {
        Self {
            status: VideoStatus::Queued,
            reason: None,
            source_failed: false,
            duration: None,
            announced: None,
            renditions: Vec::new(),
            needed: Vec::new(),
            poster: None,
            longest_seconds: 0,
            tasks: 0,
            sent: 0,
            done: 0,
            expected: 0,
            made: 0,
            ahead: BTreeMap::new(),
            damaged: 0,
            lost: 0,
            told: now,
        }
    }

    /// From 0 to 1; 1 only when it is ready.
    #[must_use]
    pub fn progress(&self) -> f64 {
        if self.status == VideoStatus::Ready {
            return 1.0;
        }
        let ahead = f64::from(self.ahead.values().sum::<u32>()) / f64::from(WHOLE);
        let part = match self.expected {
            0 => ahead,
            expected => (f64::from(self.made) + ahead) / f64::from(expected),
        };
        part.min(ALMOST)
    }

    /// Its duration in seconds.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        self.duration.map(seconds)
    }

    /// How long its source says that it is, in seconds, where it was cut off before that.
    #[must_use]
    pub fn announced_seconds(&self) -> Option<f64> {
        let missing = |&announced: &u64| self.duration.is_none_or(|there| there < announced);
        self.announced.filter(missing).map(seconds)
    }

    /// # Errors
    /// `Cancelled` where it has ended, so that whoever works on it stops.
    pub(super) fn under_way(&self) -> Result<()> {
        if self.status.is_terminal() {
            let state = self.status;
            return Err(Error::new(
                ErrorKind::Cancelled,
                format!("the video is {state:?} already"),
            ));
        }
        Ok(())
    }

    /// Sends tasks until `width` of them are outstanding, at most [`MAX_SENT`]: which.
    pub(super) fn send(&mut self, width: u32) -> Range<u32> {
        let outstanding = self.sent.saturating_sub(self.done);
        let room = width.saturating_sub(outstanding).min(MAX_SENT).min(self.tasks - self.sent);
        let first = self.sent;
        self.sent += room;
        first..self.sent
    }

    /// One more task is done, as `end` says: which tasks are sent now, and whether that was the last.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended.
    pub(super) fn task_done(&self, end: TaskEnd, width: u32) -> Result<(Self, Range<u32>, bool)> {
        self.under_way()?;
        let mut next = self.clone();
        next.done += 1;
        next.lost = next.lost.saturating_add(end.lost);
        next.damaged = next.damaged.saturating_add(end.damaged);
        let sent = next.send(width);
        let last = next.done == next.tasks;
        Ok((next, sent, last))
    }

    /// A segment was made: of the leading rendition by that task, or of another one; with it all that is
    /// needed can be played or not.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended.
    pub(super) fn segment_made(&self, leading: Option<TaskId>, playable: bool) -> Result<Self> {
        self.under_way()?;
        let mut next = self.clone();
        if let Some(task) = leading {
            next.made += 1;
            // It is what the task was ahead by; of the whole source, it still is.
            if let (TaskId::Number(task), 1..) = (task, self.expected) {
                next.ahead.remove(&task);
            }
        }
        if playable {
            next.status = VideoStatus::Playable;
        }
        Ok(next)
    }

    /// `task` is ahead by so many thousandths. A later attempt, which begins further back, does not take
    /// back what was told.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended.
    pub(super) fn progressed(&self, task: u32, thousandths: u32) -> Result<Self> {
        self.under_way()?;
        let mut next = self.clone();
        let ahead = next.ahead.entry(task).or_default();
        *ahead = thousandths.min(WHOLE).max(*ahead);
        Ok(next)
    }

    /// It cannot be completed; `source_failed` where that is for what its source is.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended.
    pub(super) fn failed(&self, reason: &str, source_failed: bool) -> Result<Self> {
        self.under_way()?;
        let reason = Some(reason.to_owned());
        Ok(Self { status: VideoStatus::Failed, reason, source_failed, ..self.clone() })
    }

    /// It is complete, and so long.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended, `Conflict` where tasks are not done.
    pub(super) fn ready(&self, duration: u64) -> Result<Self> {
        self.all_done()?;
        // Where all that was announced could be made after all, nothing is missing.
        let announced = self.announced.filter(|&announced| announced > duration);
        let duration = Some(duration);
        Ok(Self { status: VideoStatus::Ready, duration, announced, ..self.clone() })
    }

    /// # Errors
    /// `Cancelled` where the video has ended, `Conflict` where tasks are not done.
    pub(super) fn all_done(&self) -> Result<()> {
        self.under_way()?;
        if self.status == VideoStatus::Queued || self.done != self.tasks {
            return Err(Error::conflict("a video is ready once all its tasks are done"));
        }
        Ok(())
    }

    /// Whether it differs from `before` by no more than its progress.
    pub(super) fn is_progress_of(&self, before: &Self) -> bool {
        self.status == before.status && self.poster == before.poster
    }

    /// Whether its holders are to be told that it was `before` and is this now.
    pub(super) fn is_news(&self, before: &Self, now: Timestamp) -> bool {
        if !self.is_progress_of(before) {
            return true;
        }
        let due = before.told.checked_add(TELL_EVERY).is_ok_and(|due| now >= due);
        due && self.progress() > before.progress()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a day is 2^33 ticks")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / f64::from(TIMESCALE)
}

impl Catalog {
    /// A video.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn video(&self, key: &VideoKey) -> Result<Option<Video>> {
        Ok(self.stored_video(key).await?.map(|video| video.value))
    }

    /// Up to a thousand videos, in the order of the keys.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn videos(&self, videos: &[VideoKey]) -> Result<Vec<Option<Video>>> {
        let keys: Vec<_> = videos.iter().map(keys::head).collect();
        let records = self.records.get_many(&keys, Consistency::Eventual).await?;
        records.into_iter().map(|record| record.map(|r| row::decode(r.value)).transpose()).collect()
    }

    /// A video with the version of its head, which every change of the video or its segments renews.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn stored_video(&self, key: &VideoKey) -> Result<Option<Stored<Video>>> {
        self.records.get(&keys::head(key), Consistency::Strong).await?.map(row::stored).transpose()
    }

    /// The same where work on it goes on.
    ///
    /// # Errors
    /// `Cancelled` for one that has ended or is gone.
    pub(super) async fn video_under_way(&self, key: &VideoKey) -> Result<Stored<Video>> {
        let gone = || Error::new(ErrorKind::Cancelled, "the video is gone");
        let video = self.stored_video(key).await?.ok_or_else(gone)?;
        video.value.under_way()?;
        Ok(video)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn running(tasks: u32) -> Video {
        Video { status: VideoStatus::Running, tasks, expected: 4, ..Video::queued(at(0)) }
    }

    #[test]
    fn never_more_than_the_width_is_outstanding_and_every_task_is_sent_once() {
        for (tasks, width) in [(0, 3), (1, 3), (7, 1), (50, 3), (50, 40), (50, 100)] {
            let mut video = running(tasks);
            let mut sent: Vec<u32> = video.send(width).collect();
            while video.done < tasks {
                assert!(video.sent - video.done <= width);
                let (next, more, last) = video.task_done(TaskEnd::default(), width).unwrap();
                assert_eq!(last, next.done == tasks);
                video = next;
                sent.extend(more);
            }
            assert_eq!(sent, (0..tasks).collect::<Vec<_>>());
        }
    }

    #[test]
    fn terminal_states_absorb() {
        let video = Video { done: 2, ..running(2) };
        let ended = [
            video.ready(9).unwrap(),
            video.failed("x", false).unwrap(),
            Video { status: VideoStatus::Cancelled, ..video },
        ];
        for video in ended {
            let kinds = [
                video.task_done(TaskEnd::default(), 1).map(drop),
                video.segment_made(Some(TaskId::Number(0)), true).map(drop),
                video.failed("again", false).map(drop),
                video.ready(1).map(drop),
            ]
            .map(|result| result.unwrap_err().kind());
            assert_eq!(kinds, [ErrorKind::Cancelled; 4], "{:?}", video.status);
        }
    }

    #[test]
    fn a_video_is_ready_only_when_all_is_done() {
        assert_eq!(running(2).ready(1).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(Video::queued(at(0)).ready(1).unwrap_err().kind(), ErrorKind::Conflict);
        let ready = Video { done: 2, ..running(2) }.ready(90_000).unwrap();
        assert_eq!((ready.seconds(), ready.progress()), (Some(1.0), 1.0));
    }

    #[test]
    fn a_video_says_what_its_source_lacks_unless_it_was_made_after_all() {
        let cut = Video { done: 2, announced: Some(180_000), ..running(2) };
        assert_eq!(cut.ready(90_000).unwrap().announced_seconds(), Some(2.0));
        let guessed = Video { duration: Some(180_000), ..cut.clone() };
        assert_eq!(guessed.announced_seconds(), None, "nobody knows yet");
        assert_eq!(guessed.ready(90_000).unwrap().announced_seconds(), Some(2.0));
        assert_eq!(cut.ready(180_000).unwrap().announced_seconds(), None);
    }

    #[test]
    fn progress_is_whole_only_at_the_end() {
        let of = |made, expected| Video { made, expected, ..running(1) }.progress();
        assert_eq!([of(0, 4), of(2, 4), of(4, 4), of(9, 4), of(3, 0)], [0.0, 0.5, 0.99, 0.99, 0.0]);
    }

    #[test]
    fn progress_goes_on_within_a_segment_and_never_back() {
        let mut video = running(3);
        let mut told = 0.0;
        let mut now = |video: &Video, expected: f64| {
            assert!(video.progress() >= told && (video.progress() - expected).abs() < 1e-9);
            told = video.progress();
        };
        video = video.progressed(0, 500).unwrap();
        now(&video, 0.125);
        // Another attempt is not as far yet.
        video = video.progressed(0, 200).unwrap();
        now(&video, 0.125);
        video = video.progressed(1, 5000).unwrap();
        now(&video, 0.375);
        video = video.segment_made(Some(TaskId::Number(1)), false).unwrap();
        now(&video, 0.375);
        video = video.segment_made(Some(TaskId::Number(0)), false).unwrap();
        now(&video, 0.5);
        video = video.segment_made(None, false).unwrap();
        now(&video, 0.5);
    }

    #[test]
    fn progress_of_an_unknown_length_is_that_of_the_reading() {
        let video = Video { expected: 0, ..running(1) };
        let half = video.progressed(0, 500).unwrap();
        assert_eq!((video.progress(), half.progress()), (0.0, 0.5));
        let made = half.segment_made(Some(TaskId::Number(0)), false).unwrap();
        assert_eq!(made.progress(), 0.5);
        assert_eq!(made.progressed(0, 1000).unwrap().progress(), ALMOST);
    }

    #[test]
    fn states_are_told_at_once_and_progress_once_a_second() {
        let before = running(4);
        let made = before.segment_made(Some(TaskId::Number(0)), false).unwrap();
        assert!(!made.is_news(&before, at(999)));
        assert!(made.is_news(&before, at(1000)));
        assert!(!before.is_news(&before, at(5000)));
        assert!(before.segment_made(None, true).unwrap().is_news(&before, at(0)));
        assert!(before.failed("why", false).unwrap().is_news(&before, at(0)));
    }
}
