//! What happened, as owners and programs are told of it.

use crate::{EventId, FileId, UploadId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One entry of an owner's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Sorts by time.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What: see [`EventType`].
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The file it is about, once there is one.
    pub file: Option<FileId>,
    /// The upload it is about.
    pub upload: Option<UploadId>,
    /// What the type adds: offsets, states, reasons.
    pub data: serde_json::Value,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// `data: {name, length}`
    #[serde(rename = "upload.created")]
    UploadCreated,
    /// `data: {offset, length}`: the durable offset moved.
    #[serde(rename = "upload.progress")]
    UploadProgress,
    /// `data: {}`: ended by its owner.
    #[serde(rename = "upload.aborted")]
    UploadAborted,
    /// `data: {}`: ended by time.
    #[serde(rename = "upload.expired")]
    UploadExpired,
    /// `data: {name, size, version}`: a version of a file came to be.
    #[serde(rename = "file.stored")]
    FileStored,
    /// `data: {name}`
    #[serde(rename = "file.renamed")]
    FileRenamed,
    /// `data: {}`
    #[serde(rename = "file.deleted")]
    FileDeleted,
    /// `data: {state, progress, reason?}`: the file's video changed.
    #[serde(rename = "video.changed")]
    VideoChanged,
}
