//! One block, verified: where it lies, its stored bytes, its plain bytes, its hash. No byte is given out
//! before the hash was right.

use crate::{codec, cpu::Cpu, mark};
use bytes::Bytes;
use catalog::{BlockEntry, Catalog, Scope, Stored};
use model::{
    ByteRange, Error, ErrorKind, Result, Sha256,
    block::{BlockState, Placement},
};
use moka::future::Cache;
use objects::{ObjectName, ObjectStore};
use records::Version;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often a block is read that is wrong or gone: its record may have moved on meanwhile, or the
/// bytes were hurt on their way here.
const TRIES: usize = 4;

/// What a deployment gives its reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reads {
    /// Bytes that they may hold together.
    pub(crate) budget: u64,
    /// Bytes of recently read blocks that are kept.
    pub(crate) cache: u64,
    /// Longest wait for a turn.
    pub(crate) patience: Duration,
}

/// What all reads of the process share. Cheap to clone.
///
/// Most of the memory is held for as long as a client takes with the bytes. A client may take for ever,
/// so the rest, a quarter, is a reserve that nobody holds for longer than it takes to read a block: when
/// the memory is all taken, reads take turns with it and go on in small pieces.
#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    catalog: Catalog,
    objects: Arc<dyn ObjectStore>,
    cpu: Cpu,
    /// A permit a byte, both.
    memory: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    /// Permits of each.
    most: u32,
    most_reserve: u32,
    patience: Duration,
    recent: Cache<(Scope, Sha256), Bytes>,
}

/// What was read of a block.
enum Found {
    /// Its plain bytes.
    Block(Bytes),
    /// Bytes that are not the block's.
    Other,
    /// There is no such object.
    Nothing,
}

/// Verified bytes with their share of the memory for reads.
struct Counted {
    bytes: Bytes,
    _memory: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::Damaged,
        "a block of this file is missing or damaged; uploading the file again heals it",
    )
}

impl Fetch {
    pub(crate) fn new(
        catalog: Catalog,
        objects: Arc<dyn ObjectStore>,
        cpu: Cpu,
        reads: Reads,
    ) -> Self {
        let Reads { budget, cache, patience } = reads;
        let permits = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        let (most, most_reserve) = (permits(budget - budget / 4), permits(budget / 4));
        let recent = Cache::builder()
            .max_capacity(cache)
            .weigher(|_, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX))
            .build();
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        let (memory, reserve) = (semaphore(most), semaphore(most_reserve));
        Self { catalog, objects, cpu, memory, reserve, most, most_reserve, patience, recent }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// A copy of `piece`, which lies within the block, when it is this reader's turn with the reserve.
    ///
    /// # Errors
    /// `Busy` where its turn did not come in time; those of the stores; `Damaged`.
    pub(crate) async fn copied(
        &self,
        scope: &Scope,
        block: BlockEntry,
        piece: std::ops::Range<usize>,
    ) -> Result<Bytes> {
        let turn = self.reserve.acquire_many(block.len.min(self.most_reserve));
        let turn = tokio::time::timeout(self.patience, turn).await;
        let _turn = turn.map_err(|_| crate::no_memory())?.map_err(|closed| {
            Error::with_source(ErrorKind::Internal, "the memory for reads is closed", closed)
        })?;
        // The next piece is of the same block, most likely.
        let bytes = self.recent(scope, block).await?;
        bytes.get(piece).map(Bytes::copy_from_slice).ok_or_else(damaged)
    }

    /// Memory for one block, if there is some at once.
    pub(crate) fn memory_at_once(&self, block: BlockEntry) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.memory).try_acquire_many_owned(block.len.min(self.most)).ok()
    }

    /// A block for a long read, counted against `memory` until the last of its bytes is dropped. Of one
    /// that is wanted only in part, the next read is likely to want the rest; to others it will not
    /// come back.
    pub(crate) async fn counted(
        &self,
        scope: &Scope,
        block: BlockEntry,
        in_part: bool,
        memory: OwnedSemaphorePermit,
    ) -> Result<Bytes> {
        let bytes = if in_part {
            self.recent(scope, block).await?
        } else {
            match self.recent.get(&(scope.clone(), block.hash)).await {
                Some(bytes) => bytes,
                None => self.verified(scope, block).await?,
            }
        };
        Ok(Bytes::from_owner(Counted { bytes, _memory: memory }))
    }

    /// A block that is kept for a while.
    pub(crate) async fn recent(&self, scope: &Scope, block: BlockEntry) -> Result<Bytes> {
        let key = (scope.clone(), block.hash);
        let fetched = self.recent.try_get_with(key, self.verified(scope, block)).await;
        // Several readers may have waited for one fetch, so its error is shared.
        fetched
            .map_err(|error: Arc<Error>| Error::with_source(error.kind(), error.to_string(), error))
    }

    async fn verified(&self, scope: &Scope, block: BlockEntry) -> Result<Bytes> {
        let mut suspect = None;
        for _ in 0..TRIES {
            let record = self.catalog.blocks(scope, &[block.hash]).await?.pop().flatten();
            let Stored { value: record, version } = record.ok_or_else(damaged)?;
            let placement = record.readable()?;
            let found = self.read(placement, block).await?;
            let state = match (found, &record) {
                (Found::Block(bytes), BlockState::Missing(placement)) => {
                    tracing::info!(block = %block.hash, object = placement.object, "block is back");
                    let back = BlockState::Present(placement.clone());
                    if let Err(error) = self.record(scope, block, version, back).await {
                        tracing::warn!(
                            cause = error.chain(),
                            "a block that is back is not recorded"
                        );
                    }
                    return Ok(bytes);
                }
                (Found::Block(bytes), _) => return Ok(bytes),
                // Once is no proof: the record may have moved on, or the bytes were hurt on their way.
                _ if suspect != Some(version) => {
                    suspect = Some(version);
                    continue;
                }
                (Found::Other, BlockState::Present(_) | BlockState::Missing(_)) => {
                    BlockState::Damaged
                }
                (Found::Nothing, BlockState::Present(_)) => {
                    mark::check(&self.catalog, &*self.objects).await?;
                    BlockState::Missing(placement.clone())
                }
                // As it was announced for deletion, or was missing before.
                _ => return Err(damaged()),
            };
            tracing::error!(block = %block.hash, object = placement.object, ?state, "block damaged");
            // Said for all to see, and healed by the next upload.
            if self.record(scope, block, version, state).await? {
                return Err(damaged());
            }
        }
        Err(damaged())
    }

    /// Whether the record was still what it is changed from.
    async fn record(
        &self,
        scope: &Scope,
        block: BlockEntry,
        from: Version,
        state: BlockState,
    ) -> Result<bool> {
        let change = (block.hash, Some(from), state);
        match self.catalog.set_blocks(scope, vec![change]).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What lies where the block should.
    async fn read(&self, placement: &Placement, block: BlockEntry) -> Result<Found> {
        let name = ObjectName::new(placement.object.as_str())?;
        let range = ByteRange::at(placement.offset, placement.len);
        let stored = match self.objects.get(&name, Some(range)).await {
            Ok(stored) if stored.len() as u64 == placement.len => stored,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) if error.kind() != ErrorKind::RangeNotSatisfiable => return Err(error),
            // It is shorter.
            _ => return Ok(Found::Other),
        };
        let codec = placement.codec;
        let check = move || {
            codec::decode(stored, codec, block.len).filter(|plain| Sha256::of(plain) == block.hash)
        };
        self.cpu.run(check).await.map(|plain| plain.map_or(Found::Other, Found::Block))
    }
}
