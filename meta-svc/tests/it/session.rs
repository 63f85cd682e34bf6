//! `/v1/session`: signing in with a key and out again.

use crate::server::Server;
use axum::body::Body;
use serde_json::{Value, json};

#[tokio::test]
async fn without_accounts_everybody_is_local() {
    let server = Server::open().await;
    let session = server.get("", "/v1/session").await;
    assert_eq!(session.json(), json!({"owner": "local", "accounts": false}));
    let body = json!({"key": "hr_x"});
    assert_eq!(server.send("", "POST", "/v1/session", body).await.status, 409);
}

#[tokio::test]
async fn a_browser_signs_in_and_out() {
    let server = Server::with_keys().await;
    let id = server.file("alice", "a.txt", "text/plain", b"x").await;
    let file = format!("/v1/files/{id}");
    assert_eq!(server.get("", "/v1/session").await.status, 401);
    let body = json!({"key": server.key("alice")});
    let signed_in = server.send("", "POST", "/v1/session", body).await;
    assert_eq!(signed_in.json(), json!({"owner": "alice", "accounts": true}));
    let set = signed_in.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && !set.contains("Secure"));
    let cookie = set.split(';').next().unwrap();

    let ask = async |method: &str, path: &str, origin: &str| {
        let headers = [("cookie", cookie), ("origin", origin)];
        server.ask("", method, path, &headers, Body::empty()).await.status
    };
    let (ours, theirs) = ("http://127.0.0.1:8080", "https://evil.example");
    assert_eq!(ask("GET", &file, ours).await, 200);
    assert_eq!(ask("DELETE", &file, theirs).await, 403);
    assert_eq!(ask("DELETE", "/v1/session", ours).await, 204);
    assert_eq!(ask("GET", &file, ours).await, 401);
}

#[tokio::test]
async fn a_session_over_tls_stays_there() {
    let server = Server::with_keys().await;
    let body = json!({"key": server.key("bob")}).to_string();
    let headers = [("content-type", "application/json"), ("origin", "https://reel.example")];
    let signed_in = server.ask("", "POST", "/v1/session", &headers, body).await;
    assert!(signed_in.header("set-cookie").contains("; Secure"));
}

#[tokio::test]
async fn what_is_no_key_signs_nobody_in() {
    let server = Server::with_keys().await;
    let mut forged = server.key("alice").to_owned();
    let last = if forged.pop() == Some('0') { '1' } else { '0' };
    forged.push(last);
    for (body, status) in [
        (json!({"key": forged}), 401),
        (json!({"key": "password"}), 401),
        (json!({"key": ""}), 401),
        (json!({}), 400),
        (json!({"key": 7}), 400),
        (Value::Null, 400),
    ] {
        let answer = server.send("", "POST", "/v1/session", body).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (status, ""));
        assert!(!answer.text().contains(&forged));
    }
}
