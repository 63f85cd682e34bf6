//! What a deployment chooses about its contents.

use crate::budget::LEAST_BUFFERS;
use catalog::Scope;
use chunking::Profile;
use model::{OwnerId, Timestamp};
use std::time::Duration;

/// Within what equal blocks are stored once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScopeRule {
    /// The whole deployment.
    #[default]
    Global,
    /// Each owner's own: nothing can be learnt of others' blocks by time or space.
    PerOwner,
}

impl ScopeRule {
    /// The scope of what `owner` uploads.
    #[must_use]
    pub fn of(self, owner: &OwnerId) -> Scope {
        match self {
            Self::Global => Scope::Global,
            Self::PerOwner => Scope::Owner(owner.clone()),
        }
    }
}

/// What a deployment chooses.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Deduplication scope of new uploads; a file's own stands in its version.
    pub scope: ScopeRule,
    /// Block lengths of new blocks.
    pub profile: Profile,
    /// Bytes that all uploads together may hold in memory. The compressed forms of blocks that are
    /// being put come on top, for which as much again is never exceeded.
    pub budget: u64,
    /// Bytes that all reads together may hold in memory.
    pub read_budget: u64,
    /// Longest wait for memory; whoever waited in vain is told to try again.
    pub patience: Duration,
    /// Bytes of recently read blocks that are kept for the next small read.
    pub cache: u64,
    /// Where times in records come from.
    pub clock: fn() -> Timestamp,
}

impl Config {
    /// The least that `budget` may be.
    #[must_use]
    pub fn least_budget(&self) -> u64 {
        (LEAST_BUFFERS * self.buffer()) as u64
    }

    /// Bytes of a buffer: a boundary is always found before one that stood at one is full.
    pub(crate) fn buffer(&self) -> usize {
        2 * self.profile.max() as usize
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scope: ScopeRule::default(),
            profile: Profile::default(),
            budget: 128 << 20,
            read_budget: 128 << 20,
            patience: Duration::from_secs(20),
            cache: 32 << 20,
            clock: Timestamp::now,
        }
    }
}
