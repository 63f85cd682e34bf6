//! Jobs: what the queue carries. A job names its thing and nothing else; what is to be done stands in
//! the tables, so that a job that comes twice, or late, finds the truth there.

use crate::{Catalog, VideoLink, row, row::Row, videos::VideoKey};
use model::{Error, ErrorKind, FileId, Result};
use serde::{Deserialize, Serialize};

/// A message to the workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// A file looks like media: find its video, or make one, and plan it.
    Probe {
        /// The file.
        file: FileId,
    },
    /// A task of a video's plan is due.
    Task {
        /// The video.
        video: VideoKey,
        /// The task's number in the plan.
        task: u32,
    },
    /// All tasks are done: verify and close.
    Finish {
        /// The video.
        video: VideoKey,
    },
}

impl Row for Job {
    const WHAT: &'static str = "a job";
}

impl Job {
    /// Whether it is done in moments. Such a job goes to a queue of its own: behind tasks, of which a
    /// single one may take hours, nobody would learn what became of their upload.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        !matches!(self, Self::Task { .. })
    }

    /// The message's body.
    ///
    /// # Errors
    /// `Internal` where it cannot be written, which is a defect.
    pub fn encode(&self) -> Result<String> {
        row::encode(self).map(|value| value.to_string())
    }

    /// A job from a message's body.
    ///
    /// # Errors
    /// `Invalid` for a body that is no job of a known format.
    pub fn decode(body: &str) -> Result<Self> {
        let value = serde_json::from_str(body).map_err(|error| {
            Error::with_source(ErrorKind::Invalid, "a message on the queue is not JSON", error)
        })?;
        row::decode(value).map_err(|error| {
            Error::with_source(ErrorKind::Invalid, "a message on the queue is no known job", error)
        })
    }
}

impl Catalog {
    /// The video that `job` is about; `None` for a probe of a file that is gone or has none yet.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn video_of_job(&self, job: &Job) -> Result<Option<VideoKey>> {
        let file = match job {
            Job::Task { video, .. } | Job::Finish { video } => return Ok(Some(video.clone())),
            Job::Probe { file } => self.any_file(*file).await?,
        };
        Ok(match file.and_then(|file| file.value.current.video) {
            Some(VideoLink::Video(video)) => Some(video),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_the_queue() {
        let video = VideoKey { sha256: model::Sha256::of(b"x"), profile: "p1".into() };
        let job = Job::Task { video, task: 3 };
        assert_eq!(Job::decode(&job.encode().unwrap()).unwrap(), job);
    }

    #[test]
    fn strange_messages_are_refused() {
        for body in ["", "{}", r#"{"v":1,"job":"dance"}"#, r#"{"v":9,"job":"finish"}"#] {
            assert_eq!(Job::decode(body).unwrap_err().kind(), ErrorKind::Invalid, "{body}");
        }
    }
}
