//! What clients see of a server: an address that speaks HTTP, whoever stands behind it.

use crate::program::{hashreel, succeed};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

/// How long a video may take to be made.
const VIDEO: Duration = Duration::from_secs(600);

/// An address that nobody listens on.
#[must_use]
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An address and clients of it.
#[derive(Debug, Clone)]
pub struct Site {
    address: SocketAddr,
    http: reqwest::Client,
}

impl Site {
    /// The site at `address`.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        // Says no only where a provider is chosen already; even a client of plain HTTP wants one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { address, http: reqwest::Client::new() }
    }

    /// Its address as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs a command of `hashreel` against it; what is remembered of uploads lies in `home`.
    #[must_use]
    pub fn client(&self, home: &Path, args: &[&str]) -> Output {
        self.client_command(home, args).output().unwrap()
    }

    /// The same, to be started by the caller.
    #[must_use]
    pub fn client_command(&self, home: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(hashreel());
        command.args(args).env("HASHREEL_SERVER", self.url()).env("XDG_STATE_HOME", home);
        command
    }

    /// Uploads a file and gives its id.
    #[must_use]
    pub fn put(&self, home: &Path, file: &Path) -> String {
        put_id(&self.client(home, &["put", file.to_str().unwrap()]))
    }

    /// Downloads a file, and compares it with the one that was uploaded.
    pub fn same_bytes(&self, home: &Path, id: &str, sent: &Path) {
        let got = home.join("got");
        let output = self.client(home, &["get", id, "--force", "--output", got.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        succeed("cmp", [sent, &got]);
    }

    /// A request.
    pub async fn request(&self, method: Method, path: &str) -> Response {
        self.ask(method, path).send().await.unwrap()
    }

    /// A request that the caller completes and sends.
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url()))
    }

    /// The body of a GET that must succeed.
    pub async fn get(&self, path: &str) -> Vec<u8> {
        let response = self.request(Method::GET, path).await;
        assert!(response.status().is_success(), "GET {path}: {}", response.status());
        response.bytes().await.unwrap().to_vec()
    }

    /// The JSON of a GET that must succeed.
    pub async fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path).await).unwrap()
    }

    /// The file once its video is in `state`.
    pub async fn video_in(&self, file: &str, state: &str) -> Value {
        let deadline = Instant::now() + VIDEO;
        loop {
            let found = self.json(&format!("/v1/files/{file}")).await;
            let now = &found["video"]["state"];
            if now == state {
                return found;
            }
            assert!(now != "failed", "the video failed: {}", found["video"]["reason"]);
            assert!(Instant::now() < deadline, "the video stays {now}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The id of the file that a `put` which succeeded has printed.
#[must_use]
pub fn put_id(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim().to_owned()
}
