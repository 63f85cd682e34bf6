//! A server for one test: its back ends in a temporary directory, asked in process or over a socket.

use access::{Access, ApiKeyText, Keys, Policy};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use bytes::Bytes;
use catalog::Catalog;
use content::{Config, Store};
use http_body_util::BodyExt as _;
use model::{FileId, OwnerId, Timestamp};
use queue::JobQueue;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tempfile::TempDir;
use testkit::{dice::Dice, faults::Faults};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use upload_svc::{Settings, Uploads};

/// The headers of every tus request, and of every tus body.
pub const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
pub const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct Server {
    pub store: Store,
    pub queue: Arc<dyn JobQueue>,
    pub uploads: Uploads,
    pub router: Router,
    pub shutdown: CancellationToken,
    _dir: TempDir,
}

/// A response that has ended.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Of a HEAD: it has no body.
    pub of_head: bool,
}

impl Server {
    pub async fn new() -> Self {
        Self::with(Settings::default(), Policy::Open).await
    }

    pub async fn with(settings: Settings, policy: Policy) -> Self {
        Self::over(&Faults::new(), settings, policy).await
    }

    /// One whose stores fail as `faults` says.
    pub async fn over(faults: &Faults, settings: Settings, policy: Policy) -> Self {
        let dir = TempDir::new().unwrap();
        let at =
            |scheme: &str, name: &str| format!("{scheme}://{}", dir.path().join(name).display());
        let records = records::open(&at("sqlite", "records.db")).await.unwrap();
        let objects = objects::open(&at("file", "objects")).await.unwrap();
        let queue = queue::open(&at("sqlite", "queue.db")).await.unwrap();
        let (records, objects) = (faults.records(records), faults.objects(objects));
        let store = Store::new(Catalog::new(records), objects, Config::default()).unwrap();
        let access = Access::new(store.catalog().clone(), policy);
        let shutdown = CancellationToken::new();
        let uploads =
            Uploads::new(store.clone(), queue.clone(), access, settings, shutdown.clone());
        let router = upload_svc::router(uploads.clone());
        Self { store, queue, uploads, router, shutdown, _dir: dir }
    }

    /// A new key of `owner`, as an `Authorization` header.
    pub async fn key(&self, owner: &str) -> String {
        let keys = Keys::new(self.store.catalog().clone());
        let (_, key): (_, ApiKeyText) =
            keys.create(owner.parse().unwrap(), "test", Timestamp::now()).await.unwrap();
        format!("Bearer {}", key.expose())
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body, of_head: method == "HEAD" }
    }

    /// Makes a tus upload; returns its address.
    pub async fn create(&self, length: usize) -> String {
        let length = length.to_string();
        let answer = self.ask("POST", "/uploads", &[TUS, ("upload-length", &length)], "").await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.header("location").to_owned()
    }

    /// Adds bytes to a tus upload.
    pub async fn patch(&self, path: &str, offset: usize, body: impl Into<Body>) -> Answer {
        let offset = offset.to_string();
        self.ask("PATCH", path, &[TUS, BYTES, ("upload-offset", &offset)], body).await
    }

    pub async fn head(&self, path: &str) -> Answer {
        self.ask(Method::HEAD.as_str(), path, &[TUS], "").await
    }

    /// All the bytes of a file of the owner `local`, each verified.
    pub async fn content(&self, file: FileId) -> Vec<u8> {
        let file = self.store.catalog().file(&OwnerId::local(), file).await.unwrap().value;
        let reader = self.store.reader(&file.current);
        assert_eq!(reader.len(), file.current.size);
        let range = model::ByteRange::new(0, reader.len());
        let parts: Vec<Bytes> =
            futures::TryStreamExt::try_collect(reader.stream(range).unwrap()).await.unwrap();
        parts.concat()
    }

    /// The files of the owner `local`.
    pub async fn files(&self) -> Vec<catalog::File> {
        self.store.catalog().list_files(&OwnerId::local(), 100, None).await.unwrap().0
    }

    /// The names of all stored objects.
    pub async fn objects(&self) -> Vec<String> {
        let page = self.store.objects().list("", None, 1000).await.unwrap();
        page.objects.into_iter().map(|object| object.name.to_string()).collect()
    }

    /// Serves on a socket of its own until the test ends or [`Self::shutdown`].
    pub async fn listen(&self) -> SocketAddr {
        let listener = service::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = service::edge(self.router.clone(), &service::Metrics::new(|_| ()));
        let shutdown = self.shutdown.clone();
        tokio::spawn(service::serve(listener, router, shutdown, service::Limits::default()));
        address
    }

    /// Waits until no request writes an upload.
    pub async fn settled(&self) {
        let uploads = self.uploads.clone();
        eventually(move || {
            let idle = uploads.active() == 0;
            async move { idle.then_some(()) }
        })
        .await;
    }
}

impl Answer {
    /// The text of a header that must be there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    pub fn offset(&self) -> usize {
        self.header("upload-offset").parse().unwrap()
    }

    pub fn file(&self) -> FileId {
        self.header("hashreel-file").parse().unwrap()
    }

    /// Checks that this is a refusal with `status`, in words, as a problem document.
    pub fn refused(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        if self.of_head {
            return assert!(self.body.is_empty());
        }
        let body = String::from_utf8_lossy(&self.body);
        assert!(body.contains(&format!("\"status\":{status}")), "{body}");
        assert!(body.contains("\"detail\":\""), "{body}");
    }
}

/// What `attempt` gives at last, within a deadline.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut attempt: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing came of it");
        sleep(Duration::from_millis(5)).await;
    }
}

/// `len` bytes that do not repeat, different for each `seed`.
pub fn random(seed: u64, len: usize) -> Vec<u8> {
    Dice::of(seed, "random", 0).bytes(len)
}

/// A body without an announced length, in pieces.
pub fn chunked(pieces: &[&[u8]]) -> Body {
    let pieces: Vec<_> =
        pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
    Body::from_stream(futures::stream::iter(pieces))
}

/// A body that stands still behind `bytes`.
pub fn hanging(bytes: &'static [u8]) -> Body {
    let sent = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(bytes))]);
    Body::from_stream(futures::StreamExt::chain(sent, futures::stream::pending()))
}

/// A body that breaks off behind its pieces, as when a connection is lost.
pub fn broken(pieces: &[&[u8]]) -> Body {
    let mut pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    pieces.push(Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
    Body::from_stream(futures::stream::iter(pieces))
}
