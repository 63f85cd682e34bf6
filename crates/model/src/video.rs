//! A video's states.

use serde::{Deserialize, Serialize};

/// Where a video stands. `Ready`, `Failed` and `Cancelled` are terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoStatus {
    /// Waits for its probe.
    Queued,
    /// Tasks are under way, nothing can be watched yet.
    Running,
    /// One video rung and its audio can be watched from zero.
    Playable,
    /// All renditions are complete and verified.
    Ready,
    /// Will not be completed; what was made is kept, the reason says why.
    Failed,
    /// Nobody holds it any more.
    Cancelled,
}

impl VideoStatus {
    /// Whether nothing leaves this state.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Ready | Self::Failed | Self::Cancelled)
    }
}
