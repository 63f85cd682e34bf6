//! The suite over S3's protocol, and what only a whole S3 shows. It needs what `./dev localstack up`
//! prints in the environment.

#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use futures::{StreamExt, channel::mpsc, stream};
use model::{ByteRange, ErrorKind, Sha256};
use objects::{
    ObjectName, ObjectStore, Outcome, PresignedPut, Put, conformance, layer::Counted, s3::S3Objects,
};
use reqwest::{Client, Response};
use std::{sync::Arc, time::Duration};
use testkit::localstack::{self, setting};

const MINUTE: Duration = Duration::from_secs(60);

/// Where S3 is.
fn endpoint() -> String {
    localstack::endpoint("AWS_ENDPOINT_URL").0
}

fn bucket() -> String {
    let url = setting("HASHREEL_OBJECTS");
    url.trim_start_matches("s3://").split('/').next().unwrap().to_owned()
}

/// A store below a prefix that nobody else has.
async fn open(prefix: &str) -> S3Objects {
    endpoint();
    let nonce = Sha256::of(format!("{:?}{prefix}", std::time::Instant::now()).as_bytes());
    S3Objects::open(&format!("{}/{prefix}-{nonce}", bucket())).await.unwrap()
}

fn client() -> Client {
    // A second call finds it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

/// The key of an object of `store`, as its addresses have it.
async fn path(store: &S3Objects, name: &ObjectName) -> String {
    let url = store.presign_get(name, MINUTE).await.unwrap();
    url.split_once('?').unwrap().0.to_owned()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn name(name: &str) -> ObjectName {
    ObjectName::new(name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_every_promise_of_the_port() {
    endpoint();
    conformance::suite(objects::open(&setting("HASHREEL_OBJECTS")).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_on_one_bucket_keep_every_promise_together() {
    endpoint();
    let place = format!("{}/below/a/prefix", bucket());
    let (one, other) = tokio::join!(S3Objects::open(&place), S3Objects::open(&place));
    let counted = Counted::new(Arc::new(other.unwrap()));
    conformance::suite_on(vec![Arc::new(one.unwrap()), Arc::new(counted)]).await;
}

#[tokio::test]
async fn every_object_keeps_the_sha256_that_s3_has_checked() {
    let store = open("sums").await;
    let (plain, long) = (name("plain"), name("long"));
    store.put_all(vec![Put::new(plain.clone(), Bytes::from("abc"))]).await.unwrap();
    let piece = Bytes::from(vec![7; 1 << 20]);
    let pieces = stream::iter(std::iter::repeat_n(piece, 20)).map(Ok).boxed();
    store.put_stream(&long, pieces).await.unwrap();
    // FIPS 180-4's digest of "abc"; of parts, the digest of their digests.
    for (name, expected) in [(plain, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="), (long, "-2")]
    {
        let head =
            client().head(path(&store, &name).await).header("x-amz-checksum-mode", "ENABLED");
        let head = head.send().await.unwrap();
        let sum = header(&head, "x-amz-checksum-sha256");
        assert!(sum.ends_with(expected), "{name}: {sum:?}");
    }
}

#[tokio::test]
async fn bytes_without_the_sum_that_they_are_said_to_have_are_refused() {
    let store = open("wrong-sum").await;
    let wrong = name("wrong");
    let said = Some(Sha256::of(b"other bytes"));
    let put = Put { sha256: said, ..Put::new(wrong.clone(), Bytes::from("bytes")) };
    assert!(store.put_all(vec![put]).await.is_err());
    assert_eq!(store.head(&wrong).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_segment_tells_those_who_get_it_straight_from_the_bucket_what_it_is() {
    let store = open("segments").await;
    let segment = name("renditions/r/0.a.m4s");
    store.put_all(vec![Put::new(segment.clone(), Bytes::from("0123456789"))]).await.unwrap();
    let url = store.presign_get(&segment, MINUTE).await.unwrap();
    let whole = client().get(&url).send().await.unwrap();
    assert_eq!(header(&whole, "content-type"), "video/mp4");
    assert_eq!(header(&whole, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(whole.bytes().await.unwrap(), "0123456789");
    let part = client().get(&url).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap()), (206, Bytes::from("234")));
    let forged = client().get(url.replace("0.a.m4s", "1.a.m4s")).send().await.unwrap();
    assert_eq!(forged.status(), 403);
}

async fn send(put: &PresignedPut, bytes: &'static str) -> u16 {
    let mut request = client().put(&put.url).body(bytes);
    for (name, value) in &put.headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_right_to_put_is_one_to_put_these_bytes_once() {
    let store = open("signed").await;
    let block = name("block");
    let put = store.presign_put(&block, Sha256::of(b"right"), 5, MINUTE).await.unwrap();
    assert_eq!(send(&put, "wrong").await, 400);
    assert_eq!(store.head(&block).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(send(&put, "right").await, 200);
    assert_eq!(send(&put, "right").await, 412);
    assert_eq!(store.get(&block, Some(ByteRange::new(1, 9))).await.unwrap(), "ight");
    let again = store.put_all(vec![Put::new(block, Bytes::from("right"))]).await;
    assert_eq!(again.unwrap(), [Outcome::Existed]);
}

/// Uploads to `bucket` under way whose keys end with `ending`.
async fn uploads(ending: &str) -> usize {
    let url = format!("{}/{}?uploads", endpoint(), bucket());
    let listed = client().get(url).send().await.unwrap().text().await.unwrap();
    listed.matches(&format!("{ending}</Key>")).count()
}

#[tokio::test]
async fn a_stream_that_is_dropped_leaves_no_upload_behind() {
    let store = open("dropped").await;
    let long = name("dropped-long");
    let (mut sender, stream) = mpsc::channel(0);
    let piece = Bytes::from(vec![7; 16 << 20]);
    let put = tokio::spawn(async move { store.put_stream(&long, stream.boxed()).await });
    for _ in 0..3 {
        futures::SinkExt::send(&mut sender, Ok(piece.clone())).await.unwrap();
    }
    until(async || uploads("dropped-long").await == 1).await;
    put.abort();
    assert!(put.await.unwrap_err().is_cancelled());
    until(async || uploads("dropped-long").await == 0).await;
}

/// Looks until it is so, for a bounded number of looks.
async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..1000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come to be so");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    endpoint();
    let error = S3Objects::open("no-such-bucket-of-hashreel/x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{}", error.chain());
    assert!(error.to_string().contains("no bucket no-such-bucket-of-hashreel"), "{error}");
}
