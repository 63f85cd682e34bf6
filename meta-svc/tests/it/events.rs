//! `/v1/events`: history in pages, and live over a WebSocket.

use crate::server::{Server, owner};
use futures::StreamExt as _;
use model::{
    EventId, Timestamp,
    event::{Event, EventType},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};
use tokio_util::sync::CancellationToken;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn history_is_read_in_pages_and_goes_on_after_any_event() {
    let server = Server::open().await;
    for name in ["a", "b", "c"] {
        server.file("local", name, "text/plain", name.as_bytes()).await;
    }
    let all = server.get("", "/v1/events").await.json();
    let (all, cursor) = (all["events"].as_array().unwrap().clone(), all["cursor"].clone());
    assert_eq!(cursor, Value::Null);
    let stored: Vec<_> = all.iter().filter(|event| event["type"] == "file.stored").collect();
    assert_eq!(stored.len(), 3);
    assert!(stored.iter().all(|event| event["file"].is_string() && event["upload"].is_string()));

    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get("", &format!("/v1/events?limit=2{after}")).await.json();
        paged.extend(page["events"].as_array().unwrap().clone());
        match page["cursor"].as_str() {
            Some(cursor) => after = format!("&after={cursor}"),
            None => break,
        }
    }
    assert_eq!(paged, all);
    for bad in ["limit=0", "limit=1001", "after=yesterday", "since=1"] {
        assert_eq!(server.get("", &format!("/v1/events?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn another_owners_history_does_not_exist() {
    let server = Server::with_keys().await;
    server.file("alice", "secret", "text/plain", b"x").await;
    assert_ne!(server.get("alice", "/v1/events").await.json()["events"], json!([]));
    assert_eq!(server.get("bob", "/v1/events").await.json()["events"], json!([]));
    assert_eq!(server.get("nobody", "/v1/events").await.status, 401);
}

type Socket = WebSocketStream<TcpStream>;

/// Serves `server` on a port of this machine.
async fn serve(server: &Server) -> SocketAddr {
    let listener = service::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = service::Limits::default();
    tokio::spawn(service::serve(listener, server.router.clone(), CancellationToken::new(), limits));
    address
}

async fn connect(
    address: SocketAddr,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, tungstenite::Error> {
    let url = format!("ws://{address}/v1/events{query}");
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    client_async(request, stream).await.map(|(socket, _)| socket)
}

/// The next message but pings.
async fn next(socket: &mut Socket) -> Message {
    let wait = async {
        loop {
            match socket.next().await.expect("an open socket").unwrap() {
                Message::Ping(_) => {}
                message => return message,
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("a message in time")
}

async fn event(socket: &mut Socket) -> Value {
    match next(socket).await {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Events up to the one that says `file.stored` of `name`.
async fn until_stored(socket: &mut Socket, name: &str) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = event(socket).await;
        let done = event["type"] == "file.stored" && event["data"]["name"] == name;
        events.push(event);
        if done {
            return events;
        }
    }
}

#[tokio::test]
async fn what_happens_is_told_to_all_who_listen() {
    let server = Server::open().await;
    let address = serve(&server).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(connect(address, "", &[]).await.unwrap());
    }
    server.file("local", "live", "text/plain", b"x").await;
    for socket in &mut sockets {
        let events = until_stored(socket, "live").await;
        assert_eq!(events.last().unwrap()["data"]["size"], 1);
    }
}

#[tokio::test]
async fn who_comes_back_is_told_what_was_missed_and_goes_on() {
    let server = Server::open().await;
    let address = serve(&server).await;
    let mut socket = connect(address, "", &[]).await.unwrap();
    server.file("local", "before", "text/plain", b"1").await;
    let seen = until_stored(&mut socket, "before").await;
    drop(socket);
    server.file("local", "missed", "text/plain", b"2").await;
    let last = seen.last().unwrap()["id"].as_str().unwrap();
    let mut socket = connect(address, &format!("?after={last}"), &[]).await.unwrap();
    let missed = until_stored(&mut socket, "missed").await;
    server.file("local", "after", "text/plain", b"3").await;
    let after = until_stored(&mut socket, "after").await;
    let stored =
        |events: &[Value]| events.iter().filter(|event| event["type"] == "file.stored").count();
    assert_eq!((stored(&missed), stored(&after)), (1, 1));
    let names: Vec<_> = missed.iter().chain(&after).map(|event| &event["data"]["name"]).collect();
    assert!(!names.contains(&&json!("before")), "{names:?}");
}

#[tokio::test]
async fn a_listener_hears_its_owners_events_alone() {
    let server = Server::with_keys().await;
    let address = serve(&server).await;
    let key = format!("Bearer {}", server.key("bob"));
    let mut socket = connect(address, "", &[("authorization", &key)]).await.unwrap();
    server.file("alice", "secret", "text/plain", b"x").await;
    server.file("bob", "mine", "text/plain", b"y").await;
    let heard = until_stored(&mut socket, "mine").await;
    let bobs = server.catalog.events(&owner("bob"), None, 100).await.unwrap();
    let bobs: Vec<_> = bobs.iter().map(|event| event.id.to_string()).collect();
    // Events of one millisecond come in any order, so some of his may still follow.
    let is_bobs = |event: &Value| bobs.iter().any(|id| event["id"] == **id);
    assert!(heard.iter().all(is_bobs), "{heard:?}");
}

#[tokio::test]
async fn nobody_listens_uninvited() {
    let refused = async |server: &Server, headers: &[(&'static str, &str)]| {
        let address = serve(server).await;
        match connect(address, "", headers).await.unwrap_err() {
            tungstenite::Error::Http(response) => response.status().as_u16(),
            other => panic!("{other:?}"),
        }
    };
    let keys = Server::with_keys().await;
    assert_eq!(refused(&keys, &[]).await, 401);
    assert_eq!(refused(&keys, &[("authorization", "Bearer hr_x")]).await, 401);
    let open = Server::open().await;
    assert_eq!(refused(&open, &[("origin", "https://evil.example")]).await, 403);
    assert_eq!(refused(&open, &[("host", "evil.example")]).await, 403);
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let server = Server::open().await;
    let address = serve(&server).await;
    let mut socket = connect(address, "", &[]).await.unwrap();
    server.shutdown.cancel();
    match next(&mut socket).await {
        Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1001),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_stops_does_not_tell_all_that_was_missed_first() {
    let server = Server::open().await;
    let address = serve(&server).await;
    server.file("local", "missed", "text/plain", b"x").await;
    let first = server.get("", "/v1/events?limit=1").await.json()["events"][0]["id"].clone();
    server.shutdown.cancel();
    let after = format!("?after={}", first.as_str().unwrap());
    let mut socket = connect(address, &after, &[]).await.unwrap();
    match next(&mut socket).await {
        Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1001),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_listener_that_announces_a_long_message_is_not_waited_for() {
    let server = Server::open().await;
    let address = serve(&server).await;
    let mut socket = connect(address, "", &[]).await.unwrap();
    // A masked binary frame of 64 KiB less one, of which nothing follows.
    let head = [0x82, 0x80 | 126, 0xff, 0xff, 1, 2, 3, 4];
    socket.get_mut().write_all(&head).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
    assert!(matches!(ended, None | Some(Err(_) | Ok(Message::Close(_)))), "{ended:?}");
}

#[tokio::test]
async fn who_missed_too_much_is_sent_to_the_pages() {
    let server = Server::open().await;
    let id = server.file("local", "f", "text/plain", b"x").await;
    let first = server.get("", "/v1/events?limit=1").await.json()["events"][0]["id"].clone();
    let many = (0..5100).map(async |number| {
        let at = Timestamp::now();
        let (kind, data) = (EventType::FileRenamed, json!({"name": format!("{number}")}));
        let event = Event { id: EventId::new(at), at, kind, file: Some(id), upload: None, data };
        server.catalog.append_event(&owner("local"), &event).await
    });
    assert!(futures::future::join_all(many).await.iter().all(Result::is_ok));
    let address = serve(&server).await;
    let after = format!("?after={}", first.as_str().unwrap());
    let mut socket = connect(address, &after, &[]).await.unwrap();
    loop {
        match next(&mut socket).await {
            Message::Text(_) => {}
            Message::Close(Some(frame)) => break assert_eq!(u16::from(frame.code), 1013),
            other => panic!("{other:?}"),
        }
    }
}
