//! Durable batches a second: `cargo run --release -p records --example durable_writes -- DIRECTORY`.
//!
//! Each of 64 writers (or `WRITERS`) does what a checkpoint does, again and again for some seconds: one
//! batch that moves its own row on by its version, adds a new row, and checks a third.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement, run by hand")]

use records::{Condition, Consistency, Key, RecordStore, Write, sqlite::SqliteRecords};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const LASTS: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let directory = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let writers = std::env::var("WRITERS").map_or(64, |writers| writers.parse().unwrap());
    let path = std::path::Path::new(&directory).join("throughput.db");
    let store = Arc::new(SqliteRecords::open(&path).await.unwrap());
    for round in 0..3 {
        let begun = Instant::now();
        let tasks: Vec<_> = (0..writers)
            .map(|writer| tokio::spawn(checkpoints(store.clone(), format!("{round} {writer}"))))
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await.unwrap());
        }
        let rate = latencies.len() as f64 / begun.elapsed().as_secs_f64();
        latencies.sort_unstable();
        let at = |percent: usize| latencies[latencies.len() * percent / 100].as_secs_f64() * 1e3;
        println!(
            "{writers} writers: {rate:.0} checkpoints/s; median {:.2} ms, 99 % within {:.2} ms",
            at(50),
            at(99)
        );
    }
    reads(&store).await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

async fn checkpoints(store: Arc<SqliteRecords>, name: String) -> Vec<Duration> {
    let row = |offset: u64| {
        json!({ "v": 1, "offset": offset, "epoch": 3, "tail": format!("tails/{name}/{offset:x}"),
                "hasher": "00".repeat(112), "updated_at": "2026-11-01T10:00:00.123456789Z" })
    };
    let upload = Key::new(format!("upload#{name}"), "head");
    let progress = Key::new(format!("upload#{name}"), "progress");
    let create = |key: &Key| Write::put(key.clone(), Condition::Absent, row(0));
    let made = store.write(vec![create(&upload), create(&progress)]).await.unwrap();
    let (epoch, mut at) = (made[0].unwrap(), made[1].unwrap());
    let (mut latencies, begun) = (Vec::new(), Instant::now());
    for offset in 1.. {
        let step = Instant::now();
        let part = Key::new(format!("content#{name}"), format!("part#{offset:016x}"));
        let batch = vec![
            Write::check(upload.clone(), Condition::VersionIs(epoch)),
            Write::put(progress.clone(), Condition::VersionIs(at), row(offset)),
            Write::put(part, Condition::Absent, row(offset)),
        ];
        at = store.write(batch).await.unwrap()[1].unwrap();
        latencies.push(step.elapsed());
        if begun.elapsed() > LASTS {
            break;
        }
    }
    latencies
}

async fn reads(store: &Arc<SqliteRecords>) {
    let (begun, count) = (Instant::now(), 20_000_u32);
    for n in 0..count {
        let key = Key::new(format!("content#0 {}", n % 64), format!("part#{:016x}", 1 + n % 100));
        store.get(&key, Consistency::Strong).await.unwrap();
    }
    println!("one reader: {:.0} reads/s", f64::from(count) / begun.elapsed().as_secs_f64());
}
