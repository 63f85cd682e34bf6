//! Videos: renditions belong to the SHA-256 of the whole file and an encoding profile, never to a file,
//! so that the same movie is transcoded once.

use model::{FileId, OwnerId, Sha256};
use records::{Condition, Key, Write};
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

fn partition(video: &VideoKey) -> String {
    format!("video#{video}")
}

fn reference(video: &VideoKey, owner: &OwnerId, file: FileId) -> Key {
    Key { partition: partition(video), sort: format!("ref#{owner}#{file}") }
}

/// The write that takes a file's reference to a video away.
pub(crate) fn unreference(video: &VideoKey, owner: &OwnerId, file: FileId) -> Write {
    Write::delete(reference(video, owner, file), Condition::Any)
}
