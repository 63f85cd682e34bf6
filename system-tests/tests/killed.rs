//! `kill -9` at any moment: what was acknowledged is there, what was begun goes on, and the stream is
//! the one that an undisturbed server makes.
//!
//! `HASHREEL_KILLS` sets how often (ten by default; `./dev soak kill` does many more).

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use system_tests::{clips, program::succeed, random::Random, server::Server, stream::fingerprint};

fn kills() -> u32 {
    std::env::var("HASHREEL_KILLS").map_or(10, |kills| kills.parse().unwrap())
}

#[test]
fn an_upload_survives_the_death_of_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut random = Random::seeded("killed::upload");
    let sent = dir.path().join("sent.bin");
    let (mut killed, mut round) = (0, 0);
    while killed < kills() {
        // Another file each round: the blocks of one that is there already would go by too quickly.
        round += 1;
        random.file(&sent, 1 << 30);
        let mut server = Server::start(&data);
        let address = server.address();
        let mut put = server
            .client_command(dir.path(), &["put", sent.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while killed < kills() {
            std::thread::sleep(
                random.moment(Duration::from_millis(20), Duration::from_millis(900)),
            );
            if put.try_wait().unwrap().is_some() {
                break;
            }
            server.kill();
            killed += 1;
            server = Server::start_at(&data, address, &[]);
        }
        let output = put.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let id = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let got = dir.path().join("got.bin");
        let output =
            server.client(dir.path(), &["get", &id, "--force", "--output", got.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        succeed("cmp", [&sent, &got]);
        let gone = server.client(dir.path(), &["rm", &id]);
        assert!(gone.status.success(), "{}", String::from_utf8_lossy(&gone.stderr));
    }
    println!("killed {killed} times in {round} uploads");
}

#[tokio::test]
async fn a_transcode_survives_the_death_of_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let clip = clips::medium();
    let undisturbed = {
        let server = Server::start(&dir.path().join("undisturbed"));
        let id = server.put(dir.path(), &clip);
        let file = server.video_in(&id, "ready").await;
        fingerprint(&server, &file).await
    };

    let mut random = Random::seeded("killed::transcode");
    let (mut killed, mut round) = (0, 0);
    while killed < kills() {
        round += 1;
        let data = dir.path().join(format!("disturbed-{round}"));
        let mut server = Server::start(&data);
        let id = server.put(dir.path(), &clip);
        while killed < kills() {
            let until = Instant::now()
                + random.moment(Duration::from_millis(50), Duration::from_millis(2500));
            while Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let file = server.json(&format!("/v1/files/{id}")).await;
            if file["video"]["state"] == "ready" {
                break;
            }
            server.kill();
            killed += 1;
            server = Server::start(&data);
        }
        let file = server.video_in(&id, "ready").await;
        assert_eq!(fingerprint(&server, &file).await, undisturbed, "round {round}");
        let got = dir.path().join("got.mp4");
        let output =
            server.client(dir.path(), &["get", &id, "--force", "--output", got.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        succeed("cmp", [&clip, &got]);
    }
    println!("killed {killed} times in {round} transcodes");
}
