//! What the back end asks of S3, and what it makes of the answers that a real one rarely gives. The
//! suite over a whole S3 is among the tests of the system.

mod multipart;
mod server;

use super::*;
use axum::{http::Method, response::IntoResponse as _};
use server::{Answer, Asked, Server, config, quick};

/// How long a test waits for what must come.
const MINUTE: Duration = Duration::from_secs(60);

fn name(name: &str) -> ObjectName {
    ObjectName::new(name).unwrap()
}

fn put(name: &str, bytes: &'static str) -> Put {
    Put::new(ObjectName::new(name).unwrap(), Bytes::from(bytes))
}

#[tokio::test]
async fn what_may_succeed_later_is_tried_again() {
    let server = Server::script(&[
        || Answer::Refused(503, "SlowDown"),
        || Answer::Refused(500, "InternalError"),
        || Answer::Plain(502, "<html>a proxy</html>".into()),
        Answer::ok,
    ])
    .await;
    let outcomes = server.store().put_all(vec![put("a", "x")]).await.unwrap();
    assert_eq!((outcomes, server.asked().len()), (vec![Outcome::Created], 4));
}

#[tokio::test]
async fn tries_come_to_an_end() {
    let cases: [(fn() -> Answer, _); 2] = [
        (|| Answer::Refused(503, "SlowDown"), ErrorKind::Busy),
        (|| Answer::Refused(500, "InternalError"), ErrorKind::Unavailable),
    ];
    for (answer, kind) in cases {
        let server = Server::new(move |_, _| answer()).await;
        let error = server.store().get(&name("a"), None).await.unwrap_err();
        assert_eq!((error.kind(), server.asked().len()), (kind, 4), "{}", error.chain());
    }
}

#[tokio::test]
async fn many_failures_leave_every_request_its_tries() {
    let server = Server::new(|_, _| Answer::Refused(500, "InternalError")).await;
    let store = server.store();
    for n in 1..=60 {
        store.head(&name("a")).await.unwrap_err();
        assert_eq!(server.asked().len(), 4 * n);
    }
}

#[tokio::test]
async fn what_is_refused_is_asked_once() {
    let cases: [(fn() -> Answer, _); 3] = [
        (|| Answer::Refused(403, "AccessDenied"), ErrorKind::Internal),
        (|| Answer::Refused(404, "NoSuchKey"), ErrorKind::NotFound),
        (|| Answer::Refused(416, "InvalidRange"), ErrorKind::RangeNotSatisfiable),
    ];
    for (answer, kind) in cases {
        let server = Server::new(move |_, _| answer()).await;
        let range = Some(ByteRange::new(0, 1));
        let error = server.store().get(&name("a"), range).await.unwrap_err();
        assert_eq!((error.kind(), server.asked().len()), (kind, 1), "{}", error.chain());
    }
    let server = Server::script(&[|| Answer::Plain(404, String::new())]).await;
    let error = server.store().head(&name("a")).await.unwrap_err();
    assert_eq!((error.kind(), server.asked().len()), (ErrorKind::NotFound, 1));
}

