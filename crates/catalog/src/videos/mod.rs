//! Videos: renditions belong to the SHA-256 of the whole file and an encoding profile, never to a file,
//! so that the same movie is transcoded once.
//!
//! | row | what |
//! |---|---|
//! | `video#<sha256>#<profile>` / `head` | [`Video`]: where it stands |
//! | ... / `plan`, `plan#<page>` | what is to be made, opaque here; written once |
//! | ... / `task#probe`, `task#<n>` | [`Task`]: one piece of work, from when it is sent |
//! | ... / `lease#probe`, `lease#<n>` | until when somebody works on it |
//! | ... / `ref#<owner>#<file>` | who holds the video |
//! | `rendition#<id>` / `head` | [`Rendition`] |
//! | ... / `seg#<k>` | [`Segment`] |
//!
//! The head is written with every change that it tells of, on its version: so counts are exact and a
//! last one exists. A worker's writes check the task's row, which changes when somebody else takes the
//! task over: so an attempt that was given up for dead cannot write any more. A holder that comes
//! writes the head too: so it and whoever cancels a video without holders cannot miss each other.

mod finish;
mod holders;
mod keys;
mod line;
mod plan;
mod relay;
mod release;
mod rendition;
mod retry;
mod segments;
mod take_up;
mod task;
mod video;
mod work;

pub use holders::Holder;
pub use plan::NewPlan;
pub use relay::DueJob;
pub use release::Leaving;
pub use rendition::{Init, Rendition, Segment};
pub use segments::{Made, Part};
pub use take_up::TakenUp;
pub use task::{Cause, Policy, Task, TaskId, TaskState};
pub use video::{Poster, Video};
pub use work::{Claim, Failure, Held, Missed};

pub(crate) use holders::unreference;

use model::Sha256;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a video is made from and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VideoKey {
    /// SHA-256 of the whole file.
    pub sha256: Sha256,
    /// Id of the encoding profile.
    pub profile: String,
}

impl fmt::Display for VideoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.sha256, self.profile)
    }
}
