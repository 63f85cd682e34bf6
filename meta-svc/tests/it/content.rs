//! `/v1/files/{id}/content`: bit-exact or an error, whole and in ranges.

use crate::server::{Answer, Server};
use axum::body::Body;
use model::{FileId, Sha256};
use std::path::Path;
use testkit::dice::Dice;

/// Bytes without a pattern that a block boundary could hide in.
fn bytes(len: usize) -> Vec<u8> {
    Dice::new(0).bytes(len)
}

type Header<'a> = (&'a str, &'a str);

async fn ask(server: &Server, id: FileId, headers: &[Header<'_>]) -> Answer {
    server.ask("", "GET", &format!("/v1/files/{id}/content"), headers, Body::empty()).await
}

#[tokio::test]
async fn what_was_sent_comes_back() {
    let server = Server::open().await;
    // Nothing, one byte, one block, many blocks.
    for len in [0, 1, 100_000, 9_000_000] {
        let sent = bytes(len);
        let id = server.file("local", "f.bin", "application/octet-stream", &sent).await;
        let answer = ask(&server, id, &[]).await;
        assert_eq!((answer.status, answer.body.len()), (200, len));
        assert!(answer.body == sent);
        assert_eq!(answer.header("content-length"), len.to_string());
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("etag"), format!("\"{}\"", Sha256::of(&sent)));
    }
}

#[tokio::test]
async fn a_range_is_the_bytes_asked_for_wherever_the_blocks_lie() {
    let server = Server::open().await;
    let sent = bytes(9_000_000);
    let id = server.file("local", "f.bin", "", &sent).await;
    for (range, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=8999999-", 8_999_999, 9_000_000),
        ("bytes=-5", 8_999_995, 9_000_000),
        ("bytes=1000000-7999999", 1_000_000, 8_000_000),
        ("bytes=5-99999999", 5, 9_000_000),
        ("bytes=10-19,15-29", 10, 30),
    ] {
        let answer = ask(&server, id, &[("range", range)]).await;
        assert_eq!(answer.status, 206, "{range}");
        assert!(answer.body == sent[start..end], "{range}");
        let named = format!("bytes {start}-{}/9000000", end - 1);
        assert_eq!(answer.header("content-range"), named);
        assert_eq!(answer.header("content-length"), (end - start).to_string());
    }
    for range in ["bytes=9000000-", "bytes=-0"] {
        let answer = ask(&server, id, &[("range", range)]).await;
        assert_eq!((answer.status, answer.header("content-range")), (416, "bytes */9000000"));
    }
    for ignored in ["bytes=5-4", "lines=1-2"] {
        assert_eq!(ask(&server, id, &[("range", ignored)]).await.status, 200, "{ignored}");
    }
}

#[tokio::test]
async fn several_ranges_come_as_parts() {
    let server = Server::open().await;
    let sent = bytes(3_000_000);
    let id = server.file("local", "f.bin", "video/mp4", &sent).await;
    let answer = ask(&server, id, &[("range", "bytes=2000000-2000009,0-4,-3")]).await;
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let media_type = answer.header("content-type");
    let boundary = media_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mut expected = Vec::new();
    for (start, end) in [(2_000_000, 2_000_010), (0, 5), (2_999_997, 3_000_000)] {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: video/mp4\r\nContent-Range: bytes {start}-{}/3000000\r\n\r\n",
            end - 1
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&sent[start..end]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(answer.body == expected, "{}", answer.text());
    let many: Vec<_> = (0..33).map(|i| format!("{0}-{0}", i * 1000)).collect();
    let refused = ask(&server, id, &[("range", &format!("bytes={}", many.join(",")))]).await;
    assert_eq!(refused.status, 416);
}

#[tokio::test]
async fn conditions_hold_before_a_byte_is_sent() {
    let server = Server::open().await;
    let id = server.file("local", "f.bin", "", b"hello").await;
    let tag = ask(&server, id, &[]).await.header("etag").to_owned();
    let range = ("range", "bytes=1-2");
    let cases: [(&[Header], u16, &[u8]); 9] = [
        (&[("if-none-match", &tag)], 304, b""),
        (&[("if-none-match", "\"x\"")], 200, b"hello"),
        (&[("if-match", &tag)], 200, b"hello"),
        (&[("if-match", "\"x\"")], 412, b""),
        (&[range, ("if-range", &tag)], 206, b"el"),
        (&[range, ("if-range", "\"x\"")], 200, b"hello"),
        (&[range, ("if-range", "Wed, 21 Oct 2026 07:28:00 GMT")], 200, b"hello"),
        (&[range, ("if-none-match", &tag)], 304, b""),
        (&[range, ("if-match", &tag)], 206, b"el"),
    ];
    for (headers, status, body) in cases {
        let answer = ask(&server, id, headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert!(status == 412 || answer.body == body, "{headers:?}");
        assert!(status != 304 || answer.header("etag") == tag);
    }
}

#[tokio::test]
async fn a_head_is_the_answer_without_its_body() {
    let server = Server::open().await;
    let id = server.file("local", "f.bin", "", b"hello").await;
    let path = format!("/v1/files/{id}/content");
    // RFC 9110, 14.2: a range is for GET alone.
    for headers in [vec![], vec![("range", "bytes=1-2")], vec![("range", "bytes=9-")]] {
        let answer = server.ask("", "HEAD", &path, &headers, Body::empty()).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{headers:?}");
        assert_eq!(answer.header("content-length"), "5", "{headers:?}");
    }
}

#[tokio::test]
async fn a_browser_saves_what_could_act() {
    let server = Server::open().await;
    for (media_type, name, saved) in [
        ("text/html", "evil.html", true),
        ("image/svg+xml", "evil.svg", true),
        ("application/octet-stream", "f", true),
        ("", "naïve.bin", true),
        ("video/mp4", "clip.mp4", false),
        ("image/png", "a.png", false),
        ("text/plain", "a.txt", false),
    ] {
        let id = server.file("local", name, media_type, b"x").await;
        let answer = ask(&server, id, &[]).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        let disposition = answer.header("content-disposition");
        let kind = if saved { "attachment" } else { "inline" };
        assert!(disposition.starts_with(&format!("{kind}; filename=\"")), "{disposition}");
        assert_eq!(answer.header("content-security-policy").starts_with("sandbox"), saved);
    }
}

#[tokio::test]
async fn a_damaged_block_is_reported_and_never_served() {
    let server = Server::open().await;
    let sent = bytes(100_000);
    let id = server.file("local", "f.bin", "", &sent).await;
    damage(&server.dir.path().join("objects"));
    let answer = ask(&server, id, &[]).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(answer.json()["detail"].as_str().unwrap().contains("damaged"), "{}", answer.text());
}

/// Changes a byte in every object under `folder`.
fn damage(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path);
        } else if path.to_string_lossy().contains("blocks") {
            let mut stored = std::fs::read(&path).unwrap();
            let middle = stored.len() / 2;
            stored[middle] ^= 1;
            std::fs::write(&path, stored).unwrap();
        }
    }
}
