//! The HTTP client: one place that knows addresses, keys and problem documents.

mod api;
mod tus;

#[cfg(test)]
pub(crate) use api::tests::file as test_file;
pub use api::{File, Job, VideoState};
pub(crate) use tus::unreadable;
pub use tus::{Progress, Source, UploadUrl};

use crate::{address::is_loopback, args::ServerArgs, say};
use model::{Error, ErrorKind, Result};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use std::{io, time::Duration};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// How much of an answer that is an error is read.
const MAX_PROBLEM: usize = 64 << 10;

/// A server, as one user sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Url,
    key: Option<String>,
}

/// RFC 9457, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

impl Client {
    /// A client of the server that the arguments name. Does not connect yet.
    ///
    /// # Errors
    /// `Internal` where the system lacks what it needs.
    pub fn new(args: &ServerArgs) -> Result<Self> {
        // Says no only where a provider is chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder();
        // Nobody's proxy leads to this machine.
        let builder = if is_loopback(&args.server) { builder.no_proxy() } else { builder };
        let http = builder
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .tcp_nodelay(true)
            .user_agent(concat!("hashreel/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Error::with_source(ErrorKind::Internal, "the HTTP client cannot start", error)
            })?;
        Ok(Self { http, server: args.server.clone(), key: args.key.clone() })
    }

    /// The server's address.
    pub fn server(&self) -> &Url {
        &self.server
    }

    /// The address of `path` on the server.
    ///
    /// # Errors
    /// `Invalid` for a path that makes no address.
    pub fn url(&self, path: &str) -> Result<Url> {
        self.server.join(path).map_err(|error| {
            Error::with_source(ErrorKind::Invalid, format!("`{path}` is no address"), error)
        })
    }

    /// A request to an address on the server, with the key.
    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        // A key goes to the server it is for and nowhere else, whatever a Location says.
        let ours = url.origin() == self.server.origin();
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) if ours => request.bearer_auth(key),
            _ => request,
        }
    }

    /// That there is a server, whatever it answers: what waits for one that went away would wait in vain
    /// for one that never was.
    ///
    /// # Errors
    /// `Unavailable` where it cannot be reached.
    pub async fn look_for_server(&self) -> Result<()> {
        let request = self.http.request(Method::GET, self.url("/livez")?);
        request.send().await.map(drop).map_err(|error| self.unreachable(error))
    }

    /// Sends a request and gives an answer of success.
    ///
    /// # Errors
    /// `Unavailable` where the server cannot be reached; the server's own words otherwise.
    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        self.send(request).await?.json().await.map_err(|error| {
            Error::with_source(
                ErrorKind::Internal,
                format!("{} did not answer as a Hashreel server does", self.server),
                error,
            )
        })
    }

    /// In one sentence: what the HTTP client says around the cause is about itself.
    #[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
    fn unreachable(&self, error: reqwest::Error) -> Error {
        let server = self.server.as_str().trim_end_matches('/');
        let cause = root(&error);
        let message = if is_refused(&error) {
            format!(
                "no server answers at {server}: start one with `{} up`, or name another with --server",
                say::program()
            )
        } else if error.is_connect() {
            format!("cannot reach {server} ({cause}): name another server with --server")
        } else if error.is_timeout() {
            format!("{server} does not answer; try again in a while")
        } else {
            format!("the connection to {server} broke off ({cause}); try again in a while")
        };
        Error::new(ErrorKind::Unavailable, message)
    }
}

/// The cause of all that `error` says.
fn root(error: &reqwest::Error) -> &(dyn std::error::Error + 'static) {
    let mut root: &(dyn std::error::Error + 'static) = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root
}

/// Whether there is a machine and no server on it.
fn is_refused(error: &reqwest::Error) -> bool {
    let cause = root(error).downcast_ref::<io::Error>();
    error.is_connect()
        && cause.is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
}

/// An error from an answer that is none of success.
async fn refusal(mut response: Response) -> Error {
    let status = response.status();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_PROBLEM {
            break;
        }
    }
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    let message = problem.detail.or(problem.title).unwrap_or_else(|| {
        format!(
            "the server answered {status} and no more, as no Hashreel does: name the right server \
             with --server or HASHREEL_SERVER"
        )
    });
    let error = Error::new(kind_of(status), message);
    if status == StatusCode::UNAUTHORIZED {
        return error.context("set HASHREEL_KEY or --key to an API key of this server");
    }
    error
}

fn kind_of(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        410 => ErrorKind::Gone,
        413 => ErrorKind::TooLarge,
        415 | 501 => ErrorKind::Unsupported,
        416 => ErrorKind::RangeNotSatisfiable,
        429 => ErrorKind::Busy,
        507 => ErrorKind::NoSpace,
        502..=504 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    }
}
