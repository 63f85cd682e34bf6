//! Memory and processor time stay within their bounds: of a server that has nothing to do, and whatever
//! is uploaded. `HASHREEL_UPLOAD_GIB` sets the size of the upload (1 by default; the target is for 4,
//! which `./dev soak memory` sends).

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{thread::sleep, time::Duration};
use system_tests::{random::Random, server::Server};

const MIB: u64 = 1 << 20;

/// How long a server may do what a start leaves to do, and how long it is watched after that.
const SETTLE: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(30);

#[test]
fn a_server_without_work_is_small_and_still() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    sleep(SETTLE);
    let before = server.processor_time();
    assert!(!before.is_zero(), "what the start took is seen");
    sleep(IDLE);
    let used = server.processor_time() - before;
    let peak = server.peak_memory();
    println!("an idle server used {used:?} of {IDLE:?}, and held {} MiB at most", peak / MIB);
    assert!(used < IDLE / 100, "{used:?} of {IDLE:?}");
    assert!(peak < 100 * MIB, "{} MiB", peak / MIB);
}

#[test]
fn a_large_upload_does_not_grow_the_server() {
    let gib: u64 = std::env::var("HASHREEL_UPLOAD_GIB").map_or(1, |gib| gib.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let file = dir.path().join("large.bin");
    Random::seeded("bounds").file(&file, gib << 30);
    let id = server.put(dir.path(), &file);
    let peak = server.peak_memory();
    println!("{gib} GiB uploaded as {id}: the server held {} MiB at most", peak / MIB);
    assert!(peak < 300 * MIB, "{} MiB", peak / MIB);
}
