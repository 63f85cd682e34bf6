//! A server that answers as a test says, and remembers what it was asked.

use super::super::{Limits, S3Objects};
use aws::SdkConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, Method, Uri},
    response::{IntoResponse, Response},
    routing::any,
};
use futures::{StreamExt, stream};
use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::Barrier,
    task::{AbortHandle, yield_now},
};

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What comes back.
pub(super) enum Answer {
    /// A status with a body.
    Plain(u16, String),
    /// A refusal as S3 writes it.
    Refused(u16, &'static str),
    /// Anything else.
    Whole(Response),
    /// The half of an object, and then no more.
    Broken,
    /// Nothing, for ever.
    Silence,
    /// What comes of nothing, as soon as enough others wait for the same.
    Together(Arc<Barrier>),
}

impl Answer {
    pub(super) fn ok() -> Self {
        Self::Plain(200, String::new())
    }

    async fn into_response(self) -> Response {
        let built =
            |status: u16, body: Body| Response::builder().status(status).body(body).unwrap();
        match self {
            Self::Plain(status, body) => built(status, body.into()),
            Self::Refused(status, code) => {
                let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
                built(status, body.into())
            }
            Self::Whole(response) => response,
            Self::Broken => {
                let first = stream::iter([Ok(Bytes::from("12345"))]);
                // What is there goes out while the rest is waited for.
                let torn = stream::once(async {
                    yield_now().await;
                    Err(std::io::Error::other("torn"))
                });
                let mut response = Body::from_stream(first.chain(torn)).into_response();
                response.headers_mut().insert("content-length", 10.into());
                response
            }
            Self::Silence => pending().await,
            Self::Together(barrier) => {
                barrier.wait().await;
                built(200, Body::empty())
            }
        }
    }
}

/// The server; gone when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    running: Running,
    task: AbortHandle,
}

/// How many requests are being answered, and the most that were at once.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<(usize, usize)>>);

impl Running {
    fn begin(&self) {
        let (now, most) = &mut *self.0.lock().unwrap();
        *now += 1;
        *most = (*most).max(*now);
    }

    fn end(&self) {
        self.0.lock().unwrap().0 -= 1;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers request `n`, counted from zero, with `answer(n, ..)`.
    pub(super) async fn new<F>(answer: F) -> Self
    where
        F: Fn(usize, &Asked) -> Answer + Clone + Send + Sync + 'static,
    {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let log = asked.clone();
        let running = Running::default();
        let counted = running.clone();
        let handler = move |request: Request| {
            let (log, answer, counted) = (log.clone(), answer.clone(), counted.clone());
            async move {
                counted.begin();
                let (head, body) = request.into_parts();
                let body = to_bytes(body, 64 << 20).await.unwrap();
                let asked =
                    Asked { method: head.method, uri: head.uri, headers: head.headers, body };
                let n = {
                    let mut log = log.lock().unwrap();
                    log.push(asked.clone());
                    log.len() - 1
                };
                let response = answer(n, &asked).into_response().await;
                counted.end();
                response
            }
        };
        let app = axum::Router::new().fallback(any(handler));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async move { axum::serve(listener, app).await.unwrap() };
        Self { address, asked, running, task: tokio::spawn(serve).abort_handle() }
    }

    /// Gives these answers one after the other, the last of them for ever.
    pub(super) async fn script(answers: &'static [fn() -> Answer]) -> Self {
        Self::new(|n, _| answers[n.min(answers.len() - 1)]()).await
    }

    /// The most requests that were being answered at once.
    pub(super) fn most_at_once(&self) -> usize {
        self.running.0.lock().unwrap().1
    }

    pub(super) fn store(&self) -> S3Objects {
        self.store_with(quick())
    }

    pub(super) fn store_with(&self, limits: Limits) -> S3Objects {
        S3Objects::new(&config(&self.endpoint()), "reels", "", limits)
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Tries that follow each other at once.
pub(super) fn quick() -> Limits {
    Limits { attempts: 4, pause: Duration::from_millis(1), ..Limits::default() }
}

pub(super) fn config(endpoint: &str) -> SdkConfig {
    let keys = Credentials::new("key", "secret", None, None, "the test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws::http())
        .endpoint_url(endpoint)
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .build()
}
