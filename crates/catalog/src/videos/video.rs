//! A video's head: where it stands, and the transitions between its states.

use super::VideoKey;
use crate::{
    Catalog, Stored,
    row::{self, Row},
    videos::keys,
};
use cmaf::timeline::TIMESCALE;
use model::{Error, ErrorKind, RenditionId, Result, Timestamp, video::VideoStatus};
use records::Consistency;
use serde::{Deserialize, Serialize};
use std::{ops::Range, time::Duration};

/// How often progress alone is told to those who look on.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The most progress of a video that is not ready.
const ALMOST: f64 = 0.99;

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
    /// Why it failed: one sentence for its owner.
    pub reason: Option<String>,
    /// Ticks of 1/90,000 s: as the source says, where it does; what was made once the video is ready.
    pub duration: Option<u64>,
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

impl Row for Video {
    const WHAT: &'static str = "a video";
}

impl Video {
    /// A video that waits for its probe.
    pub(super) fn queued(now: Timestamp) -> Self {
        Self {
            status: VideoStatus::Queued,
            reason: None,
            duration: None,
            renditions: Vec::new(),
            needed: Vec::new(),
            poster: None,
            longest_seconds: 0,
            tasks: 0,
            sent: 0,
            done: 0,
            expected: 0,
            made: 0,
            lost: 0,
            told: now,
        }
    }

    /// From 0 to 1; 1 only when it is ready.
    #[must_use]
    pub fn progress(&self) -> f64 {
        match self.status {
            VideoStatus::Ready => 1.0,
            _ if self.expected == 0 => 0.0,
            _ => (f64::from(self.made) / f64::from(self.expected)).min(ALMOST),
        }
    }

    /// Its duration in seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a day is 2^33 ticks")]
    pub fn seconds(&self) -> Option<f64> {
        self.duration.map(|ticks| ticks as f64 / f64::from(TIMESCALE))
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

    /// One more task is done, after `lost` attempts at it that were not: which tasks are sent now, and
    /// whether that was the last.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended.
    pub(super) fn task_done(&self, lost: u32, width: u32) -> Result<(Self, Range<u32>, bool)> {
        self.under_way()?;
        let mut next = self.clone();
        next.done += 1;
        next.lost = next.lost.saturating_add(lost);
        let sent = next.send(width);
        let last = next.done == next.tasks;
        Ok((next, sent, last))
    }

    /// A segment was made; of the leading rendition or not; with it all that is needed can be played
    /// or not.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended.
    pub(super) fn segment_made(&self, leading: bool, playable: bool) -> Result<Self> {
        self.under_way()?;
        let mut next = self.clone();
        next.made += u32::from(leading);
        if playable {
            next.status = VideoStatus::Playable;
        }
        Ok(next)
    }

    /// It cannot be completed.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended.
    pub(super) fn failed(&self, reason: &str) -> Result<Self> {
        self.under_way()?;
        let reason = Some(reason.to_owned());
        Ok(Self { status: VideoStatus::Failed, reason, ..self.clone() })
    }

    /// It is complete, and so long.
    ///
    /// # Errors
    /// `Cancelled` where the video has ended, `Conflict` where tasks are not done.
    pub(super) fn ready(&self, duration: u64) -> Result<Self> {
        self.under_way()?;
        if self.status == VideoStatus::Queued || self.done != self.tasks {
            return Err(Error::conflict("a video is ready once all its tasks are done"));
        }
        Ok(Self { status: VideoStatus::Ready, duration: Some(duration), ..self.clone() })
    }

    /// Whether its holders are to be told that it was `before` and is this now.
    pub(super) fn is_news(&self, before: &Self, now: Timestamp) -> bool {
        if self.status != before.status || self.poster != before.poster {
            return true;
        }
        let due = before.told.checked_add(TELL_EVERY).is_ok_and(|due| now >= due);
        due && self.made != before.made
    }
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
                let (next, more, last) = video.task_done(0, width).unwrap();
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
            video.failed("x").unwrap(),
            Video { status: VideoStatus::Cancelled, ..video },
        ];
        for video in ended {
            let kinds = [
                video.task_done(0, 1).map(drop),
                video.segment_made(true, true).map(drop),
                video.failed("again").map(drop),
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
    fn progress_is_whole_only_at_the_end() {
        let of = |made, expected| Video { made, expected, ..running(1) }.progress();
        assert_eq!([of(0, 4), of(2, 4), of(4, 4), of(9, 4), of(3, 0)], [0.0, 0.5, 0.99, 0.99, 0.0]);
    }

    #[test]
    fn states_are_told_at_once_and_progress_once_a_second() {
        let before = running(4);
        let made = before.segment_made(true, false).unwrap();
        assert!(!made.is_news(&before, at(999)));
        assert!(made.is_news(&before, at(1000)));
        assert!(!before.is_news(&before, at(5000)));
        assert!(before.segment_made(false, true).unwrap().is_news(&before, at(0)));
        assert!(before.failed("why").unwrap().is_news(&before, at(0)));
    }
}