#[tokio::test]
async fn a_store_that_stays_silent_is_given_up() {
    let server = Server::script(&[|| Answer::Silence]).await;
    let limits = Limits {
        attempt: Duration::from_millis(50),
        total: Duration::from_millis(200),
        in_flight: 1,
        ..quick()
    };
    let store = server.store_with(limits);
    let error = store.get(&name("a"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    // Whoever waits for a turn is given up, too.
    let _turn = store.turns.acquire().await.unwrap();
    assert_eq!(store.head(&name("a")).await.unwrap_err().kind(), ErrorKind::Busy);
}

#[tokio::test]
async fn requests_that_nobody_polls_keep_no_turn_from_those_that_somebody_does() {
    let server = Server::script(&[|| Answer::Plain(200, String::new())]).await;
    let store = server.store_with(Limits { in_flight: 2, ..quick() });
    let busy = store.turns.clone().acquire_many_owned(2).await.unwrap();
    let mut left: Vec<_> =
        (0..2).map(|n| store.put_all(vec![put(&format!("left/{n}"), "x")])).collect();
    for put in &mut left {
        // Until each waits for its turn.
        for _ in 0..100 {
            assert!(futures::poll!(&mut *put).is_pending());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    drop(busy);
    let polled = tokio::time::timeout(Duration::from_secs(60), store.put_all(vec![put("b", "x")]));
    assert_eq!(polled.await.expect("a put that is polled ends").unwrap(), [Outcome::Created]);
    drop(left);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let server =
        Server::script(&[|| Answer::Broken, || Answer::Plain(200, "0123456789".into())]).await;
    assert_eq!(server.store().get(&name("a"), None).await.unwrap(), "0123456789");
    let server = Server::script(&[|| Answer::Broken]).await;
    let error = server.store().get(&name("a"), None).await.unwrap_err();
    assert_eq!((error.kind(), server.asked().len()), (ErrorKind::Unavailable, 4));
    // No setting is wrong: it did speak.
    let error = server.store().list("", None, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.to_string().contains("does not answer as it should"), "{error}");
}

#[tokio::test]
async fn of_two_puts_that_meet_one_wins() {
    let server = Server::script(&[
        || Answer::Refused(409, "ConditionalRequestConflict"),
        || Answer::Refused(412, "PreconditionFailed"),
    ])
    .await;
    let outcomes = server.store().put_all(vec![put("a", "x")]).await.unwrap();
    assert_eq!((outcomes, server.asked().len()), (vec![Outcome::Existed], 2));
}

#[tokio::test]
async fn every_put_is_create_only_and_checked_by_its_sha256() {
    let server = Server::script(&[Answer::ok]).await;
    let store = S3Objects::new(&config(&server.endpoint()), "reels", "pre/fix", quick());
    store.put_all(vec![put("blocks/0a", "abc"), put("renditions/0.x.m4s", "abc")]).await.unwrap();
    let mut asked = server.asked();
    asked.sort_by_key(|asked| asked.uri.path().to_owned());
    for (asked, key) in asked.iter().zip(["blocks/0a", "renditions/0.x.m4s"]) {
        assert_eq!((&asked.method, &asked.body[..]), (&Method::PUT, &b"abc"[..]));
        assert_eq!(asked.uri.path(), format!("/reels/pre/fix/{key}"));
        assert_eq!(asked.header("if-none-match"), "*");
        // FIPS 180-4's digest of "abc".
        let sum = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        assert_eq!(asked.header("x-amz-checksum-sha256"), sum);
        assert_eq!(asked.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
        assert!(asked.header("authorization").contains("x-amz-checksum-sha256"), "not signed");
    }
    // Only what browsers may get says how to take it.
    assert_eq!(asked[0].header("cache-control"), "");
    assert_eq!(asked[1].header("content-type"), "video/mp4");
    assert_eq!(asked[1].header("cache-control"), "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn a_server_that_does_not_heed_the_condition_is_found_by_a_second_put() {
    let cases: [(fn() -> Answer, _); 3] = [
        (|| Answer::Refused(412, "PreconditionFailed"), Ok(())),
        (Answer::ok, Err("conditional writes")),
        (|| Answer::Refused(501, "NotImplemented"), Err("conditional writes")),
    ];
    for (answer, expected) in cases {
        let server = Server::new(move |_, _| answer()).await;
        let found = crate::check_create_only(&server.store(), name("mark/1")).await;
        match expected {
            Ok(()) => found.unwrap(),
            Err(says) => {
                let error = found.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Internal, "{}", error.chain());
                assert!(error.to_string().contains(says), "{error}");
            }
        }
        let asked = server.asked();
        assert_eq!(asked.len(), 1);
        assert_eq!((&asked[0].method, asked[0].header("if-none-match")), (&Method::PUT, "*"));
    }
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    // None is answered before a second one has come.
    let two = Arc::new(tokio::sync::Barrier::new(2));
    let server = Server::new(move |_, _| Answer::Together(two.clone())).await;
    let store = server.store_with(Limits { in_flight: 2, ..quick() });
    let batch = (0..40).map(|n| put(&format!("a/{n}"), "x")).collect();
    let put = tokio::time::timeout(MINUTE, store.put_all(batch)).await;
    put.expect("two at a time").unwrap();
    assert_eq!((server.asked().len(), server.most_at_once()), (40, 2));
}

/// Answers as a store would that holds `object` under every name.
fn read(object: &Bytes, asked: &Asked) -> Answer {
    let range = asked.header("range").strip_prefix("bytes=").and_then(|r| r.split_once('-'));
    let Some((first, last)) = range else {
        return Answer::Whole(object.clone().into_response());
    };
    let len = object.len();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let last = last.min(len - 1);
    let told = format!("bytes {first}-{last}/{len}");
    let part = object.slice(first..=last);
    Answer::Whole(
        (axum::http::StatusCode::PARTIAL_CONTENT, [("content-range", told)], part).into_response(),
    )
}

#[tokio::test]
async fn what_is_large_is_read_in_spans() {
    let object: Bytes = (0..20u32 << 18).flat_map(u32::to_le_bytes).collect();
    let (stored, mib) = (object.clone(), 1 << 20);
    let server = Server::new(move |_, asked| read(&stored, asked)).await;
    let store = server.store();
    assert!(store.get(&name("a"), None).await.unwrap() == object);
    // One that told the length, and one for each 8 MiB.
    assert_eq!(server.asked().len(), 1 + 3);
    let range = ByteRange::new(mib + 1, u64::MAX);
    assert!(store.get(&name("a"), Some(range)).await.unwrap() == object.slice((1 << 20) + 1..));
    assert_eq!(server.asked().len(), 4 + 3);
    let range = ByteRange::new(3 * mib, 4 * mib);
    assert!(store.get(&name("a"), Some(range)).await.unwrap() == object.slice(3 << 20..4 << 20));
    assert_eq!(server.asked().len(), 7 + 1);
}

#[tokio::test]
async fn another_range_than_was_asked_for_is_no_answer() {
    let server = Server::script(&[|| Answer::Plain(200, "0123456789".into())]).await;
    let range = Some(ByteRange::new(2, 4));
    let error = server.store().get(&name("a"), range).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{}", error.chain());
}

/// An object with the sum that S3 keeps of it.
fn summed(sum: &str, bytes: Bytes) -> Answer {
    Answer::Whole(([("x-amz-checksum-sha256", sum.to_owned())], bytes).into_response())
}

#[tokio::test]
async fn whole_objects_are_what_was_put_or_an_error() {
    let (right, bytes) = (put::written(Sha256::of(b"abc")), Bytes::from("abc"));
    // Hurt on the way, it is asked for once more; hurt in the store, no more.
    type Body = fn(usize) -> &'static [u8];
    let sums: [(Body, _, _); 3] = [
        (|_| b"abc", Ok(bytes.clone()), 1),
        (|n| if n == 0 { b"abd" } else { b"abc" }, Ok(bytes), 2),
        (|_| b"abd", Err(ErrorKind::Damaged), 2),
    ];
    for (body, expected, asked) in sums {
        let sum = right.clone();
        let server = Server::new(move |n, _| summed(&sum, Bytes::from_static(body(n)))).await;
        let read = server.store().get(&name("a"), None).await.map_err(|error| error.kind());
        assert_eq!((read, server.asked().len()), (expected, asked));
        assert_eq!(server.asked()[0].header("x-amz-checksum-mode"), "ENABLED");
    }
}

#[tokio::test]
async fn a_large_object_is_verified_as_it_was_put() {
    // Put in parts of 16 MiB, or at once.
    let object: Bytes = (0..20u32 << 18).flat_map(u32::to_le_bytes).collect();
    let (first, last) = object.split_at(16 << 20);
    let digests: Vec<u8> =
        [first, last].iter().flat_map(|part| *Sha256::of(part).as_bytes()).collect();
    let in_parts = format!("{}-2", put::written(Sha256::of(&digests)));
    let at_once = put::written(Sha256::of(&object));
    let cases = [
        (in_parts.clone(), true),
        (at_once, true),
        (in_parts.replace("-2", "-3"), true),
        (put::written(Sha256::of(first)), false),
        (format!("{}-2", put::written(Sha256::of(first))), false),
    ];
    for (sum, is_well) in cases {
        let (stored, kept) = (object.clone(), sum.clone());
        let server = Server::new(move |_, asked| match asked.header("range") {
            "" => summed(&kept, stored.clone()),
            _ => read(&stored, asked),
        })
        .await;
        let read = server.store().get(&name("a"), None).await;
        let expected = if is_well { Ok(&object) } else { Err(ErrorKind::Damaged) };
        assert!(read.as_ref().map_err(|error| error.kind()) == expected, "{sum}");
    }
}

fn refusals(keys: &[(&str, &str)]) -> Answer {
    let refused = keys
        .iter()
        .map(|(key, code)| format!("<Error><Key>{key}</Key><Code>{code}</Code></Error>"));
    let refused: String = refused.collect();
    Answer::Plain(200, format!("<DeleteResult>{refused}</DeleteResult>"))
}

#[tokio::test]
async fn those_that_could_not_be_deleted_are_tried_again() {
    let server = Server::script(&[
        || refusals(&[("b", "SlowDown"), ("c", "InternalError")]),
        || Answer::Refused(503, "SlowDown"),
        || refusals(&[("c", "InternalError")]),
        || refusals(&[]),
    ])
    .await;
    server.store().delete_all(&[name("a"), name("b"), name("c")]).await.unwrap();
    let asked = server.asked();
    let keys = asked.iter().map(|asked| {
        let body = String::from_utf8(asked.body.to_vec()).unwrap();
        ["a", "b", "c"].into_iter().filter(|key| body.contains(&format!("<Key>{key}<"))).collect()
    });
    let keys: Vec<String> = keys.collect();
    assert_eq!(keys, ["abc", "bc", "bc", "c"]);
}

#[tokio::test]
async fn those_that_stay_are_told_by_their_keys() {
    let limits = Limits { total: Duration::from_secs(1), ..quick() };
    let server = Server::new(|n, _| match n {
        0 => refusals(&[("b", "AccessDenied"), ("c", "SlowDown")]),
        _ => refusals(&[]),
    })
    .await;
    let names = [name("a"), name("b"), name("c")];
    let error = server.store_with(limits.clone()).delete_all(&names).await.unwrap_err();
    assert_eq!((error.kind(), server.asked().len()), (ErrorKind::Internal, 2), "{error}");
    assert!(error.to_string().starts_with("b could not be deleted"), "{error}");

    let server = Server::new(|_, _| refusals(&[("a", "SlowDown"), ("c", "SlowDown")])).await;
    let error = server.store_with(limits).delete_all(&names).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().starts_with("a, c could not be deleted"), "{error}");

    // A single one costs another request, and none nothing.
    let server = Server::script(&[Answer::ok]).await;
    server.store().delete(&name("a")).await.unwrap();
    server.store().delete_all(&[]).await.unwrap();
    let methods: Vec<_> = server.asked().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, [Method::DELETE]);
}

#[tokio::test]
async fn readiness_is_a_look_at_the_bucket_that_waits_for_nobody() {
    let server = Server::new(|_, asked| match asked.method {
        Method::HEAD => Answer::Whole([("x-amz-request-id", "1")].into_response()),
        _ => Answer::Silence,
    })
    .await;
    let store = server.store_with(Limits { in_flight: 1, ..quick() });
    let under_load = tokio::spawn({
        let store = store.clone();
        async move { store.get(&name("a"), None).await }
    });
    while server.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    store.probe().await.unwrap();
    under_load.abort();
    assert_eq!(server.asked().last().unwrap().uri.path(), "/reels/");
}

#[tokio::test]
async fn a_bucket_that_is_not_well_is_not_ready() {
    let cases: [(fn() -> Answer, _, _); 4] = [
        (|| Answer::Plain(404, String::new()), ErrorKind::Internal, "no bucket reels"),
        (|| Answer::Plain(403, String::new()), ErrorKind::Internal, "HASHREEL_OBJECTS"),
        (|| Answer::Plain(200, "<html>hello</html>".into()), ErrorKind::Internal, "S3's protocol"),
        (|| Answer::Silence, ErrorKind::Unavailable, "does not answer"),
    ];
    for (answer, kind, says) in cases {
        let server = Server::new(move |_, _| answer()).await;
        let limits = Limits { probe: Duration::from_millis(100), ..quick() };
        let error = server.store_with(limits).probe().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", error.chain());
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test]
async fn what_is_set_up_wrongly_is_named_at_the_start() {
    let refused: [(fn() -> Answer, _, _); 6] = [
        (|| Answer::Refused(404, "NoSuchBucket"), ErrorKind::Internal, "no bucket reels"),
        (|| Answer::Refused(403, "AccessDenied"), ErrorKind::Internal, "HASHREEL_OBJECTS"),
        (|| Answer::Refused(403, "InvalidAccessKeyId"), ErrorKind::Internal, "AWS_ACCESS_KEY_ID"),
        (|| Answer::Refused(403, "RequestTimeTooSkewed"), ErrorKind::Internal, "clock"),
        (
            || Answer::Plain(200, "<html>hello</html>".into()),
            ErrorKind::Internal,
            "AWS_ENDPOINT_URL",
        ),
        (|| Answer::Plain(404, "no".into()), ErrorKind::Internal, "AWS_ENDPOINT_URL"),
    ];
    for (answer, kind, says) in refused {
        let server = Server::new(move |_, _| answer()).await;
        let opened = S3Objects::open_as(&config(&server.endpoint()), "reels", "", quick()).await;
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", error.chain());
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test]
async fn an_endpoint_where_nothing_or_something_else_listens_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let greeter = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut client, b"SSH-2.0-x\r\n").await.unwrap();
        }
    });
    let open = async || S3Objects::open_as(&config(&endpoint), "reels", "", quick()).await;
    let something_else = open().await.unwrap_err();
    greeter.abort();
    let _ended = greeter.await;
    let nothing = open().await.unwrap_err();
    for error in [something_else, nothing] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
        assert!(error.to_string().contains("AWS_ENDPOINT_URL"), "{error}");
    }
}

