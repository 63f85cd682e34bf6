//! POST in tus: creation, and creation with the first bytes.

use crate::server::{BYTES, Server, TUS, broken, chunked, hanging, random};
use access::Policy;
use axum::body::Body;
use std::time::Duration;
use upload_svc::Settings;

#[tokio::test]
async fn an_upload_is_created_and_stands_at_zero() {
    let server = Server::new().await;
    let sent = "filename Y2xpcC5tcDQ=,is_confidential";
    for path in ["/uploads", "/uploads/"] {
        let headers = [TUS, ("upload-length", "100"), ("upload-metadata", sent)];
        let created = server.ask("POST", path, &headers, "").await;
        assert_eq!(created.status, 201);
        assert_eq!(created.offset(), 0);
        assert_eq!(created.header("tus-resumable"), "1.0.0");
        let location = created.header("location");
        assert!(location.starts_with("/uploads/"), "{location}");

        let standing = server.head(location).await;
        assert_eq!(standing.offset(), 0);
        assert_eq!(standing.header("upload-length"), "100");
        assert_eq!(standing.header("upload-metadata"), sent);
    }
    assert!(server.files().await.is_empty());
}

#[tokio::test]
async fn an_empty_upload_is_a_file_at_once() {
    let server = Server::new().await;
    let headers = [TUS, ("upload-length", "0"), ("upload-metadata", "filename YQ==")];
    let created = server.ask("POST", "/uploads", &headers, "").await;
    assert_eq!((created.status.as_u16(), created.offset()), (201, 0));
    let file = created.file();
    assert_eq!(server.head(created.header("location")).await.file(), file);
    assert_eq!(server.content(file).await, b"");
    assert_eq!(server.files().await.len(), 1);
    assert_eq!(server.files().await[0].name, "a");
}

#[tokio::test]
async fn the_first_bytes_may_come_along() {
    let server = Server::new().await;
    let bytes = random(1, 3_000_000);
    for (along, is_chunked) in [
        (0, false),
        (1, false),
        (1_500_000, false),
        (3_000_000, false),
        (0, true),
        (3_000_000, true),
    ] {
        let length = bytes.len().to_string();
        let headers = [TUS, BYTES, ("upload-length", &*length)];
        let body =
            if is_chunked { chunked(&[&bytes[..along]]) } else { bytes[..along].to_vec().into() };
        let created = server.ask("POST", "/uploads", &headers, body).await;
        assert_eq!((created.status.as_u16(), created.offset()), (201, along));
        let location = created.header("location");
        let file = if along == bytes.len() {
            created.file()
        } else {
            assert!(!created.headers.contains_key("hashreel-file"));
            server.patch(location, along, bytes[along..].to_vec()).await.file()
        };
        assert_eq!(server.content(file).await, bytes);
    }
}

#[tokio::test]
async fn what_came_of_a_body_that_stood_still_is_told() {
    let settings = Settings { idle: Duration::from_millis(100), ..Settings::default() };
    let server = Server::with(settings, Policy::Open).await;
    let headers = [TUS, BYTES, ("upload-length", "100")];
    let created = server.ask("POST", "/uploads", &headers, hanging(b"hello")).await;
    assert_eq!((created.status.as_u16(), created.offset()), (201, 5));
    assert_eq!(server.head(created.header("location")).await.offset(), 5);
}

#[tokio::test]
async fn a_creation_whose_client_was_lost_leaves_nothing() {
    let server = Server::new().await;
    let headers = [TUS, BYTES, ("upload-length", "100")];
    server.ask("POST", "/uploads", &headers, broken(&[b"hello"])).await.refused(409);
    assert!(server.objects().await.is_empty());
}

#[tokio::test]
async fn a_creation_that_is_refused_leaves_nothing() {
    let server = Server::new().await;
    let length = ("upload-length", "5");
    type Row<'a> = (&'a [(&'a str, &'a str)], Body, u16);
    let rows: [Row<'_>; 11] = [
        (&[length], "".into(), 412),
        (&[TUS], "".into(), 400),
        (&[TUS, ("upload-length", "-5")], "".into(), 400),
        (&[TUS, ("upload-length", "1099511627777")], "".into(), 413),
        (&[TUS, length], "hello".into(), 415),
        (&[TUS, length, BYTES], "hello, world".into(), 413),
        (&[TUS, length, BYTES], chunked(&[b"hello,", b" world"]), 413),
        (&[TUS, ("upload-length", "0"), BYTES], chunked(&[b"x"]), 413),
        (&[TUS, length, ("upload-metadata", "filename")], "".into(), 201),
        (&[TUS, length, ("upload-metadata", "filename ***")], "".into(), 400),
        (&[TUS, ("upload-defer-length", "1")], "".into(), 400),
    ];
    for (headers, body, status) in rows {
        let answer = server.ask("POST", "/uploads", headers, body).await;
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
        if status != 201 {
            answer.refused(status);
            assert!(!answer.headers.contains_key("location"));
        }
    }
    let file = "file MDE4ZjNjMWUtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAx";
    server
        .ask("POST", "/uploads", &[TUS, length, ("upload-metadata", file)], "")
        .await
        .refused(400);
    assert!(server.files().await.is_empty());
}

#[tokio::test]
async fn other_methods_are_told_which_are_possible() {
    let server = Server::new().await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "HEAD"] {
        let answer = server.ask(method, "/uploads", &[TUS], "").await;
        answer.refused(405);
        assert_eq!(answer.header("allow"), "POST, OPTIONS");
    }
}
