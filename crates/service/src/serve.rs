//! The server under the routers: HTTP/1.1, bounded in connections, header bytes and idle time, and
//! ending well.
//!
//! When it is told to stop it takes no more connections, lets the requests under way end within the
//! grace period, and then drops them. Long requests and upgraded connections are not waited for
//! politely: their handlers watch the same token.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use model::{Error, ErrorKind, Result};
use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
    sync::Semaphore,
    time::{Instant, Sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long to wait after the system refused a connection for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server gives its clients at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait in the system's queue.
    pub connections: usize,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Time for a request's head, and between two requests of a connection.
    pub header_time: Duration,
    /// Time in which a connection may move no byte although we want to read or write.
    pub idle: Duration,
    /// Bytes read from, or queued to, one connection at a time.
    pub buffer: usize,
    /// Time for requests under way once the server is told to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            header_bytes: 64 << 10,
            header_time: Duration::from_secs(30),
            idle: Duration::from_secs(120),
            buffer: 128 << 10,
            grace: Duration::from_secs(10),
        }
    }
}

/// A token that is cancelled by SIGTERM or Ctrl-C.
///
/// # Errors
/// `Internal` where the system gives no signal handlers.
pub fn shutdown_on_signals() -> Result<CancellationToken> {
    let mut signals = Signals::new()?;
    let token = CancellationToken::new();
    let told = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping");
        told.cancel();
    });
    Ok(token)
}

/// Waits for the next SIGTERM or Ctrl-C from now on: after [`shutdown_on_signals`], one of somebody who
/// does not want to wait for a polite end.
///
/// # Errors
/// `Internal` where the system gives no signal handlers.
pub async fn signalled() -> Result<()> {
    Signals::new()?.next().await;
    Ok(())
}

/// The signals that ask a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let of = |kind| {
            signal(kind).map_err(|error| {
                Error::with_source(ErrorKind::Internal, "cannot watch for signals", error)
            })
        };
        Ok(Self {
            terminate: of(SignalKind::terminate())?,
            interrupt: of(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Listens on `address`.
///
/// # Errors
/// `Conflict` for a port in use, `Forbidden` for one that needs privileges, `Invalid` for an address
/// that this machine does not have.
pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let (kind, why) = match error.kind() {
            io::ErrorKind::AddrInUse => (ErrorKind::Conflict, "the port is in use"),
            io::ErrorKind::PermissionDenied => {
                (ErrorKind::Forbidden, "ports below 1024 need privileges")
            }
            _ => (ErrorKind::Invalid, "this machine has no such address"),
        };
        let message = format!("cannot listen on {address}: {why}; choose another with --listen");
        Error::with_source(kind, message, error)
    })
}

/// Serves `router` until `shutdown`, and then the grace period at most. What cannot be accepted is
/// logged and tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    limits: Limits,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    // Ends what the grace period did not; dropped with the server, it ends everything.
    let cut = CancellationToken::new();
    let _cut_on_drop = cut.clone().drop_guard();
    while let Some(stream) = accept(&listener, &shutdown, &room).await {
        let (router, shutdown, cut) = (router.clone(), shutdown.clone(), cut.clone());
        connections.spawn(async move {
            let (stream, _room) = stream;
            tokio::select! {
                () = cut.cancelled() => {}
                () = converse(stream, router, &shutdown, limits) => {}
            }
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.grace, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "cut off after the grace period");
    }
}

/// The next connection and its place among the limited number; `None` at the end.
async fn accept(
    listener: &TcpListener,
    shutdown: &CancellationToken,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let next = async {
        // The semaphore is never closed.
        let place = room.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, place)),
                Err(error) if is_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(cause = %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        next = next => next,
    }
}

/// Whether a client left before it was accepted.
fn is_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

