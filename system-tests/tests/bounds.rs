//! Memory stays within its bounds, whatever is uploaded. `HASHREEL_UPLOAD_GIB` sets the size of the
//! upload (1 by default; the target is for 4, which `./dev soak memory` sends).

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use system_tests::{random::Random, server::Server};

const MIB: u64 = 1 << 20;

#[test]
fn a_server_that_has_just_started_is_small() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let peak = server.peak_memory();
    println!("a fresh server holds {} MiB at most", peak / MIB);
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
