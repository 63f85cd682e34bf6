//! The third stage of an append: gathers what is named into groups, writes a group's references, and
//! only then asks which of its blocks are missing. It works on the next group while one is put.

use crate::{
    append::Context,
    digest::{Block, Digested},
    ingest::{Held, Reserved},
    tail::Tail,
};
use catalog::{HasherState, MAX_GROUP, Stored, Upload};
use model::{Result, Sha256, block::Codec};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Most bytes of a group: what a checkpoint may cost a client that loses its connection.
const MAX_BYTES: u64 = 32 << 20;

/// Blocks and perhaps a tail that become durable together, with one barrier and one checkpoint.
pub(crate) struct Group {
    /// The upload's offset of the first block, and that behind the last byte.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) blocks: Vec<Block>,
    pub(crate) tail: Option<Tail>,
    pub(crate) state: HasherState,
    /// Number of the intent that names the blocks, if there are any.
    pub(crate) intent: Option<u32>,
    /// Those that are not held yet.
    pub(crate) missing: BTreeMap<Sha256, Reserved>,
    pub(crate) claims: Held,
    pub(crate) places: Vec<OwnedSemaphorePermit>,
}

impl Group {
    fn new(first: Digested) -> Self {
        Self {
            start: first.start,
            end: first.end,
            blocks: first.blocks,
            tail: first.tail,
            state: first.state,
            intent: None,
            missing: BTreeMap::new(),
            claims: Held::new(),
            places: vec![first.place],
        }
    }

    fn has_room_for(&self, next: &Digested) -> bool {
        self.blocks.len() + next.blocks.len() <= MAX_GROUP && next.end - self.start <= MAX_BYTES
    }

    /// Adds what comes next. A tail in between is part of it, or of a block of it, by now.
    fn add(&mut self, next: Digested) {
        if self.blocks.is_empty() {
            self.start = next.start;
        }
        self.end = next.end;
        self.blocks.extend(next.blocks);
        self.tail = next.tail;
        self.state = next.state;
        self.places.push(next.place);
    }
}

/// Prepares groups until there are no more, or nobody takes them.
pub(crate) async fn run(
    context: Arc<Context>,
    held: Stored<Upload>,
    mut pieces: mpsc::Receiver<Digested>,
    out: mpsc::Sender<Group>,
) -> Result<()> {
    let mut next = None;
    let mut number = 0;
    loop {
        // Only a group that will be put next is gathered: the slower the storage, the more it finds.
        let Ok(taker) = out.reserve().await else { return Ok(()) };
        let first = match next.take() {
            Some(first) => first,
            None => match pieces.recv().await {
                Some(first) => first,
                None => return Ok(()),
            },
        };
        let mut group = Group::new(first);
        while let Ok(piece) = pieces.try_recv() {
            if !group.has_room_for(&piece) {
                next = Some(piece);
                break;
            }
            group.add(piece);
        }
        if !group.blocks.is_empty() {
            prepare(&context, &held, number, &mut group).await?;
            number += 1;
        }
        taker.send(group);
    }
}

async fn prepare(
    context: &Context,
    held: &Stored<Upload>,
    number: u32,
    group: &mut Group,
) -> Result<()> {
    let ingest = &context.ingest;
    let wanted: BTreeMap<Sha256, Codec> =
        group.blocks.iter().map(|block| (block.hash, block.codec)).collect();
    let hashes: BTreeSet<Sha256> = wanted.keys().copied().collect();
    let hashes: Vec<Sha256> = hashes.into_iter().collect();
    ingest.catalog.reference(held, number, &ingest.scope, &hashes).await?;
    group.intent = Some(number);
    group.missing = ingest.reserve(&wanted, &mut group.claims).await?;
    Ok(())
}
