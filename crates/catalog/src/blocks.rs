//! Blocks: `block#<scope>#<hash>` / `record` says where the bytes are, `/ ref#<owner>#<content>` who
//! needs them.

use crate::{
    Catalog, Stored, Upload, keys,
    row::{self, Row},
};
use model::{
    ContentId, Error, ErrorKind, OwnerId, Result, Sha256, block::BlockState, upload::UploadState,
};
use records::{Condition, Consistency, MAX_BATCH, Version, Write};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// Most blocks that one [`Catalog::reference`] and one [`Catalog::checkpoint`] can carry.
pub const MAX_GROUP: usize = 64;

/// Within what equal blocks are stored once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole deployment.
    Global,
    /// One owner.
    Owner(OwnerId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            // An owner may be called `global`; a scope of an owner never is.
            Self::Owner(owner) => write!(f, "owner-{owner}"),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        match text.strip_prefix("owner-") {
            Some(owner) => owner.parse().map(Self::Owner),
            None if text == "global" => Ok(Self::Global),
            None => Err(Error::internal(format!("`{text}` is no deduplication scope"))),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One block of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEntry {
    /// SHA-256 of the plain bytes.
    pub hash: Sha256,
    /// Plain length in bytes.
    pub len: u32,
}

// As a pair, since a page holds a thousand of them.
impl Serialize for BlockEntry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.hash, self.len).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BlockEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(|(hash, len)| Self { hash, len })
    }
}

impl Row for BlockState {
    const WHAT: &'static str = "a block's record";
}

/// The hashes of a group that an ingest is about to reference: what a crash leaves is found by it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) hashes: Vec<Sha256>,
}

impl Row for Intent {
    const WHAT: &'static str = "an ingest's intent";
}

/// A reference; its key says it all.
#[derive(Serialize, Deserialize)]
struct Reference {}

impl Row for Reference {
    const WHAT: &'static str = "a block's reference";
}

impl Catalog {
    /// Step 1 of ingest, in one write: checks that `held` is still the upload's writer, names the
    /// group's hashes as intent number `number` of this epoch, and writes their references.
    ///
    /// # Errors
    /// `Invalid` for more than [`MAX_GROUP`] hashes; `Cancelled` where another writer took over.
    pub async fn reference(
        &self,
        held: &Stored<Upload>,
        number: u32,
        scope: &Scope,
        hashes: &[Sha256],
    ) -> Result<()> {
        let unique: BTreeSet<Sha256> = hashes.iter().copied().collect();
        if unique.len() > MAX_GROUP {
            return Err(Error::invalid(format!("a group has at most {MAX_GROUP} blocks")));
        }
        let upload = &held.value;
        let (_, epoch) = upload.state.open()?;
        let intent = Intent { hashes: unique.iter().copied().collect() };
        let mut batch = Vec::with_capacity(unique.len() + 2);
        batch.push(Write::check(keys::upload(upload.id), Condition::VersionIs(held.version)));
        batch.push(row::put(keys::intent(upload.content, epoch, number), Condition::Any, &intent)?);
        for hash in unique {
            let key = keys::reference(scope, hash, &upload.owner, upload.content);
            batch.push(row::put(key, Condition::Any, &Reference {})?);
        }
        // The only condition is the check of the upload.
        self.records.write(batch).await.map(drop).map_err(taken_over)
    }

    /// The records of blocks, as they are now, in the order asked for.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn blocks(
        &self,
        scope: &Scope,
        hashes: &[Sha256],
    ) -> Result<Vec<Option<Stored<BlockState>>>> {
        let keys: Vec<_> = hashes.iter().map(|&hash| keys::block(scope, hash)).collect();
        let records = self.records.get_many(&keys, Consistency::Strong).await?;
        records.into_iter().map(|record| record.map(row::stored).transpose()).collect()
    }

    /// Compare-and-set of blocks' records: all or none. `None` as the version means that there is no
    /// record yet. Returns the new versions in order.
    ///
    /// # Errors
    /// `Conflict` where a record is not what was named: read again and decide anew.
    pub async fn set_blocks(
        &self,
        scope: &Scope,
        changes: Vec<(Sha256, Option<Version>, BlockState)>,
    ) -> Result<Vec<Version>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        if changes.len() > MAX_BATCH {
            return Err(Error::invalid(format!("at most {MAX_BATCH} blocks change at once")));
        }
        let batch = changes
            .iter()
            .map(|(hash, version, state)| {
                row::put(keys::block(scope, *hash), condition(*version), state)
            })
            .collect::<Result<Vec<_>>>()?;
        let versions = self.records.write(batch).await?;
        versions
            .into_iter()
            .map(|version| version.ok_or_else(|| Error::internal("a put has a version")))
            .collect()
    }

    /// Who references a block: owner and content, at most `limit` of them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn references(
        &self,
        scope: &Scope,
        hash: Sha256,
        limit: usize,
    ) -> Result<Vec<(OwnerId, ContentId)>> {
        let partition = keys::block(scope, hash).partition;
        let query = records::Query::prefix(partition, keys::REFERENCE)
            .limit(limit)
            .consistency(Consistency::Strong);
        let page = self.records.query(query).await?;
        page.records
            .iter()
            .map(|record| {
                let named = record.key.sort[keys::REFERENCE.len()..].split_once('#');
                let (owner, content) =
                    named.ok_or_else(|| Error::internal("a reference names owner and content"))?;
                Ok((owner.parse()?, content.parse()?))
            })
            .collect()
    }
}

pub(crate) fn condition(version: Option<Version>) -> Condition {
    version.map_or(Condition::Absent, Condition::VersionIs)
}

/// The error for a writer whose check of the upload failed.
pub(crate) fn taken_over(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Conflict => {
            // The words of the transition, which is where the rule stands.
            let newer = UploadState::Open { offset: 0, epoch: 1 };
            newer.checkpoint(0, 0).err().unwrap_or(error)
        }
        _ => error,
    }
}
