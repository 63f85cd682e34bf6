//! One block, verified: where it lies, its stored bytes, its plain bytes, its hash. No byte is given out
//! before the hash was right.

use crate::{codec, cpu::Cpu};
use bytes::Bytes;
use catalog::{BlockEntry, Catalog, Scope, Stored};
use model::{
    ByteRange, Error, ErrorKind, Result, Sha256,
    block::{BlockState, Placement},
};
use moka::future::Cache;
use objects::{ObjectName, ObjectStore};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often a block is read that is wrong or gone: its record may have moved on meanwhile, or the
/// bytes were hurt on their way here.
const TRIES: usize = 4;

/// What all reads of the process share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    catalog: Catalog,
    objects: Arc<dyn ObjectStore>,
    cpu: Cpu,
    /// A permit a byte.
    memory: Arc<Semaphore>,
    most: u32,
    recent: Cache<(Scope, Sha256), Bytes>,
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
        memory: u64,
        recent: u64,
    ) -> Self {
        let most = u32::try_from(memory).unwrap_or(u32::MAX).max(1);
        let recent = Cache::builder()
            .max_capacity(recent)
            .weigher(|_, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX))
            .build();
        let memory = Arc::new(Semaphore::new(most as usize));
        Self { catalog, objects, cpu, memory, most, recent }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Memory for one block, when it is this reader's turn.
    pub(crate) async fn memory(&self, block: BlockEntry) -> Result<OwnedSemaphorePermit> {
        let share = block.len.min(self.most);
        let granted = Arc::clone(&self.memory).acquire_many_owned(share).await;
        granted.map_err(|closed| {
            Error::with_source(ErrorKind::Internal, "the memory for reads is closed", closed)
        })
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
            if let Some(bytes) = self.read(placement, block).await? {
                return Ok(bytes);
            }
            if suspect == Some(version) {
                // Wrong twice with the same record: said for all to see, and healed by the next upload.
                tracing::error!(block = %block.hash, object = placement.object, "block damaged");
                if matches!(record, BlockState::Present(_)) {
                    let change = (block.hash, Some(version), BlockState::Damaged);
                    match self.catalog.set_blocks(scope, vec![change]).await {
                        Err(error) if error.kind() == ErrorKind::Conflict => continue,
                        done => done?,
                    };
                }
                return Err(damaged());
            }
            suspect = Some(version);
        }
        Err(damaged())
    }

    /// The block's plain bytes; `None` where its object is gone or is not the block.
    async fn read(&self, placement: &Placement, block: BlockEntry) -> Result<Option<Bytes>> {
        let name = ObjectName::new(placement.object.as_str())?;
        let range = ByteRange::at(placement.offset, placement.len);
        let stored = match self.objects.get(&name, Some(range)).await {
            Ok(stored) if stored.len() as u64 == placement.len => stored,
            Ok(_) => return Ok(None),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::RangeNotSatisfiable) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let codec = placement.codec;
        let check = move || {
            codec::decode(stored, codec, block.len).filter(|plain| Sha256::of(plain) == block.hash)
        };
        self.cpu.run(check).await
    }
}
