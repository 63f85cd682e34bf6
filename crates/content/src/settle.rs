//! The last stage of an append: puts what a group is missing with one durability barrier, and moves the
//! upload's durable offset. Until that write nobody is told of the bytes.

use crate::{append::Context, codec, ingest::Reserved, prepare::Group, tail};
use catalog::{BlockEntry, Checkpoint, Stored, TailPiece, Upload};
use futures::{FutureExt, StreamExt, future::try_join_all, stream::FuturesOrdered};
use model::{
    Error, ErrorKind, Result, Sha256,
    block::{BlockState, Codec, Placement},
};
use objects::{Outcome, Put};
use records::Version;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{mpsc, watch};

/// Groups that are put at the same time: while one waits for the disk, the bytes of the next are written.
const PUTS: usize = 2;

/// How often a group is settled anew because records of its blocks were changed by others.
const TRIES: usize = 16;

/// What is durable of an upload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settled {
    pub(crate) offset: u64,
    pub(crate) tail: Vec<TailPiece>,
}

impl Settled {
    /// As an open upload's rows have it.
    ///
    /// # Errors
    /// For an upload that is not open.
    pub(crate) fn of(upload: &Upload) -> Result<Self> {
        Ok(Self { offset: upload.state.open()?.0, tail: upload.tail.clone() })
    }
}

/// Settles groups until there are no more; returns the upload as it stands then.
pub(crate) async fn run(
    context: Arc<Context>,
    mut held: Stored<Upload>,
    mut groups: mpsc::Receiver<Group>,
    settled: watch::Sender<Settled>,
) -> Result<Stored<Upload>> {
    let mut puts = FuturesOrdered::new();
    let (mut next, mut more): (Option<Group>, _) = (None, true);
    loop {
        // A tail is written behind what is stored of it: that stands when all before it is settled.
        if let Some(group) = next.take_if(|group| group.tail.is_none() || puts.is_empty()) {
            let plan = plan_tail(&context, &held.value, &group).await?;
            puts.push_back(first_put(Arc::clone(&context), group, plan).boxed());
        }
        tokio::select! {
            group = groups.recv(), if more && next.is_none() && puts.len() < PUTS => {
                more = group.is_some();
                next = group;
            }
            Some(put) = puts.next() => {
                let (group, pieces, present) = put?;
                let before = held.value.tail.clone();
                checkpoint(&context, &mut held, group, pieces, present).await?;
                settled.send_replace(Settled::of(&held.value)?);
                discard(&context, &held.value, before).await;
            }
            else => return Ok(held),
        }
    }
}

/// The pieces of a tail that will be durable with the group, and the one that is to be put.
type TailPlan = (Vec<TailPiece>, Option<Put>);

async fn plan_tail(context: &Context, upload: &Upload, group: &Group) -> Result<TailPlan> {
    let Some(tail) = group.tail.clone() else { return Ok((Vec::new(), None)) };
    let (_, epoch) = upload.state.open()?;
    let (id, stored) = (upload.id, upload.tail.clone());
    context.store.cpu.run(move || tail::plan(id, epoch, &stored, &tail)).await?
}

async fn first_put(
    context: Arc<Context>,
    group: Group,
    (pieces, tail): TailPlan,
) -> Result<(Group, Vec<TailPiece>, Vec<Present>)> {
    let present = put(&context, &group, tail).await?;
    Ok((group, pieces, present))
}

/// Deletes the tail pieces of `before` that the upload does not name any more.
async fn discard(context: &Context, upload: &Upload, before: Vec<TailPiece>) {
    let gone: Vec<_> = before.into_iter().filter(|piece| !upload.tail.contains(piece)).collect();
    if let Err(error) = tail::discard(&*context.store.objects, &gone).await {
        // They are found again by their names when the upload ends.
        tracing::warn!(upload = %upload.id, error = error.chain(), "tail not deleted");
    }
}

/// Moves the upload's offset behind a group whose objects are durable.
async fn checkpoint(
    context: &Context,
    held: &mut Stored<Upload>,
    mut group: Group,
    pieces: Vec<TailPiece>,
    mut present: Vec<Present>,
) -> Result<()> {
    let ingest = &context.ingest;
    let entries: Vec<BlockEntry> = group.blocks.iter().map(entry).collect::<Result<_>>()?;
    for _ in 0..TRIES {
        let checkpoint = Checkpoint {
            offset: group.end,
            start: group.start,
            entries: entries.clone(),
            intents: group.intent.into_iter().collect(),
            tail: pieces.clone(),
            hasher: Some(group.state.clone()),
            present,
            scope: ingest.scope.clone(),
            now: (context.store.clock)(),
        };
        match ingest.catalog.checkpoint(held, checkpoint).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            done => return done,
        }
        // A record is not what it was: the sweep or another process came between.
        let wanted = group.missing.iter().map(|(&hash, block)| (hash, block.codec)).collect();
        group.missing = ingest.reserve(&wanted, &mut group.claims).await?;
        present = put(context, &group, None).await?;
    }
    Err(Error::new(ErrorKind::Busy, "others keep storing the same blocks; try again"))
}

fn entry(block: &crate::digest::Block) -> Result<BlockEntry> {
    let len = u32::try_from(block.bytes.len())
        .map_err(|error| Error::with_source(ErrorKind::Internal, "a block is too long", error))?;
    Ok(BlockEntry { hash: block.hash, len })
}

/// A record that becomes `Present` with the checkpoint, and its version until then.
type Present = (Sha256, Option<Version>, BlockState);

/// Puts the missing blocks and the tail with one barrier; returns the records that the blocks then have.
async fn put(context: &Context, group: &Group, tail: Option<Put>) -> Result<Vec<Present>> {
    let bytes: BTreeMap<_, _> =
        group.blocks.iter().map(|block| (block.hash, block.bytes.clone())).collect();
    let stored = group.missing.iter().map(|(hash, reserved)| async {
        let plain =
            bytes.get(hash).ok_or_else(|| Error::internal("a block without bytes"))?.clone();
        // A block that is kept as it is has its own name for a sum.
        let (bytes, sha256) = match reserved.codec {
            Codec::Plain => (plain, Some(*hash)),
            codec => (context.store.cpu.run(move || codec::encode(&plain, codec)).await??, None),
        };
        Ok::<_, Error>(Put { name: reserved.name.clone(), bytes, sha256 })
    });
    let mut puts: Vec<Put> = try_join_all(stored).await?;
    let lens: Vec<u64> = puts.iter().map(|put| put.bytes.len() as u64).collect();
    puts.extend(tail);
    if puts.is_empty() {
        return Ok(Vec::new());
    }
    let outcomes = context.store.objects.put_all(puts).await?;
    let records = group.missing.iter().zip(lens).zip(outcomes).map(
        |(((hash, reserved), len), outcome)| async move {
            let len = match outcome {
                Outcome::Created => len,
                // Whoever put it first may have compressed it differently.
                Outcome::Existed => context.store.objects.head(&reserved.name).await?.len,
            };
            Ok((*hash, Some(reserved.version), present(reserved, len)?))
        },
    );
    try_join_all(records).await
}

fn present(reserved: &Reserved, len: u64) -> Result<BlockState> {
    let object = reserved.name.to_string();
    reserved.record.put_done(Placement { object, offset: 0, len, codec: reserved.codec })
}
