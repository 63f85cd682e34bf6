//! Durable bytes a second: `cargo run --release -p objects --example durable_puts -- DIRECTORY`.
//!
//! Batches of 32 blocks of 1 MiB, as ingest stores them, beside `dd conv=fsync` of as many bytes, in
//! turn. Also one object a batch, and reading back.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement, run by hand")]

use bytes::Bytes;
use objects::{ObjectName, ObjectStore, Put, fs::FsObjects};
use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

const BLOCK: usize = 1 << 20;
const BATCHES: usize = 16;

#[tokio::main]
async fn main() {
    let directory = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let root = Path::new(&directory).join("throughput-objects");
    let store = FsObjects::open(&root).await.unwrap();
    let block = Bytes::from(noise());
    for round in 0..5 {
        for (blocks, in_flight) in [(32, 1), (32, 2), (1, 1)] {
            let batches = if blocks == 1 { BATCHES * 4 } else { BATCHES };
            let begun = Instant::now();
            for lot in 0..batches / in_flight {
                let puts = (0..in_flight).map(|n| {
                    let name = format!("{round}/{blocks}-{in_flight}/{lot}-{n}");
                    store.put_all(batch(&name, blocks, &block))
                });
                for outcome in futures::future::join_all(puts).await {
                    outcome.unwrap();
                }
            }
            report(&format!("{in_flight} x {blocks} blocks"), batches * blocks, begun);
        }
        let begun = Instant::now();
        dd(&root, BATCHES * 32);
        report("dd conv=fsync", BATCHES * 32, begun);
    }
    read(&store).await;
    std::fs::remove_dir_all(&root).unwrap();
}

/// As blocks are named: spread over 256 directories.
fn batch(name: &str, blocks: usize, block: &Bytes) -> Vec<Put> {
    let spread = |n: usize| name.bytes().fold(n, |sum, byte| sum * 31 + usize::from(byte)) % 256;
    (0..blocks)
        .map(|n| {
            let name =
                format!("blocks/global/{:02x}/{}.{n}", spread(n * 97), name.replace('/', "-"));
            Put::new(ObjectName::new(name).unwrap(), block.clone())
        })
        .collect()
}

fn dd(root: &Path, blocks: usize) {
    let file = root.join("dd");
    let status = Command::new("dd")
        .args(["if=/dev/zero", &format!("of={}", file.display()), "bs=1M", "conv=fsync"])
        .arg(format!("count={blocks}"))
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    std::fs::remove_file(file).unwrap();
}

async fn read(store: &FsObjects) {
    let page = store.list("blocks/", None, 1000).await.unwrap();
    let begun = Instant::now();
    for object in &page.objects {
        store.get(&object.name, None).await.unwrap();
    }
    report("read back", page.objects.len(), begun);
}

fn report(what: &str, blocks: usize, begun: Instant) {
    println!("{what:>16}: {:6.0} MiB/s", blocks as f64 / begun.elapsed().as_secs_f64());
}

/// Bytes that do not compress, so that no disk is faster than it is.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(BLOCK);
    while bytes.len() < BLOCK {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}
