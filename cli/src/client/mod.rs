//! The HTTP client: one place that knows addresses, keys and problem documents.

mod api;
mod tus;

pub use api::{File, Job, VideoState};
pub(crate) use tus::unreadable;
pub use tus::{Progress, Source, UploadUrl};

use crate::args::ServerArgs;
use model::{Error, ErrorKind, Result};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use std::{net::IpAddr, time::Duration};

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
    /// `Invalid` for an address that is not http or https.
    pub fn new(args: &ServerArgs) -> Result<Self> {
        if !matches!(args.server.scheme(), "http" | "https") || args.server.host_str().is_none() {
            return Err(Error::invalid(format!(
                "`{}` is no server: give an address like http://127.0.0.1:8080",
                args.server
            )));
        }
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

    fn unreachable(&self, error: reqwest::Error) -> Error {
        let server = &self.server;
        let message = if error.is_connect() {
            format!(
                "cannot reach {server}: start it with `hashreel up`, or name another with --server"
            )
        } else if error.is_timeout() {
            format!("{server} does not answer; try again in a while")
        } else {
            format!("the connection to {server} broke off")
        };
        Error::with_source(ErrorKind::Unavailable, message, error)
    }
}

/// Whether a server is on this machine.
fn is_loopback(server: &Url) -> bool {
    let host = server.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
        || host == "localhost"
        || host.ends_with(".localhost")
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
    let message = problem
        .detail
        .or(problem.title)
        .unwrap_or_else(|| format!("the server answered {status} and gave no reason"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_this_machine_is_told_from_others() {
        for (server, loopback) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://LOCALHOST", true),
            ("http://a.localhost:1", true),
            ("http://192.0.2.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&server.parse().unwrap()), loopback, "{server}");
        }
    }
}
