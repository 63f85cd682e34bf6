//! Which blocks of a group have to be put, and under which name: the conversation with the blocks'
//! records after their references were written (`model::block` has the rules).

use crate::claims::{Claim, Claims};
use catalog::{Catalog, Scope};
use model::{
    Error, ErrorKind, Result, Sha256,
    block::{self, BlockState, Codec, IngestStep},
};
use objects::ObjectName;
use records::Version;
use std::collections::{BTreeMap, btree_map::Entry};

/// How often the records of a group are read again because others, of other processes, or the sweep,
/// came between. Each time means that somebody made progress.
const TRIES: usize = 32;

/// A block that is to be put under this name.
#[derive(Debug, Clone)]
pub(crate) struct Reserved {
    pub(crate) name: ObjectName,
    pub(crate) codec: Codec,
    /// Its record, `Pending`.
    pub(crate) record: BlockState,
    pub(crate) version: Version,
}

/// A block that is not durable, as its record was read.
struct Missing {
    hash: Sha256,
    codec: Codec,
    state: Option<BlockState>,
    version: Option<Version>,
    step: IngestStep,
}

/// The rights to put the blocks of a group.
pub(crate) type Held = BTreeMap<Sha256, Claim>;

/// For one deduplication scope.
#[derive(Debug, Clone)]
pub(crate) struct Ingest {
    pub(crate) catalog: Catalog,
    pub(crate) scope: Scope,
    pub(crate) claims: Claims,
}

impl Ingest {
    /// Reads the records of `blocks`, each with the form it should be stored in, and changes them as
    /// needed, until each block is durable already or reserved: the latter are returned, and `claims`
    /// has theirs. The blocks' references were written before.
    ///
    /// # Errors
    /// `Busy` where others kept changing the records; those of the store.
    pub(crate) async fn reserve(
        &self,
        blocks: &BTreeMap<Sha256, Codec>,
        claims: &mut Held,
    ) -> Result<BTreeMap<Sha256, Reserved>> {
        let hashes: Vec<Sha256> = blocks.keys().copied().collect();
        for _ in 0..TRIES {
            let records = self.catalog.blocks(&self.scope, &hashes).await?;
            let mut missing = Vec::new();
            let mut read_again = false;
            for ((&hash, &codec), record) in blocks.iter().zip(records) {
                let (state, version) =
                    record.map_or((None, None), |found| (Some(found.value), Some(found.version)));
                let step = block::ingest(state.as_ref());
                if step == IngestStep::Held {
                    continue;
                }
                if claims.last_key_value().is_some_and(|(&last, _)| hash < last)
                    && !claims.contains_key(&hash)
                {
                    // A block was found damaged meanwhile: claims are taken in order, or anew.
                    claims.clear();
                    read_again = true;
                    break;
                }
                if let Entry::Vacant(vacant) = claims.entry(hash) {
                    let (claim, waited) = self.claims.take(&self.scope, hash).await;
                    vacant.insert(claim);
                    // Whoever had the claim may have put the block since its record was read. For a
                    // record that is to be changed, the change would find that out.
                    read_again |= waited || matches!(step, IngestStep::Put { .. });
                }
                missing.push(Missing { hash, codec, state, version, step });
            }
            if read_again {
                continue;
            }
            if let Some(reserved) = self.carry_out(missing).await? {
                return Ok(reserved);
            }
        }
        Err(Error::new(ErrorKind::Busy, "others keep storing the same blocks; try again"))
    }

    /// Changes the records as the steps say; `None` where one was changed by others meanwhile.
    async fn carry_out(&self, missing: Vec<Missing>) -> Result<Option<BTreeMap<Sha256, Reserved>>> {
        let mut changes = Vec::new();
        let mut reserved = BTreeMap::new();
        for Missing { hash, codec, state, version, step } in missing {
            match (step, state, version) {
                (IngestStep::Put { object, codec }, Some(record), Some(version)) => {
                    let name = ObjectName::new(object)?;
                    reserved.insert(hash, Reserved { name, codec, record, version });
                }
                (IngestStep::TakeBack(was), _, version) => changes.push((hash, version, was)),
                (_, _, version) => {
                    let object = self.fresh_name(hash)?.to_string();
                    changes.push((hash, version, BlockState::Pending { object, codec }));
                }
            }
        }
        let versions = match self.catalog.set_blocks(&self.scope, changes.clone()).await {
            Ok(versions) => versions,
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(None),
            Err(error) => return Err(error),
        };
        for ((hash, _, record), version) in changes.into_iter().zip(versions) {
            // A block that was taken back and had been present needs no put.
            if let BlockState::Pending { object, codec } = &record {
                let (name, codec) = (ObjectName::new(object.as_str())?, *codec);
                reserved.insert(hash, Reserved { name, codec, record, version });
            }
        }
        Ok(Some(reserved))
    }

    /// A name that no object has or ever had.
    fn fresh_name(&self, hash: Sha256) -> Result<ObjectName> {
        let generation = crate::random()?;
        let shard = hash.as_bytes()[0];
        ObjectName::new(format!("blocks/{}/{shard:02x}/{hash}.{generation:016x}", self.scope))
    }
}
