//! The second stage of an append: names the blocks of each piece, and takes the whole file's hash along.
//! The two hashes of a piece are computed side by side, while the next piece is received.

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
        let fresh = piece.bytes.slice(piece.hashed.min(piece.kept())..piece.kept());
        let whole = context.store.cpu.run(move || {
            running.update(&fresh);
            running
        });
        let (bytes, ends) = (piece.bytes.clone(), piece.ends.clone());
        let named = context.store.cpu.run(move || blocks(&bytes, &ends));
        let blocks;
        (running, blocks) = tokio::try_join!(whole, named)?;
        let tail = piece.tail.then(|| Tail {
            start: piece.start + piece.cut() as u64,
            bytes: piece.bytes.slice(piece.cut()..),
        });
        let digested = Digested {
            start: piece.start,
            end: piece.start + piece.kept() as u64,
            blocks,
            tail,
            state: running.save(),
            place: piece.place,
        };
        if out.send(digested).await.is_err() {
            break;
        }
    }
    Ok(running)
}

fn blocks(bytes: &Bytes, ends: &[usize]) -> Vec<Block> {
    let mut start = 0;
    let block = |&end: &usize| {
        let bytes = bytes.slice(start..end);
        start = end;
        Block { hash: Sha256::of(&bytes), codec: codec::choose(&bytes), bytes }
    };
    ends.iter().map(block).collect()
}
