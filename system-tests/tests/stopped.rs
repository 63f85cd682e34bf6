//! SIGTERM: a server that is told to stop exits by itself and gives back what its workers had begun, so
//! that the next one takes it up at once.

#![allow(clippy::unwrap_used, missing_docs)]

use system_tests::{clips, server::Server};

#[tokio::test]
async fn a_server_that_is_told_to_stop_gives_its_tasks_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let id = server.put(dir.path(), &clips::medium()[0]);
    // Its plan is made and its tasks are being worked on.
    server.video_in(&id, "running").await;
    let status = server.stop();
    assert_eq!(status.code(), Some(0), "{}", system_tests::server::read_log(&data));

    let queue = queue::open(&format!("sqlite://{}/queue.db", data.display())).await.unwrap();
    let left = queue.depth().await.unwrap();
    assert_eq!(left.in_flight, 0, "jobs that nobody works on wait for their time-out: {left:?}");
    assert!(left.waiting > 0, "there was work to give back: {left:?}");
}
