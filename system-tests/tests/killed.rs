//! `kill -9` at any moment: what was acknowledged is there, what was begun goes on, and the stream is
//! the one that an undisturbed server makes.
//!
//! A death counts only where it met work: `HASHREEL_KILLS` sets how many of them each test needs (ten by
//! default; `./dev soak kill` does many more).

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};
use system_tests::{
    clips,
    random::Random,
    server::{Server, objects},
    site::put_id,
    stream::fingerprint,
    wire::Wire,
};
use tokio::time::sleep;

/// How often is looked for what a test waits for.
const LOOK: Duration = Duration::from_millis(5);
/// How long work may take to begin again: longer than the lease of a worker that died, and than the
/// longest pause between two tries of a client.
const PATIENCE: Duration = Duration::from_secs(120);

fn kills() -> u32 {
    std::env::var("HASHREEL_KILLS").map_or(10, |kills| kills.parse().unwrap())
}

#[tokio::test]
async fn an_upload_survives_the_death_of_the_server() {
    let mut random = Random::seeded("killed::upload");
    let (mut killed, mut uploads, mut late) = (0, 0, 0);
    while killed < kills() {
        uploads += 1;
        let dir = tempfile::tempdir().unwrap();
        let (data, sent) = (dir.path().join("data"), dir.path().join("sent.bin"));
        random.file(&sent, 1 << 30);
        let mut server = Server::start(&data);
        let address = server.address();
        let mut put = server
            .client_command(dir.path(), &["put", sent.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while killed < kills() && stores_blocks(&data, &mut put).await {
            sleep(random.moment(Duration::ZERO, Duration::from_millis(500))).await;
            server.kill();
            server = Server::start_at(&data, address, &[]);
            // With a file there, the upload was over before its server died.
            if files(&server).await == 0 {
                killed += 1;
            } else {
                late += 1;
            }
        }
        let id = put_id(&put.wait_with_output().unwrap());
        server.same_bytes(dir.path(), &id, &sent);
        assert!(uploads <= kills() + 3, "uploads are over before a server can die in them");
    }
    println!("killed {killed} times in {uploads} uploads, and {late} times after them");
}

async fn files(server: &Server) -> usize {
    server.json("/v1/files").await["files"].as_array().unwrap().len()
}

/// Waits until the server stores blocks of an upload. Whether it did before the client was done.
async fn stores_blocks(data: &Path, put: &mut Child) -> bool {
    let (before, deadline) = (objects(data, "blocks"), Instant::now() + PATIENCE);
    while put.try_wait().unwrap().is_none() {
        if objects(data, "blocks") > before {
            return true;
        }
        assert!(Instant::now() < deadline, "the upload does not go on");
        sleep(LOOK).await;
    }
    false
}

#[tokio::test]
async fn an_upload_survives_the_death_of_its_client() {
    const SIZE: u64 = 1 << 30;
    let mut random = Random::seeded("killed::put");
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let wire = Wire::to(server.address());
    let sent = dir.path().join("sent.bin");
    random.file(&sent, SIZE);
    let put = || {
        let mut command = server.client_command(dir.path(), &["put", sent.to_str().unwrap()]);
        command.env("HASHREEL_SERVER", wire.url()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };

    // All deaths together come after a quarter of the bytes at least, and before three quarters.
    let step = SIZE / (4 * u64::from(kills()));
    for _ in 0..kills() {
        let until = wire.sent() + step + random.bits() % (2 * step);
        let (mut put, deadline) = (put(), Instant::now() + PATIENCE);
        while wire.sent() < until {
            assert!(put.try_wait().unwrap().is_none(), "it is over before its client can die");
            assert!(Instant::now() < deadline, "the upload does not go on");
            sleep(LOOK).await;
        }
        put.kill().unwrap();
        put.wait().unwrap();
    }
    let before = wire.sent();
    let last = put().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&last.stderr);
    assert!(said.contains("sent.bin goes on at ") && said.contains(" of 1.00 GiB"), "{said}");
    let id = put_id(&last);

    server.same_bytes(dir.path(), &id, &sent);
    assert_eq!(files(&server).await, 1, "one file, however often it was begun");
    let twice = wire.sent() - SIZE;
    println!("killed {} clients in the first {before} bytes; {twice} were sent twice", kills());
    // What was on the way is lost with a client. One that began anew would send all of it twice.
    assert!(twice < before / 2, "{twice} of {before} bytes were sent twice");
}

#[tokio::test]
async fn a_transcode_survives_the_death_of_the_server() {
    // Several at once: what was at work when its server died rests until its lease is over, and
    // meanwhile there is work on the others to die over.
    let clips = clips::medium();
    let dir = tempfile::tempdir().unwrap();
    let put = |server: &Server| clips.each_ref().map(|clip| server.put(dir.path(), clip));
    let mut undisturbed = Vec::new();
    {
        let server = Server::start(&dir.path().join("undisturbed"));
        for id in put(&server) {
            let file = server.video_in(&id, "ready").await;
            undisturbed.push(fingerprint(&server, &file).await);
        }
    }

    let mut random = Random::seeded("killed::transcode");
    let (mut killed, mut rounds) = (0, 0);
    while killed < kills() {
        rounds += 1;
        let data = dir.path().join(format!("disturbed-{rounds}"));
        let mut server = Server::start(&data);
        let ids = put(&server);
        while killed < kills() && works(&server).await {
            sleep(random.moment(Duration::ZERO, Duration::from_millis(1200))).await;
            if server.media_tasks() > 0 {
                server.kill();
                killed += 1;
                server = Server::start(&data);
            }
        }
        for ((id, clip), undisturbed) in ids.iter().zip(&clips).zip(&undisturbed) {
            let file = server.video_in(id, "ready").await;
            assert_eq!(fingerprint(&server, &file).await, *undisturbed, "round {rounds}");
            server.same_bytes(dir.path(), id, clip);
        }
        assert!(rounds <= kills() + 3, "videos are ready before a server can die over them");
    }
    println!("killed {killed} times in {rounds} rounds of {} transcodes", clips.len());
}

/// Waits until the server has a media task at work. Whether it had one before all videos were ready.
async fn works(server: &Server) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while server.media_tasks() == 0 {
        let files = server.json("/v1/files").await;
        if files["files"].as_array().unwrap().iter().all(|file| file["video"]["state"] == "ready") {
            return false;
        }
        assert!(Instant::now() < deadline, "nobody works on the videos");
        sleep(LOOK).await;
    }
    true
}
