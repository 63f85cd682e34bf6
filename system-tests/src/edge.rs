//! An edge in front of a server: Debian's nginx with the configuration of localstack/.

use crate::{
    nginx,
    process::Process,
    server::Server,
    site::{Site, free_address},
};
use std::{
    fs,
    net::{SocketAddr, TcpStream},
    ops::Deref,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const START: Duration = Duration::from_secs(30);
/// How long requests may go on that nobody waits for.
const QUIET: Duration = Duration::from_secs(30);

/// A running edge. Dropping it kills it.
#[derive(Debug)]
pub struct Edge {
    site: Site,
    process: Process,
    folder: TempDir,
}

impl Deref for Edge {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Edge {
    /// Starts an edge at `address` for the server at `origin`, with nothing in its cache, and waits until it
    /// listens.
    #[must_use]
    pub fn start(address: SocketAddr, origin: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines = [
            ("/var/cache/nginx/hashreel", folder.path().join("cache").display().to_string()),
            ("server 127.0.0.1:8080;", format!("server {origin};")),
            ("listen 8090;", format!("listen {address};")),
        ];
        let process = nginx::start(folder.path(), "edge.conf", &lines);
        Self { site: Site::at(address), process, folder }.listening()
    }

    fn listening(mut self) -> Self {
        let deadline = Instant::now() + START;
        while TcpStream::connect(self.address()).is_err() {
            let ended = self.process.ended();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
                panic!("nginx does not listen: {ended:?}; its log:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }

    /// A server on `data` that delivers by an edge of its own.
    #[must_use]
    pub fn with_server(data: &Path) -> (Self, Server) {
        let (address, origin) = (free_address(), free_address());
        let delivery = format!("http://{address}/");
        let server = Server::start_at(data, origin, &["--delivery", &delivery]);
        (Self::start(address, origin), server)
    }
}

/// How many requests for segments `server` has answered. Waits for the end of those under way, since a
/// request is counted then, which may be after the client has had all of it.
pub async fn segments_asked(server: &Server) -> u64 {
    let deadline = Instant::now() + QUIET;
    let text = loop {
        let text = String::from_utf8(server.get("/metrics").await).unwrap();
        // This one is under way.
        if text.lines().any(|line| line == "hashreel_http_running 1") {
            break text;
        }
        assert!(Instant::now() < deadline, "the server does not come to rest:\n{text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let counts = text.lines().filter(|line| {
        line.starts_with("hashreel_http_requests_total{")
            && line.contains("route=\"/play/r/{rendition}/{part}\"")
    });
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}
