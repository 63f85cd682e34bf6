//! Partition and sort keys, all of them. Numbers in keys are hex of fixed width, so that text sorts as
//! numbers do.

use crate::{DueKind, Scope, log::Topic};
use model::{ContentId, EventId, FileId, KeyId, OwnerId, Sha256, UploadId};
use records::Key;

/// The one row of a partition that describes its thing.
pub(crate) const HEAD: &str = "head";

fn key(partition: String, sort: impl Into<String>) -> Key {
    Key { partition, sort: sort.into() }
}

/// What of the other stores belongs to these records.
pub(crate) fn mark() -> Key {
    key("store".into(), "objects")
}

pub(crate) fn upload(id: UploadId) -> Key {
    key(format!("upload#{id}"), HEAD)
}

pub(crate) fn progress(id: UploadId) -> Key {
    key(format!("upload#{id}"), "progress")
}

pub(crate) fn block(scope: &Scope, hash: Sha256) -> Key {
    key(format!("block#{scope}#{hash}"), "record")
}

pub(crate) fn reference(scope: &Scope, hash: Sha256, owner: &OwnerId, content: ContentId) -> Key {
    key(format!("block#{scope}#{hash}"), format!("{REFERENCE}{owner}#{content}"))
}

/// What the references of a block's partition begin with.
pub(crate) const REFERENCE: &str = "ref#";

pub(crate) fn content(id: ContentId) -> Key {
    key(content_partition(id), HEAD)
}

pub(crate) fn content_partition(id: ContentId) -> String {
    format!("content#{id}")
}

/// Blocks of one checkpoint, by the offset of the first.
pub(crate) const PART: &str = "part#";
/// Up to [`crate::contents::PAGE_LEN`] blocks of a committed content, by the offset of the first.
pub(crate) const PAGE: &str = "page#";
/// Hashes that an ingest is about to reference.
pub(crate) const INTENT: &str = "intent#";

pub(crate) fn part(id: ContentId, offset: u64) -> Key {
    key(content_partition(id), format!("{PART}{offset:016x}"))
}

pub(crate) fn page(id: ContentId, offset: u64) -> Key {
    key(content_partition(id), format!("{PAGE}{offset:016x}"))
}

pub(crate) fn intent(id: ContentId, epoch: u64, number: u32) -> Key {
    key(content_partition(id), format!("{INTENT}{epoch:016x}#{number:08x}"))
}

pub(crate) fn file(id: FileId) -> Key {
    key(format!("file#{id}"), HEAD)
}

pub(crate) fn owner_partition(owner: &OwnerId) -> String {
    format!("owner#{owner}")
}

/// An owner's files, by id, so by time.
pub(crate) const OWNED_FILE: &str = "file#";

pub(crate) fn owned_file(owner: &OwnerId, id: FileId) -> Key {
    key(owner_partition(owner), format!("{OWNED_FILE}{id}"))
}

/// An owner's files with the same bytes, by id, so by time.
pub(crate) fn same_bytes(sha256: Sha256) -> String {
    format!("same#{sha256}#")
}

pub(crate) fn owned_bytes(owner: &OwnerId, sha256: Sha256, id: FileId) -> Key {
    key(owner_partition(owner), format!("{}{id}", same_bytes(sha256)))
}

/// The partition of all API keys.
pub(crate) const API_KEYS: &str = "keys";

pub(crate) fn api_key(id: KeyId) -> Key {
    key(API_KEYS.into(), id.to_string())
}

pub(crate) fn session(hash: Sha256) -> Key {
    key(format!("session#{hash}"), HEAD)
}

pub(crate) fn log_partition(topic: &Topic) -> String {
    format!("log#{topic}")
}

pub(crate) fn log(topic: &Topic, id: EventId) -> Key {
    key(log_partition(topic), id.to_string())
}

/// Due rows are spread over this many partitions, so that no one of them is hot.
pub(crate) const DUE_SHARDS: u8 = 16;

pub(crate) fn due_partition(kind: DueKind, shard: u8) -> String {
    match kind {
        DueKind::Work => format!("due#{shard:02x}"),
        DueKind::Candidate => format!("candidate#{shard:02x}"),
    }
}

pub(crate) fn due(kind: DueKind, shard: u8, sort: String) -> Key {
    key(due_partition(kind, shard), sort)
}
