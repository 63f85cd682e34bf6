//! The second stage of an append: names the blocks of each piece, and takes the whole file's hash along,
//! while the next piece is received.

use crate::{append::Context, codec, receive::Piece, running::Running, tail::Tail};
use bytes::Bytes;
use catalog::HasherState;
use model::{Result, Sha256, block::Codec};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// A block with its bytes in hand.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) hash: Sha256,
    pub(crate) bytes: Bytes,
    /// The form to store it in, if it has to be stored.
    pub(crate) codec: Codec,
}

/// A piece that is named.
pub(crate) struct Digested {
    /// The upload's offset of the first block, and that behind the last byte that will be durable.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) blocks: Vec<Block>,
    pub(crate) tail: Option<Tail>,
    /// What is known of the whole file at `end`.
    pub(crate) state: HasherState,
    pub(crate) place: OwnedSemaphorePermit,
}

/// Digests pieces until there are no more, or nobody takes them; returns what is known of the file then.
pub(crate) async fn run(
    context: Arc<Context>,
    mut running: Running,
    mut pieces: mpsc::Receiver<Piece>,
    out: mpsc::Sender<Digested>,
) -> Result<Running> {
    while let Some(piece) = pieces.recv().await {
        let digested;
        (running, digested) = context.store.cpu.run(move || digest(running, piece)).await?;
        if out.send(digested).await.is_err() {
            break;
        }
    }
    Ok(running)
}

fn digest(mut running: Running, piece: Piece) -> (Running, Digested) {
    let Piece { ref bytes, start, hashed, ref ends, .. } = piece;
    let (cut, kept) = (piece.cut(), piece.kept());
    let mut from = 0;
    let block = |&end: &usize| {
        let bytes = bytes.slice(from..end);
        let seen = hashed.clamp(from, end) - from;
        from = end;
        Block { hash: running.update_block(&bytes, seen), codec: codec::choose(&bytes), bytes }
    };
    let blocks = ends.iter().map(block).collect();
    running.update(&bytes[hashed.max(cut).min(kept)..kept]);
    let tail = piece.tail.then(|| Tail { start: start + cut as u64, bytes: bytes.slice(cut..) });
    let digested = Digested {
        start,
        end: start + kept as u64,
        blocks,
        tail,
        state: running.save(),
        place: piece.place,
    };
    (running, digested)
}
