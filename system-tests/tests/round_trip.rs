//! What goes in comes out, and is stored once.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use system_tests::{
    clips,
    program::succeed,
    random::Random,
    server::{Server, objects},
    stream::fingerprint,
};

#[test]
fn a_downloaded_file_is_the_uploaded_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let (sent, got) = (dir.path().join("sent.bin"), dir.path().join("got.bin"));
    Random::seeded("round_trip").file(&sent, (64 << 20) + 12_345);

    let id = server.put(dir.path(), &sent);
    let output = server.client(dir.path(), &["get", &id, "--output", got.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    succeed("cmp", [&sent, &got]);
    assert!(server.stop().success());
}

#[tokio::test]
async fn the_same_file_twice_stores_no_block_and_makes_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let clip = clips::small();

    let first = server.put(dir.path(), &clip);
    let made = server.video_in(&first, "ready").await;
    let (blocks, renditions) = (objects(&data, "blocks"), objects(&data, "renditions"));
    assert!(blocks > 0 && renditions > 0);

    let copy = dir.path().join("under another name.mp4");
    fs::copy(&clip, &copy).unwrap();
    let second = server.put(dir.path(), &copy);
    assert_ne!(first, second);
    let again = server.video_in(&second, "ready").await;

    assert_eq!(objects(&data, "blocks"), blocks, "no new block");
    assert_eq!(objects(&data, "renditions"), renditions, "no new segment");
    assert_eq!(fingerprint(&server, &made).await, fingerprint(&server, &again).await);
}
