//! Keys of the videos' rows.

use super::{TaskId, VideoKey};
use crate::keys::HEAD;
use model::{FileId, OwnerId, RenditionId};
use records::Key;

/// What the references of a video's partition begin with.
pub(super) const REFERENCE: &str = "ref#";
/// Tasks that were sent.
pub(super) const TASK: &str = "task#";
/// Their leases.
pub(super) const LEASE: &str = "lease#";
/// The plan, and pages of its tasks.
pub(super) const PLAN: &str = "plan";
/// What the segments of a rendition's partition begin with.
pub(super) const SEGMENT: &str = "seg#";

pub(super) fn partition(video: &VideoKey) -> String {
    format!("video#{video}")
}

pub(super) fn head(video: &VideoKey) -> Key {
    Key::new(partition(video), HEAD)
}

pub(super) fn plan(video: &VideoKey) -> Key {
    Key::new(partition(video), PLAN)
}

pub(super) fn plan_page(video: &VideoKey, page: u32) -> Key {
    Key::new(partition(video), format!("{PLAN}#{page:08x}"))
}

pub(super) fn task(video: &VideoKey, task: TaskId) -> Key {
    Key::new(partition(video), format!("{TASK}{task}"))
}

pub(super) fn lease(video: &VideoKey, task: TaskId) -> Key {
    Key::new(partition(video), format!("{LEASE}{task}"))
}

pub(super) fn reference(video: &VideoKey, owner: &OwnerId, file: FileId) -> Key {
    Key::new(partition(video), format!("{REFERENCE}{owner}#{file}"))
}

pub(super) fn rendition_partition(id: RenditionId) -> String {
    format!("rendition#{id}")
}

pub(super) fn rendition(id: RenditionId) -> Key {
    Key::new(rendition_partition(id), HEAD)
}

pub(super) fn segment(id: RenditionId, k: u32) -> Key {
    Key::new(rendition_partition(id), format!("{SEGMENT}{k:08x}"))
}