#[test]
fn a_place_is_a_bucket_and_maybe_a_prefix() {
    for (place, expected) in [
        ("reels", ("reels", "")),
        ("reels/", ("reels", "")),
        ("my.reels-1/a/b/", ("my.reels-1", "a/b")),
    ] {
        assert_eq!(parse(place).unwrap(), expected);
    }
    for wrong in
        ["", "/", "ab", "Reels", "reels//a", "reels/a//b", "reels/../x", "user:secret@reels"]
    {
        let error = parse(wrong).unwrap_err();
        assert!(error.to_string().contains("s3://BUCKET/PREFIX"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_signed_address_needs_no_headers_to_read_and_just_these_to_put() {
    let store = S3Objects::new(&config("http://127.0.0.1:1"), "reels", "p", quick());
    let minute = Duration::from_secs(60);
    let url = store.presign_get(&name("a/b.m4s"), minute).await.unwrap();
    assert!(url.starts_with("http://127.0.0.1:1/reels/p/a/b.m4s?"), "{url}");
    assert!(url.contains("X-Amz-Expires=60") && url.contains("X-Amz-SignedHeaders=host&"), "{url}");
    let sha256 = Sha256::of(b"abc");
    let put = store.presign_put(&name("a"), sha256, 3, minute).await.unwrap();
    let mut headers = put.headers.clone();
    headers.sort_unstable();
    let sum = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    let expected =
        [("content-length", "3"), ("if-none-match", "*"), ("x-amz-checksum-sha256", sum)];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for (header, _) in headers {
        assert!(put.url.contains(&header), "{header} is not signed: {}", put.url);
    }
    for valid in [Duration::ZERO, Duration::from_secs(8 * 24 * 3600)] {
        let error = store.presign_get(&name("a"), valid).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
