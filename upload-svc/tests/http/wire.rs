//! What only a real connection shows: cuts, pauses, take-overs while bytes flow.

use crate::server::{Answer, Server, TUS, eventually, random};
use access::Policy;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use bytes::Bytes;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use upload_svc::Settings;

/// A connection on which HTTP/1.1 is written by hand.
struct Wire(TcpStream);

impl Wire {
    /// Sends the head of a PATCH; `framing` is the header that says how the body ends.
    async fn patch(address: SocketAddr, path: &str, offset: usize, framing: &str) -> Self {
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nhost: {address}\r\ntus-resumable: 1.0.0\r\n\
             content-type: application/offset+octet-stream\r\nupload-offset: {offset}\r\n{framing}\r\n\r\n"
        );
        Self::open(address, &head).await
    }

    async fn open(address: SocketAddr, head: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    async fn send_chunk(&mut self, bytes: &[u8]) {
        self.send(format!("{:x}\r\n", bytes.len()).as_bytes()).await;
        self.send(bytes).await;
        self.send(b"\r\n").await;
    }

    /// The answer, or `None` where the connection ended without one.
    async fn answer(&mut self) -> Option<Answer> {
        let mut text = Vec::new();
        while !text.windows(4).any(|end| end == b"\r\n\r\n") {
            if self.0.read_buf(&mut text).await.ok()? == 0 {
                return None;
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let (head, rest) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: HeaderMap = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| {
                (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let body = Bytes::from(rest.to_owned());
        Some(Answer {
            status: status.parse::<StatusCode>().unwrap(),
            headers,
            body,
            of_head: false,
        })
    }
}

/// Waits until the upload's durable offset is beyond `offset`, without disturbing who writes it.
async fn beyond(server: &Server, path: &str, offset: usize) {
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let catalog = server.store.catalog().clone();
    eventually(|| async {
        let upload = catalog.upload(&model::OwnerId::local(), id).await.unwrap().value;
        (upload.offset() > Some(offset as u64)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cut_connection_keeps_what_arrived() {
    let server = Server::new().await;
    let address = server.listen().await;
    let bytes = random(1, 6_000_000);
    for (sent, framing) in [
        (1, "content-length"),
        (1_000_000, "content-length"),
        (5_999_999, "content-length"),
        (2_000_000, "chunked"),
    ] {
        let path = server.create(bytes.len()).await;
        if framing == "chunked" {
            let mut wire = Wire::patch(address, &path, 0, "transfer-encoding: chunked").await;
            wire.send_chunk(&bytes[..sent]).await;
        } else {
            let framing = format!("content-length: {}", bytes.len());
            let mut wire = Wire::patch(address, &path, 0, &framing).await;
            wire.send(&bytes[..sent]).await;
        }
        // The connection is closed here. All that was sent arrives, and the checkpoint follows.
        beyond(&server, &path, sent - 1).await;
        let standing = server.head(&path).await;
        assert_eq!(standing.offset(), sent, "{framing}");
        let file = server.patch(&path, sent, bytes[sent..].to_vec()).await.file();
        assert_eq!(server.content(file).await, bytes);
    }
    server.settled().await;
}

#[tokio::test]
async fn an_upload_cut_many_times_is_whole_at_the_end() {
    let server = Server::new().await;
    let address = server.listen().await;
    let bytes = random(2, 8_000_000);
    let path = server.create(bytes.len()).await;
    let mut requests = 0;
    loop {
        let offset = server.head(&path).await.offset();
        if offset == bytes.len() {
            break;
        }
        let end = bytes.len().min(offset + 900_001);
        let framing = format!("content-length: {}", bytes.len() - offset);
        let mut wire = Wire::patch(address, &path, offset, &framing).await;
        wire.send(&bytes[offset..end]).await;
        if end == bytes.len() {
            // A request of before, whose connection was cut, may still have brought it further.
            let status = wire.answer().await.unwrap().status.as_u16();
            assert!(matches!(status, 204 | 409), "{status}");
        }
        // Cut, and asked at once, before its bytes may have arrived: a client that takes the upload from
        // itself comes on all the same, and whatever offset is told is accepted next.
        drop(wire);
        requests += 1;
        assert!(requests < 1000, "it comes no further than {offset}");
    }
    let file = server.head(&path).await.file();
    assert_eq!(server.content(file).await, bytes);
}

#[tokio::test]
async fn a_head_while_bytes_flow_tells_an_offset_that_is_accepted() {
    let server = Server::new().await;
    let address = server.listen().await;
    let bytes = random(3, 5_000_000);
    let path = server.create(bytes.len()).await;
    let framing = format!("content-length: {}", bytes.len());
    let mut old = Wire::patch(address, &path, 0, &framing).await;
    old.send(&bytes[..3_000_000]).await;
    beyond(&server, &path, 0).await;

    let offset = server.head(&path).await.offset();
    assert!(offset > 0 && offset <= 3_000_000);
    let stopped = old.answer().await.unwrap();
    stopped.refused_on_the_wire(409);
    let file = server.patch(&path, offset, bytes[offset..].to_vec()).await.file();
    assert_eq!(server.content(file).await, bytes);
    server.settled().await;
}

#[tokio::test]
async fn the_newest_append_takes_over_from_one_that_hangs() {
    let server = Server::new().await;
    let address = server.listen().await;
    let bytes = random(4, 3_000_000);
    let path = server.create(bytes.len()).await;
    let framing = format!("content-length: {}", bytes.len());
    // A connection that was lost without anybody noticing.
    let mut lost = Wire::patch(address, &path, 0, &framing).await;
    lost.send(&bytes[..1_000_000]).await;
    beyond(&server, &path, 999_999).await;

    let file = server.patch(&path, 1_000_000, bytes[1_000_000..].to_vec()).await.file();
    assert_eq!(server.content(file).await, bytes);
    lost.answer().await.unwrap().refused_on_the_wire(409);
}

#[tokio::test]
async fn a_wrong_offset_disturbs_nobody() {
    let server = Server::new().await;
    let address = server.listen().await;
    let bytes = random(5, 2_000_000);
    let path = server.create(bytes.len()).await;
    let mut wire =
        Wire::patch(address, &path, 0, &format!("content-length: {}", bytes.len())).await;
    wire.send(&bytes[..1_000_000]).await;
    beyond(&server, &path, 999_999).await;
    server.patch(&path, 7, "x").await.refused(409);
    wire.send(&bytes[1_000_000..]).await;
    let done = wire.answer().await.unwrap();
    assert_eq!(done.status, 204);
    assert_eq!(server.content(done.file()).await, bytes);
}

#[tokio::test]
async fn a_delete_while_bytes_flow_ends_both() {
    let server = Server::new().await;
    let address = server.listen().await;
    let path = server.create(5_000_000).await;
    let mut wire = Wire::patch(address, &path, 0, "content-length: 5000000").await;
    wire.send(&random(6, 1_000_000)).await;
    beyond(&server, &path, 0).await;
    assert_eq!(server.ask("DELETE", &path, &[TUS], "").await.status, 204);
    assert!(wire.answer().await.unwrap().status.is_client_error());
    assert_eq!(server.head(&path).await.status, 410);
    server.settled().await;
}

#[tokio::test]
async fn many_clients_at_once_leave_a_whole_file() {
    let server = Server::new().await;
    let bytes = random(7, 4_000_000);
    let path = server.create(bytes.len()).await;
    let go_on = async |step: usize| {
        let standing = server.head(&path).await;
        assert_eq!(standing.status, 200, "it is answered whoever else is there");
        let offset = standing.offset();
        let end = bytes.len().min(offset + step);
        server.patch(&path, offset, bytes[offset..end].to_vec()).await
    };
    // They take the upload from one another, and each goes on where the others left it.
    let client = async |number: usize| {
        for _ in 0..20 {
            let answer = go_on(100_000 + number).await;
            assert!(matches!(answer.status.as_u16(), 204 | 409), "{answer:?}");
        }
    };
    futures::future::join_all((0..4).map(client)).await;
    let file = go_on(bytes.len()).await.file();
    assert_eq!(server.content(file).await, bytes);
    assert_eq!(server.files().await.len(), 1);
    server.settled().await;
}

#[tokio::test]
async fn a_chunked_body_may_end_the_upload() {
    let server = Server::new().await;
    let address = server.listen().await;
    let bytes = random(8, 2_500_000);
    let path = server.create(bytes.len()).await;
    let mut wire = Wire::patch(address, &path, 0, "transfer-encoding: chunked").await;
    for piece in bytes.chunks(70_001) {
        wire.send_chunk(piece).await;
    }
    wire.send(b"0\r\n\r\n").await;
    let done = wire.answer().await.unwrap();
    assert_eq!((done.status.as_u16(), done.offset()), (204, bytes.len()));
    assert_eq!(server.content(done.file()).await, bytes);
}

#[tokio::test]
async fn a_client_that_sends_too_much_hears_why_while_it_sends() {
    let server = Server::new().await;
    let address = server.listen().await;
    let bytes = random(9, 3_000_000);
    let path = server.create(1_000_000).await;
    let mut wire = Wire::patch(address, &path, 0, "transfer-encoding: chunked").await;
    for piece in bytes.chunks(100_000) {
        wire.send_chunk(piece).await;
    }
    wire.send(b"0\r\n\r\n").await;
    wire.answer().await.unwrap().refused_on_the_wire(413);
    let offset = server.head(&path).await.offset();
    assert!(offset <= 1_000_000);

    // And one whose length says so before it sends.
    let path = server.create(1_000_000).await;
    let mut wire = Wire::patch(address, &path, 0, "content-length: 3000000").await;
    wire.send(&bytes).await;
    wire.answer().await.unwrap().refused_on_the_wire(413);
    assert_eq!(server.head(&path).await.offset(), 0);
}

#[tokio::test]
async fn who_waits_to_be_asked_for_the_body_is_refused_before_it() {
    let server = Server::new().await;
    let address = server.listen().await;
    let path = server.create(10).await;
    let framing = "content-length: 5\r\nexpect: 100-continue";
    let mut wire = Wire::patch(address, &path, 3, framing).await;
    wire.answer().await.unwrap().refused_on_the_wire(409);

    let mut wire = Wire::patch(address, &path, 0, framing).await;
    assert_eq!(wire.answer().await.unwrap().status, 100);
    wire.send(b"hello").await;
    let answer = wire.answer().await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.offset()), (204, 5));
}

#[tokio::test]
async fn a_body_that_stands_still_is_cut_off_and_keeps_its_offset() {
    let settings = Settings { idle: Duration::from_millis(200), ..Settings::default() };
    let server = Server::with(settings, Policy::Open).await;
    let address = server.listen().await;
    let path = server.create(10).await;
    let mut wire = Wire::patch(address, &path, 0, "content-length: 10").await;
    wire.send(b"hello").await;
    wire.answer().await.unwrap().refused_on_the_wire(409);
    let standing = server.head(&path).await;
    assert_eq!(standing.offset(), 5);
    assert_eq!(server.patch(&path, 5, "world").await.status, 204);
}

#[tokio::test]
async fn a_server_that_stops_keeps_what_arrived() {
    let server = Server::new().await;
    let address = server.listen().await;
    let bytes = random(10, 2_000_000);
    let path = server.create(bytes.len()).await;
    let mut wire =
        Wire::patch(address, &path, 0, &format!("content-length: {}", bytes.len())).await;
    wire.send(&bytes[..1_500_000]).await;
    beyond(&server, &path, 0).await;
    server.shutdown.cancel();
    wire.answer().await.unwrap().refused_on_the_wire(409);
    server.uploads.finished().await;
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let upload = server.store.take_over(&model::OwnerId::local(), id).await.unwrap();
    assert!(upload.offset() > Some(0));
    // Who comes too late is told to go on elsewhere.
    server.patch(&path, usize::try_from(upload.offset().unwrap()).unwrap(), "x").await.refused(409);
}

#[tokio::test]
async fn a_creation_whose_client_left_before_it_was_told_leaves_nothing() {
    let server = Server::new().await;
    let address = server.listen().await;
    let head = format!(
        "POST /uploads HTTP/1.1\r\nhost: {address}\r\ntus-resumable: 1.0.0\r\nupload-length: 100\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: 100\r\n\r\n"
    );
    let mut wire = Wire::open(address, &head).await;
    wire.send(b"hello").await;
    let catalog = server.store.catalog().clone();
    let local = model::OwnerId::local();
    let created = eventually(|| async {
        catalog.events(&local, None, 10).await.unwrap().into_iter().find_map(|event| event.upload)
    })
    .await;
    drop(wire);
    eventually(|| async {
        let upload = catalog.upload(&local, created).await.unwrap().value;
        (upload.state == model::upload::UploadState::Aborted).then_some(())
    })
    .await;
    server.settled().await;
}

impl Answer {
    /// As [`Answer::refused`], where the body may not have been read to its end.
    fn refused_on_the_wire(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("tus-resumable"), "1.0.0");
    }
}
