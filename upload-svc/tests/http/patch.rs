//! PATCH: bytes for an upload's end.

use crate::server::{BYTES, Server, TUS, broken, chunked, random};
use axum::body::Body;

#[tokio::test]
async fn bytes_in_many_requests_are_one_file() {
    let server = Server::new().await;
    let bytes = random(1, 5_000_000);
    let path = server.create(bytes.len()).await;
    let mut offset = 0;
    for step in [1, 0, 999_999, 2_000_000, 2_000_000] {
        let answer = server.patch(&path, offset, bytes[offset..offset + step].to_vec()).await;
        offset += step;
        assert_eq!((answer.status.as_u16(), answer.offset()), (204, offset));
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
        assert_eq!(answer.headers.contains_key("hashreel-file"), offset == bytes.len());
    }
    let file = server.head(&path).await.file();
    assert_eq!(server.content(file).await, bytes);
}

#[tokio::test]
async fn an_upload_that_is_complete_gives_the_same_file_ever_after_and_takes_no_byte() {
    let server = Server::new().await;
    let path = server.create(5).await;
    let file = server.patch(&path, 0, "hello").await.file();
    for _ in 0..2 {
        let empty = server.patch(&path, 5, "").await;
        assert_eq!((empty.status.as_u16(), empty.offset(), empty.file()), (204, 5, file));
        let empty = server.patch(&path, 5, chunked(&[])).await;
        assert_eq!((empty.status.as_u16(), empty.file()), (204, file));
        server.patch(&path, 5, "x").await.refused(403);
        server.patch(&path, 5, chunked(&[b"x"])).await.refused(403);
        server.patch(&path, 0, "hello").await.refused(409);
        server.patch(&path, 6, "").await.refused(409);
    }
    assert_eq!(server.files().await.len(), 1);
    assert_eq!(server.content(file).await, b"hello");
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let server = Server::new().await;
    let path = server.create(10).await;
    server.patch(&path, 0, "hello").await;
    let at = ("upload-offset", "5");
    type Row<'a> = (&'a [(&'a str, &'a str)], Body, u16);
    let rows: [Row<'_>; 14] = [
        (&[BYTES, at], "x".into(), 412),
        (&[("tus-resumable", "0.2.2"), BYTES, at], "x".into(), 412),
        (&[TUS, at], "x".into(), 415),
        (&[TUS, at, ("content-type", "application/octet-stream")], "x".into(), 415),
        (&[TUS, BYTES], "x".into(), 400),
        (&[TUS, BYTES, ("upload-offset", "five")], "x".into(), 400),
        (&[TUS, BYTES, at, ("upload-length", "11")], "x".into(), 400),
        (&[TUS, BYTES, at, ("upload-checksum", "sha1 AAAA")], "x".into(), 400),
        (&[TUS, BYTES, ("upload-offset", "0")], "x".into(), 409),
        (&[TUS, BYTES, ("upload-offset", "6")], "x".into(), 409),
        (&[TUS, BYTES, ("upload-offset", "99999999999999999999")], Body::empty(), 409),
        (&[TUS, BYTES, at], "123456".into(), 413),
        // A wrong offset is told first: the client may have forgotten what it sent.
        (&[TUS, BYTES, ("upload-offset", "0")], "12345678901".into(), 409),
        (&[TUS, BYTES, ("upload-offset", "0"), ("upload-length", "11")], "x".into(), 409),
    ];
    for (headers, body, status) in rows {
        let answer = server.ask("PATCH", &path, headers, body).await;
        answer.refused(status);
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
        assert_eq!(answer.headers.contains_key("tus-version"), status == 412);
        assert_eq!(server.head(&path).await.offset(), 5, "{headers:?}");
    }
}

#[tokio::test]
async fn nothing_beyond_the_length_is_kept() {
    let server = Server::new().await;
    let bytes = random(2, 3_000_000);
    for pieces in [&[&bytes[..], b"x"][..], &[&bytes[..2_999_999], b"\0xyz"], &[&bytes, b"x", b"y"]]
    {
        let whole = pieces.concat();
        let path = server.create(bytes.len()).await;
        let before = server.files().await.len();
        server.patch(&path, 0, chunked(pieces)).await.refused(413);
        assert_eq!(server.files().await.len(), before, "what was refused is no file");
        let standing = server.head(&path).await;
        let offset = standing.offset();
        assert!(offset <= bytes.len());
        let file = server.patch(&path, offset, whole[offset..bytes.len()].to_vec()).await.file();
        assert_eq!(server.content(file).await, whole[..bytes.len()]);
    }
}

#[tokio::test]
async fn an_upload_that_is_not_there_or_not_any_more_says_which() {
    let server = Server::new().await;
    let unknown = "/uploads/018f3c1e-0000-7000-8000-000000000001";
    for path in [
        unknown,
        "/uploads/clip.mp4",
        "/uploads/..%2f..",
        "/uploads/018F3C1E-0000-7000-8000-000000000001",
    ] {
        let answer = server.patch(path, 0, "x").await;
        answer.refused(404);
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
    }
    let path = server.create(5).await;
    assert_eq!(server.ask("DELETE", &path, &[TUS], "").await.status, 204);
    server.patch(&path, 0, "hello").await.refused(410);
}

#[tokio::test]
async fn what_came_before_a_break_is_kept() {
    let server = Server::new().await;
    let bytes = random(3, 4_000_000);
    let path = server.create(bytes.len()).await;
    let answer =
        server.patch(&path, 0, broken(&[&bytes[..1_000_000], &bytes[1_000_000..2_500_000]])).await;
    answer.refused(409);
    assert_eq!(server.head(&path).await.offset(), 2_500_000);
    let file = server.patch(&path, 2_500_000, bytes[2_500_000..].to_vec()).await.file();
    assert_eq!(server.content(file).await, bytes);
}

#[tokio::test]
async fn the_method_may_come_in_a_header() {
    let server = Server::new().await;
    let path = server.create(5).await;
    let headers = [TUS, BYTES, ("upload-offset", "0"), ("x-http-method-override", "PATCH")];
    let answer = server.ask("POST", &path, &headers, "hello").await;
    assert_eq!((answer.status.as_u16(), answer.offset()), (204, 5));
}

#[tokio::test]
async fn the_same_bytes_are_stored_once() {
    let server = Server::new().await;
    let bytes = random(6, 4_000_000);
    let mut stored = Vec::new();
    for _ in 0..2 {
        let path = server.create(bytes.len()).await;
        let file = server.patch(&path, 0, bytes.clone()).await.file();
        assert_eq!(server.content(file).await, bytes);
        stored.push(server.objects().await);
    }
    assert_eq!(stored[0], stored[1]);
}