async fn converse(stream: TcpStream, router: Router, shutdown: &CancellationToken, limits: Limits) {
    // Without it small responses wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(cause = %error, "no TCP_NODELAY");
    }
    let stream = TokioIo::new(Watched { stream, idle: limits.idle, waiting: None });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.buffer);
    let connection = builder.serve_connection(stream, TowerToHyperService::new(router));
    let mut connection = pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients that leave, or do not speak HTTP; what a request came to is logged at the boundary.
        tracing::debug!(cause = %causes(&error), "a connection broke off");
    }
}

fn causes(error: &hyper::Error) -> String {
    let mut line = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}

/// A connection that breaks when nothing moves for too long while we wait for it.
struct Watched {
    stream: TcpStream,
    idle: Duration,
    /// Runs while a read or write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    /// What to answer for the stream's own answer.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.waiting = None;
            return polled;
        }
        let idle = self.idle;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + idle)));
        waiting
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "nothing moved for too long")))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.watch(cx, polled)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::Notify,
        task::JoinHandle,
    };

    struct Running {
        address: SocketAddr,
        shutdown: CancellationToken,
        server: JoinHandle<()>,
    }

    async fn start(router: Router, limits: Limits) -> Running {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let server = tokio::spawn(serve(listener, router, shutdown.clone(), limits));
        Running { address, shutdown, server }
    }

    async fn ask(address: SocketAddr, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        // A reset after the answer is an end as well.
        let _ = stream.read_to_end(&mut text).await;
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn a_request_under_way_ends_well_and_no_new_one_is_taken() {
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let router = Router::new().route("/", {
            let (entered, leave) = (entered.clone(), leave.clone());
            get(async move || {
                entered.notify_one();
                leave.notified().await;
                "done"
            })
        });
        let running = start(router, Limits::default()).await;
        let stream = ask(running.address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        entered.notified().await;
        running.shutdown.cancel();
        while TcpStream::connect(running.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        leave.notify_one();
        assert!(answer(stream).await.ends_with("done"));
        running.server.await.unwrap();
    }

    #[tokio::test]
    async fn what_outlasts_the_grace_period_is_cut_off() {
        let entered = Arc::new(Notify::new());
        let router = Router::new().route("/", {
            let entered = entered.clone();
            get(async move || {
                entered.notify_one();
                std::future::pending::<()>().await;
            })
        });
        let limits = Limits { grace: Duration::from_millis(10), ..Limits::default() };
        let running = start(router, limits).await;
        let stream = ask(running.address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        entered.notified().await;
        running.shutdown.cancel();
        running.server.await.unwrap();
        assert_eq!(answer(stream).await, "");
    }

    #[tokio::test]
    async fn a_head_that_is_too_long_or_never_ends_is_refused() {
        let limits = Limits {
            header_bytes: 4096,
            header_time: Duration::from_millis(50),
            ..Limits::default()
        };
        let running = start(Router::new().route("/", get(async || "hello")), limits).await;
        let long = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(8192));
        assert!(answer(ask(running.address, &long).await).await.starts_with("HTTP/1.1 431"));
        let endless = answer(ask(running.address, "GET / HTTP/1.1\r\nhost: ").await).await;
        assert!(endless.is_empty() || endless.starts_with("HTTP/1.1 408"), "{endless}");
    }

    #[tokio::test]
    async fn a_client_that_stops_sending_is_let_go() {
        let router = Router::new().route("/", axum::routing::post(async |body: String| body));
        let limits = Limits { idle: Duration::from_millis(50), ..Limits::default() };
        let running = start(router, limits).await;
        let stalled = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
        let text = answer(ask(running.address, stalled).await).await;
        assert!(!text.starts_with("HTTP/1.1 200"), "{text}");
    }

    #[tokio::test]
    async fn more_connections_than_allowed_wait_for_their_turn() {
        let limits = Limits { connections: 1, ..Limits::default() };
        let running = start(Router::new().route("/", get(async || "hello")), limits).await;
        let first = TcpStream::connect(running.address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let second = ask(running.address, request).await;
        drop(first);
        assert!(answer(second).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let taken = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = bind(taken.local_addr().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("in use"), "{error}");
    }
}
