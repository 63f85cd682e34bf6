//! The one write that moves an upload's durable offset.

use crate::{
    BlockEntry, Catalog, HasherState, MAX_GROUP, Scope, Stored, TailPiece, Upload, keys, log,
    row::{self, Row},
};
use model::{Error, Result, Sha256, Timestamp, block::BlockState, event::EventType};
use records::{Condition, Version, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What has become durable since the checkpoint before.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The upload's offset after it.
    pub offset: u64,
    /// Offset of the first of `entries`.
    pub start: u64,
    /// New blocks, in order; all of them are durable.
    pub entries: Vec<BlockEntry>,
    /// Numbers of the intents whose hashes are all among `entries`: settled with this write.
    pub intents: Vec<u32>,
    /// Bytes behind the last block, durable as objects.
    pub tail: Vec<TailPiece>,
    /// The whole file's hash at `offset`.
    pub hasher: Option<HasherState>,
    /// Records that become `Present` with this write, compare-and-set: `None` for no record yet.
    pub present: Vec<(Sha256, Option<Version>, BlockState)>,
    /// Deduplication scope of the blocks.
    pub scope: Scope,
    /// When.
    pub now: Timestamp,
}

/// The blocks of one checkpoint.
#[derive(Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) blocks: Vec<BlockEntry>,
}

impl Row for Part {
    const WHAT: &'static str = "a checkpoint's blocks";
}

impl Catalog {
    /// Moves the offset of the upload that `held` writes, in one write with all that it rests on, and
    /// brings `held` up to date.
    ///
    /// # Errors
    /// `Cancelled` where another writer took over; `Conflict` where a block's record is not what was
    /// named (read the blocks again and decide anew; nothing was written); `Invalid` for more than
    /// [`MAX_GROUP`] blocks.
    pub async fn checkpoint(&self, held: &mut Stored<Upload>, new: Checkpoint) -> Result<()> {
        if new.entries.len() > MAX_GROUP || new.present.len() + new.intents.len() > MAX_GROUP + 16 {
            return Err(Error::invalid(format!("a checkpoint has at most {MAX_GROUP} blocks")));
        }
        let (_, epoch) = held.value.state.open()?;
        let mut next = held.value.clone();
        next.state = next.state.checkpoint(epoch, new.offset)?;
        next.tail = new.tail;
        next.hasher = new.hasher;

        let mut batch = vec![
            Write::check(keys::upload(next.id), Condition::VersionIs(held.version)),
            row::put(keys::progress(next.id), Condition::Any, &next.progress()?)?,
        ];
        if !new.entries.is_empty() {
            let part = Part { blocks: new.entries };
            batch.push(row::put(keys::part(next.content, new.start), Condition::Any, &part)?);
        }
        for number in new.intents {
            batch.push(Write::delete(keys::intent(next.content, epoch, number), Condition::Any));
        }
        for (hash, version, state) in &new.present {
            let key = keys::block(&new.scope, *hash);
            batch.push(row::put(key, crate::blocks::condition(*version), state)?);
        }
        let data = json!({"offset": new.offset, "length": next.length});
        let event = log::event(new.now, EventType::UploadProgress, None, Some(next.id), data);
        batch.push(log::passing_event_write(&next.owner, &event, new.now + log::PROGRESS_KEPT)?);

        match self.records.write(batch).await {
            Ok(_) => {
                held.value = next;
                Ok(())
            }
            // Tells a lost upload from a block that somebody else brought meanwhile.
            Err(error) if records::failed_key(&error) == Some(&keys::upload(next.id)) => {
                Err(crate::blocks::taken_over(error))
            }
            Err(error) => Err(error),
        }
    }
}
