//! Objects that come as streams: multipart uploads, and what becomes of those that are broken off.

use super::*;
use futures::{StreamExt as _, stream};

/// Answers to a multipart upload until it is to be completed, then `last`; the object is not there.
fn multipart(asked: &Asked, last: Answer) -> Answer {
    let query = asked.uri.query().unwrap_or_default();
    match (asked.method.as_str(), query) {
        ("POST", query) if query.contains("uploads") => Answer::Plain(
            200,
            "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
                .into(),
        ),
        ("POST", _) => last,
        ("DELETE", _) => Answer::Plain(204, String::new()),
        ("HEAD", _) => Answer::Plain(404, String::new()),
        _ => Answer::Whole([("etag", "\"e\"")].into_response()),
    }
}

fn completed() -> Answer {
    let result = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>";
    Answer::Plain(200, result.into())
}

fn pieces(mib: usize) -> BoxStream<'static, Result<Bytes>> {
    let piece = Bytes::from(vec![7; 1 << 20]);
    stream::iter(std::iter::repeat_n(piece, mib)).map(Ok).boxed()
}

#[tokio::test]
async fn a_long_stream_comes_in_equal_parts_that_are_checked() {
    let server = Server::new(move |_, asked| multipart(asked, completed())).await;
    let streamed = server.store().put_stream(&name("long.m4s"), pieces(40)).await.unwrap();
    assert_eq!(streamed, Streamed { outcome: Outcome::Created, len: 40 << 20 });
    let asked = server.asked();
    let begin = &asked[0];
    assert_eq!(begin.header("x-amz-checksum-algorithm"), "SHA256");
    assert_eq!(begin.header("content-type"), "video/mp4");
    let mut parts: Vec<_> = asked.iter().filter(|asked| asked.method == Method::PUT).collect();
    parts.sort_by_key(|part| part.uri.to_string());
    assert_eq!(parts.iter().map(|part| part.body.len() >> 20).collect::<Vec<_>>(), [16, 16, 8]);
    assert!(parts.iter().all(|part| part.header("x-amz-checksum-sha256").len() == 44));
    let complete = asked.last().unwrap();
    assert_eq!((&complete.method, complete.header("if-none-match")), (&Method::POST, "*"));
    assert_eq!(complete.body.windows(16).filter(|w| w == b"<ChecksumSHA256>").count(), 3);
}

#[tokio::test]
async fn what_fits_into_one_part_is_put_at_once() {
    let server = Server::script(&[Answer::ok]).await;
    let streamed = server.store().put_stream(&name("short"), pieces(16)).await.unwrap();
    assert_eq!(streamed, Streamed { outcome: Outcome::Created, len: 16 << 20 });
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_upload_that_does_not_become_an_object_is_aborted() {
    let taken: fn() -> Answer = || Answer::Refused(412, "PreconditionFailed");
    let gone: fn() -> Answer = || Answer::Refused(404, "NoSuchUpload");
    let cut = Err(Error::new(ErrorKind::Cancelled, "the client left"));
    let cut = pieces(40).chain(stream::iter([cut])).boxed();
    let cases = [
        (pieces(40), taken, Ok(Outcome::Existed)),
        (pieces(40), gone, Err(ErrorKind::Unavailable)),
        (cut, taken, Err(ErrorKind::Cancelled)),
    ];
    for (stream, last, expected) in cases {
        let (sender, mut aborted) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::new(move |_, asked| {
            if asked.method == Method::DELETE {
                sender.send(asked.uri.to_string()).unwrap();
            }
            multipart(asked, last())
        })
        .await;
        let answer = server.store().put_stream(&name("a"), stream).await;
        assert_eq!(answer.map(|done| done.outcome).map_err(|error| error.kind()), expected);
        let aborted = tokio::time::timeout(MINUTE, aborted.recv()).await.expect("it is aborted");
        assert!(aborted.unwrap().contains("uploadId=u1"));
    }
}

#[tokio::test]
async fn an_abort_waits_for_its_turn() {
    let (sender, mut aborted) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::new(move |_, asked| {
        if asked.method == Method::DELETE {
            sender.send(()).unwrap();
        }
        multipart(asked, completed())
    })
    .await;
    let store = server.store_with(Limits { in_flight: 1, ..quick() });
    // As where the last part is on its way when the caller leaves.
    let (turn, turns) = tokio::sync::oneshot::channel();
    let taken = store.clone();
    let cut = pieces(32).chain(stream::once(async move {
        turn.send(taken.turns.clone().acquire_owned().await.unwrap()).unwrap();
        Err(Error::new(ErrorKind::Cancelled, "the client left"))
    }));
    store.put_stream(&name("a"), cut.boxed()).await.unwrap_err();
    let turn = turns.await.unwrap();
    // A look at the bucket needs no turn, and is answered behind whatever went out before.
    for _ in 0..10 {
        store.probe().await.unwrap_err();
    }
    assert!(aborted.try_recv().is_err(), "it went out without a turn");
    drop(turn);
    let aborted = tokio::time::timeout(MINUTE, aborted.recv()).await;
    aborted.expect("it is aborted").unwrap();
}

#[tokio::test]
async fn what_came_of_an_upload_is_looked_at_where_its_completion_does_not_tell() {
    let silence: fn() -> Answer = || Answer::Silence;
    let race: fn() -> Answer = || Answer::Refused(409, "ConditionalRequestConflict");
    let gone: fn() -> Answer = || Answer::Refused(404, "NoSuchUpload");
    let inside: fn() -> Answer =
        || Answer::Plain(200, "<Error><Code>InternalError</Code></Error>".into());
    let torn: fn() -> Answer = || Answer::Plain(200, String::new());
    // (what the tries to complete it are told, whether the object is there, what comes of it, tries)
    let done: fn() -> Answer = completed;
    type Case = (Vec<fn() -> Answer>, bool, Result<Outcome, ErrorKind>, usize);
    let cases: [Case; 10] = [
        (vec![silence, done], false, Ok(Outcome::Created), 2),
        (vec![silence, gone], true, Ok(Outcome::Existed), 2),
        (vec![silence], true, Ok(Outcome::Existed), 2),
        (vec![silence], false, Err(ErrorKind::Unavailable), 2),
        (vec![race], true, Ok(Outcome::Existed), 1),
        (vec![race], false, Err(ErrorKind::Unavailable), 1),
        (vec![inside, done], false, Ok(Outcome::Created), 2),
        (vec![inside], false, Err(ErrorKind::Unavailable), 4),
        (vec![torn], true, Ok(Outcome::Existed), 1),
        (vec![torn], false, Err(ErrorKind::Unavailable), 1),
    ];
    for (n, (told, is_there, expected, tries)) in cases.into_iter().enumerate() {
        let completions = Arc::new(std::sync::atomic::AtomicUsize::default());
        let count = completions.clone();
        let server = Server::new(move |_, asked| {
            let is_completion = asked.method == Method::POST
                && asked.uri.query().is_some_and(|query| query.contains("uploadId"));
            if is_completion {
                let n = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                return told[n.min(told.len() - 1)]();
            }
            match (&asked.method, is_there) {
                (&Method::HEAD, true) => {
                    let modified = [("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")];
                    Answer::Whole((modified, "bytes").into_response())
                }
                _ => multipart(asked, Answer::ok()),
            }
        })
        .await;
        let store = server.store_with(Limits { complete: Duration::from_millis(500), ..quick() });
        let put = store.put_stream(&name("a"), pieces(17)).await;
        let put = put.map(|done| done.outcome).map_err(|error| error.kind());
        let tried = completions.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!((put, tried), (expected, tries), "case {n}");
    }
}
