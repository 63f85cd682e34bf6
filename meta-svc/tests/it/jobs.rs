//! `/v1/jobs`: what is not ready, and another try.

use crate::server::Server;
use catalog::{jobs::Job, videos::Cause};
use model::Timestamp;
use serde_json::{Value, json};

#[tokio::test]
async fn videos_that_are_not_ready_are_listed_with_their_reason() {
    let server = Server::with_keys().await;
    server.file("alice", "a.txt", "text/plain", b"x").await;
    let (ready, making) = server.video("alice", "ready").await;
    making.plan().await;
    making.segments(0..3, true).await;
    let (failed, making) = server.video("alice", "failed").await;
    making.fail("it has no picture").await;
    let (queued, _) = server.video("alice", "queued").await;
    let json = server.get("alice", "/v1/jobs").await.json();
    let jobs = json["jobs"].as_array().unwrap();
    let of = |file: model::FileId| jobs.iter().find(|job| job["file"] == file.to_string());
    assert_eq!((jobs.len(), of(ready)), (2, None));
    assert_eq!(of(queued).unwrap()["state"], "queued");
    let failed = of(failed).unwrap();
    assert_eq!(
        failed,
        &json!({
            "file": failed["file"],
            "name": "clip.mp4",
            "state": "failed",
            "progress": 0.0,
            "reason": "it has no picture",
        })
    );
    assert_eq!(server.get("bob", "/v1/jobs").await.json()["jobs"], json!([]));
    assert_eq!(server.get("nobody", "/v1/jobs").await.status, 401);
}

#[tokio::test]
async fn a_failed_video_is_tried_again_for_all_who_hold_it() {
    let server = Server::with_keys().await;
    let (file, making) = server.video("alice", "m").await;
    let (other, _) = server.video("bob", "m").await;
    let retry = format!("/v1/jobs/{file}/retry");
    let ask = async |who: &str| server.send(who, "POST", &retry, Value::Null).await.status;
    assert_eq!(ask("alice").await, 409, "it has not failed");
    making.fail_for(Cause::Outage, "the store was away").await;
    assert_eq!((ask("bob").await, ask("nobody").await), (404, 401));
    assert_eq!(ask("alice").await, 202);
    for (who, file) in [("alice", file), ("bob", other)] {
        let video = server.get(who, &format!("/v1/files/{file}")).await.json()["video"].clone();
        assert_eq!((video["state"].as_str(), &video["reason"]), (Some("queued"), &Value::Null));
    }
    let later = Timestamp::now() + std::time::Duration::from_secs(60);
    let left = server.catalog.left_jobs(None, later, 100).await.unwrap();
    let minute = std::time::Duration::from_secs(60);
    let sent = server.quick.receive(10, minute, std::time::Duration::ZERO).await.unwrap();
    for file in [file, other] {
        // That of the upload, which nobody sent here; that of the retry was sent at once.
        assert_eq!(left.iter().filter(|due| due.job == Job::Probe { file }).count(), 1);
        let probe = Job::Probe { file }.encode().unwrap();
        assert_eq!(sent.iter().filter(|job| job.body == probe).count(), 1);
    }
    // A worker cleans up first, and then begins anew.
    let leaving = server.catalog.leaving_video(&making.key, later).await.unwrap().unwrap();
    server.catalog.forget_video(&leaving).await.unwrap();
    let making = server.take_up(file).await;
    making.plan().await;
    making.segments(0..3, true).await;
    let video = server.get("alice", &format!("/v1/files/{file}")).await.json()["video"].clone();
    assert_eq!(video["state"], "ready");
    assert_eq!(ask("alice").await, 409, "it is ready");
}

#[tokio::test]
async fn what_failed_for_its_file_is_tried_again_only_by_force() {
    let server = Server::open().await;
    let (file, making) = server.video("local", "m").await;
    making.fail("it has no picture").await;
    let retry = format!("/v1/jobs/{file}/retry");
    let refused = server.send("", "POST", &retry, Value::Null).await;
    assert_eq!(refused.status, 409);
    let said = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(said.contains("again: it has no picture;") && said.contains("`force`"), "{said}");
    let state = async || {
        server.get("", &format!("/v1/files/{file}")).await.json()["video"]["state"].clone()
    };
    assert_eq!(state().await, "failed");
    assert_eq!(
        server.send("", "POST", &format!("{retry}?force=maybe"), Value::Null).await.status,
        400
    );
    assert_eq!(
        server.send("", "POST", &format!("{retry}?force=true"), Value::Null).await.status,
        202
    );
    assert_eq!(state().await, "queued");
}
