//! A request's body as a stream that ends: by itself, by a pause that is too long, or by a connection
//! that broke. Nothing is buffered; whoever does not read makes the client wait.

use axum::body::{Body, Bytes, HttpBody as _};
use futures::Stream;
use http_body_util::BodyExt as _;
use model::{Error, ErrorKind};
use std::{
    error::Error as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// How much of a refused body is read and thrown away, in bytes.
const LINGER_BYTES: usize = 64 << 20;

/// And how long at most.
const LINGER_TIME: Duration = Duration::from_secs(5);

/// The data of a body.
#[derive(Debug)]
pub struct Intake {
    /// `None` once it has ended, or failed.
    body: Option<Body>,
    idle: Duration,
    /// Runs while the body is waited for.
    pause: Option<Pin<Box<Sleep>>>,
    /// Whether the rest of a body that nobody wants is read away, for the client to hear why.
    lingers: bool,
}

impl Intake {
    /// The data of `body`, with pauses of `idle` at most. `awaits_continue`: the client sends its body
    /// only once it is asked for.
    pub fn new(body: Body, idle: Duration, awaits_continue: bool) -> Self {
        Self { body: Some(body), idle, pause: None, lingers: !awaits_continue }
    }
}

impl Stream for Intake {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Asked for its body, the client sends it.
        self.lingers = true;
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.pause = None;
                    // What is not data is a trailer, and says nothing here.
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    self.body = None;
                    return Poll::Ready(Some(Err(Error::with_source(
                        ErrorKind::Cancelled,
                        "the connection broke; ask with HEAD where the upload stands and go on from there",
                        error,
                    ))));
                }
                Poll::Ready(None) => {
                    self.body = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let idle = self.idle;
                    let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(idle)));
                    ready!(pause.as_mut().poll(cx));
                    self.body = None;
                    return Poll::Ready(Some(Err(Error::new(
                        ErrorKind::Cancelled,
                        format!(
                            "no byte came for {} s; ask with HEAD where the upload stands and go on \
                             from there",
                            idle.as_secs()
                        ),
                    ))));
                }
            }
        }
    }
}

impl Drop for Intake {
    /// A client that is still sending while its connection closes may never see the answer, so what it
    /// sends is read for a while.
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| self.lingers && !body.is_end_stream())
        else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(linger(body));
        }
    }
}

/// Whether `error`, which a body ended with, means that its client is gone and hears no answer.
pub fn was_lost(error: &Error) -> bool {
    error.source().is_some_and(|cause| cause.is::<axum::Error>())
}

async fn linger(mut body: Body) {
    let until = Instant::now() + LINGER_TIME;
    let mut left = LINGER_BYTES;
    while let Ok(Some(Ok(frame))) = timeout(until - Instant::now(), body.frame()).await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt as _, stream};

    #[tokio::test]
    async fn a_body_is_its_data_and_then_ends() {
        let body = Body::from_stream(stream::iter(["ab", "c"].map(Ok::<_, std::io::Error>)));
        let data: Vec<_> = Intake::new(body, Duration::from_secs(60), false).collect().await;
        let data: Vec<_> = data.into_iter().map(Result::unwrap).collect();
        assert_eq!(data, ["ab", "c"]);
    }

    #[tokio::test]
    async fn a_broken_connection_is_told_once() {
        let parts = [Ok("ab"), Err(std::io::Error::other("reset"))];
        let body = Body::from_stream(stream::iter(parts));
        let mut intake = Intake::new(body, Duration::from_secs(60), false);
        assert_eq!(intake.next().await.unwrap().unwrap(), "ab");
        let error = intake.next().await.unwrap().unwrap_err();
        assert!(error.chain().contains("reset") && was_lost(&error), "{}", error.chain());
        assert!(intake.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_is_too_long_ends_it_and_one_that_is_not_does_not() {
        let parts = stream::unfold(0u64, |n| async move {
            let pauses = [0, 59, 59, 61];
            sleep(Duration::from_secs(*pauses.get(usize::try_from(n).unwrap())?)).await;
            Some((Ok::<_, std::io::Error>("x"), n + 1))
        });
        let intake = Intake::new(Body::from_stream(parts), Duration::from_secs(60), false);
        let data: Vec<_> = intake.collect().await;
        assert_eq!(data.len(), 4);
        assert!(data[..3].iter().all(Result::is_ok));
        let error = data[3].as_ref().unwrap_err();
        assert!(error.kind() == ErrorKind::Cancelled && !was_lost(error));
    }

    #[tokio::test]
    async fn a_refused_body_is_read_away_unless_it_waits_to_be_asked_for() {
        for awaits_continue in [false, true] {
            let (sent, read) = tokio::sync::oneshot::channel();
            let mut sent = Some(sent);
            let body = Body::from_stream(stream::poll_fn(move |_| {
                sent.take().map(|sent| sent.send(()));
                Poll::Ready(None::<Result<Bytes, std::io::Error>>)
            }));
            drop(Intake::new(body, Duration::from_secs(60), awaits_continue));
            assert_eq!(read.await.is_ok(), !awaits_continue);
        }
    }
}
