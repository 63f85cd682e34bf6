//! A server that demands keys: whoever has none gets nothing, and whoever has one gets what is theirs. To
//! others it does not exist.

#![allow(clippy::unwrap_used, missing_docs)]

use reqwest::{Method, RequestBuilder};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use system_tests::{
    browser::steps,
    clips,
    program::{hashreel, run, succeed},
    server::Server,
    site::{free_address, put_id},
};

/// Longer than a server remembers a key that it has verified.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// A new key of `owner`, as an operator makes it.
fn key(data: &Path, owner: &str) -> String {
    let data = data.to_str().unwrap();
    let args = ["keys", "create", "--owner", owner, "--name", "test", "--data", data];
    succeed(hashreel(), args).trim().to_owned()
}

/// Every way to something of somebody's.
struct Ways(Vec<(Method, String)>);

impl Ways {
    fn to(file: &serde_json::Value, upload: &str) -> Self {
        let id = file["id"].as_str().unwrap();
        let rendition = file["video"]["renditions"][0]["id"].as_str().unwrap();
        let mut ways = vec![
            (Method::GET, format!("/v1/files/{id}")),
            (Method::GET, format!("/v1/files/{id}/content")),
            (Method::HEAD, format!("/v1/files/{id}/content")),
            (Method::GET, format!("/play/{id}/{rendition}.m3u8")),
            (Method::HEAD, upload.into()),
            (Method::PATCH, upload.into()),
            (Method::DELETE, upload.into()),
            (Method::PATCH, format!("/v1/files/{id}")),
            (Method::DELETE, format!("/v1/files/{id}")),
        ];
        for manifest in ["hls", "dash", "poster"] {
            ways.push((Method::GET, file["video"][manifest].as_str().unwrap().into()));
        }
        Self(ways)
    }

    /// Asks for all of it with `key`, and gets `status` every time.
    async fn lead_to(&self, status: u16, server: &Server, key: Option<&str>) {
        for (method, path) in &self.0 {
            let answer = with(server.ask(method.clone(), path), key);
            let answer = match (method, path.starts_with("/uploads")) {
                (&Method::PATCH, true) => answer
                    .header("content-type", "application/offset+octet-stream")
                    .header("upload-offset", 0)
                    .body("hello"),
                (&Method::PATCH, false) => answer.json(&serde_json::json!({ "name": "mine" })),
                _ => answer,
            };
            let answer = answer.send().await.unwrap();
            assert_eq!(answer.status(), status, "{method} {path} with {key:?}");
        }
    }
}

/// The request with a key, and as any tus client marks it.
fn with(request: RequestBuilder, key: Option<&str>) -> RequestBuilder {
    let request = request.header("tus-resumable", "1.0.0");
    match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    }
}

/// The list at `path` that the owner of `key` sees.
async fn list(server: &Server, key: &str, path: &str, of: &str) -> Vec<serde_json::Value> {
    let answer = with(server.ask(Method::GET, path), Some(key)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    let bytes = answer.bytes().await.unwrap();
    let page: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    page[of].as_array().unwrap().clone()
}

#[tokio::test]
async fn owners_have_their_own_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (alice, bob) = (key(&data, "alice"), key(&data, "bob"));
    let server = Server::start_at(&data, free_address(), &["--require-keys"]);
    let client = |key: &str, args: &[&str]| {
        server.client_command(dir.path(), args).env("HASHREEL_KEY", key).output().unwrap()
    };

    let clip = clips::small();
    let id = put_id(&client(&alice, &["put", "--wait", clip.to_str().unwrap()]));
    let file = list(&server, &alice, "/v1/files", "files").await.remove(0);
    assert_eq!((file["id"].as_str(), file["video"]["state"].as_str()), (Some(&*id), Some("ready")));
    let made = with(server.ask(Method::POST, "/uploads"), Some(&alice)).header("upload-length", 5);
    let made = made.send().await.unwrap();
    assert_eq!(made.status(), 201);
    let upload = made.headers()["location"].to_str().unwrap();
    let upload = upload.strip_prefix(&server.url()).unwrap_or(upload);
    let ways = Ways::to(&file, upload);

    // Another owner.
    ways.lead_to(404, &server, Some(&bob)).await;
    for (path, of) in [("/v1/files", "files"), ("/v1/events", "events"), ("/v1/jobs", "jobs")] {
        let (hers, his) =
            (list(&server, &alice, path, of).await, list(&server, &bob, path, of).await);
        assert!(his.is_empty(), "{path}: {his:?}");
        assert_eq!(hers.is_empty(), of == "jobs", "{path}: {hers:?}");
    }
    for args in [["get", &*id], ["info", &*id], ["rm", &*id]] {
        assert_eq!(client(&bob, &args).status.code(), Some(4), "{args:?}");
    }

    // Nobody, and somebody with a key that was never made.
    let invented = format!("{}{}", &alice[..alice.len() - 4], "0000");
    for key in [None, Some(&*invented), Some("hr_nonsense")] {
        ways.lead_to(401, &server, key).await;
        for path in ["/v1/files", "/v1/events", "/v1/jobs", "/v1/session"] {
            let answer = with(server.ask(Method::GET, path), key).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path} with {key:?}");
        }
        let answer = with(server.ask(Method::POST, "/uploads"), key).header("upload-length", 5);
        assert_eq!(answer.send().await.unwrap().status(), 401, "an upload with {key:?}");
    }
    assert_eq!(server.client(dir.path(), &["put", clip.to_str().unwrap()]).status.code(), Some(5));

    // None of that has changed anything of hers.
    assert_eq!(list(&server, &alice, "/v1/files", "files").await, [file]);
    let standing = with(server.ask(Method::HEAD, upload), Some(&alice)).send().await.unwrap();
    assert_eq!(standing.headers()["upload-offset"], "0");

    // A key that is revoked while the server runs.
    let listed = succeed(hashreel(), ["keys", "list", "--data", data.to_str().unwrap()]);
    let hers = listed.lines().find(|line| line.contains("alice")).unwrap();
    let revoked = hers.split_whitespace().next().unwrap();
    let args = ["keys", "revoke", revoked, "--data", data.to_str().unwrap()];
    assert!(run(hashreel(), args).status.success());
    let deadline = Instant::now() + FORGOTTEN;
    while with(server.ask(Method::GET, "/v1/files"), Some(&alice)).send().await.unwrap().status()
        != 401
    {
        assert!(Instant::now() < deadline, "a revoked key stays valid");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ways.lead_to(401, &server, Some(&alice)).await;
    assert_eq!(list(&server, &bob, "/v1/files", "files").await, [] as [serde_json::Value; 0]);
}

#[test]
fn the_page_asks_for_a_key_and_opens_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let key = key(&data, "alice");
    let server = Server::start_at(&data, free_address(), &["--require-keys"]);
    let report = steps(&server, &["--key", &key, "--only", "signin"]);
    assert!(!report.contains(&key), "the report holds the key");
}
