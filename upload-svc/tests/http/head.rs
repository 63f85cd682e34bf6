//! HEAD: where an upload stands.

use crate::server::{Server, TUS, eventually};
use access::Policy;
use std::time::Duration;
use upload_svc::Settings;

#[tokio::test]
async fn the_answer_says_all_and_is_never_cached() {
    let server = Server::new().await;
    let path = server.create(10).await;
    for (send, offset) in [("", 0), ("hello", 5), (" worl", 10)] {
        if !send.is_empty() {
            server.patch(&path, offset - send.len(), send).await;
        }
        let standing = server.head(&path).await;
        assert_eq!((standing.status.as_u16(), standing.offset()), (200, offset));
        assert_eq!(standing.header("upload-length"), "10");
        assert_eq!(standing.header("cache-control"), "no-store");
        assert_eq!(standing.header("tus-resumable"), "1.0.0");
        assert_eq!(standing.headers.contains_key("hashreel-file"), offset == 10);
        assert!(!standing.headers.contains_key("upload-metadata"));
    }
}

#[tokio::test]
async fn the_offset_is_accepted_next_however_often_it_is_asked_for() {
    let server = Server::new().await;
    let path = server.create(26).await;
    for (at, letter) in ('a'..='z').enumerate() {
        for _ in 0..3 {
            assert_eq!(server.head(&path).await.offset(), at);
        }
        assert_eq!(server.patch(&path, at, letter.to_string()).await.status, 204);
    }
    let file = server.head(&path).await.file();
    assert_eq!(server.content(file).await, b"abcdefghijklmnopqrstuvwxyz");
}

#[tokio::test]
async fn what_is_not_there_has_no_offset() {
    let server = Server::new().await;
    let ended = server.create(5).await;
    server.ask("DELETE", &ended, &[TUS], "").await;
    let unknown = "/uploads/018f3c1e-0000-7000-8000-000000000001";
    for (path, status) in [(unknown, 404), ("/uploads/x", 404), (&*ended, 410)] {
        let answer = server.head(path).await;
        assert_eq!(answer.status.as_u16(), status);
        assert!(!answer.headers.contains_key("upload-offset"));
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
    }
    assert_eq!(server.ask("HEAD", &server.create(5).await, &[], "").await.status, 412);
}

#[tokio::test]
async fn an_upload_ends_when_its_time_is_over() {
    let settings = Settings { expiry: Duration::ZERO, ..Settings::default() };
    let server = Server::with(settings, Policy::Open).await;
    let path = server.create(5).await;
    server.patch(&path, 0, "hello").await.refused(410);
    assert_eq!(server.head(&path).await.status, 410);
}

#[tokio::test]
async fn what_has_expired_is_cleared_away_until_the_service_stops() {
    let settings = Settings {
        expiry: Duration::ZERO,
        clear_every: Duration::from_millis(10),
        ..Settings::default()
    };
    let server = Server::with(settings, Policy::Open).await;
    let id = server.create(5).await.rsplit('/').next().unwrap().parse().unwrap();
    server.uploads.keep_clearing();
    eventually(|| async {
        let upload = server.store.catalog().upload(&model::OwnerId::local(), id).await.unwrap();
        (upload.value.state == model::upload::UploadState::Expired).then_some(())
    })
    .await;
    server.shutdown.cancel();
    server.uploads.finished().await;
}
