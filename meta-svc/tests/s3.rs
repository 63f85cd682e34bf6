//! Segments straight from the bucket. It needs what `./dev localstack up` prints in the environment.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "it/server.rs"]
#[allow(dead_code, reason = "the other test uses the rest")]
mod server;

use access::Policy;
use meta_svc::Delivery;
use model::RenditionId;
use reqwest::Client;
use server::{Server, segment_bytes};
use testkit::localstack::{self, setting};

/// Where S3 is.
fn endpoint() -> String {
    localstack::endpoint("AWS_ENDPOINT_URL").0
}

/// A server whose objects are below a prefix of their own.
async fn server() -> Server {
    endpoint();
    let objects = format!("{}/delivery-{}", setting("HASHREEL_OBJECTS"), RenditionId::random());
    let dir = tempfile::tempdir().unwrap();
    Server::over(dir, &objects, Policy::Open, Delivery::Presigned).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_is_redirected_to_the_bucket_which_says_what_it_is_and_for_how_long() {
    let server = server().await;
    let (id, making) = server.video("local", "m").await;
    making.plan().await;
    making.segments(0..3, true).await;
    let top = making.renditions().await[0].id;
    let media = server.get("", &format!("/play/{id}/{top}.m3u8")).await.text();
    assert!(media.contains(&format!("\n/play/r/{top}/1.m4s")), "{media}");

    // A second call finds it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new();
    for (part, bytes) in [("init.mp4", b"init".to_vec()), ("1.m4s", segment_bytes(top, 1))] {
        let answer = server.get("", &format!("/play/r/{top}/{part}")).await;
        assert_eq!((answer.status, answer.body.len()), (307, 0), "{part}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "private, max-age=60");
        let location = answer.header("location");
        assert!(location.starts_with(&endpoint()), "{location}");
        let page = "http://127.0.0.1:8080";
        let whole = client.get(location).header("origin", page).send().await.unwrap();
        let header = |name: &str| whole.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(whole.status(), 200);
        assert_eq!(header("content-type"), Some("video/mp4"));
        assert_eq!(header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(header("access-control-allow-origin"), Some("*"), "{:?}", whole.headers());
        assert_eq!(whole.bytes().await.unwrap(), bytes);
        let part = client.get(location).header("range", "bytes=1-2").send().await.unwrap();
        assert_eq!(part.status(), 206);
        assert_eq!(part.bytes().await.unwrap(), bytes[1..3]);
    }
    // What is signed is a GET, and only of what is there.
    let head = server.ask("", "HEAD", &format!("/play/r/{top}/1.m4s"), &[], "").await;
    assert_eq!((head.status, head.header("content-type")), (200, "video/mp4"));
    assert_eq!(server.get("", &format!("/play/r/{top}/9.m4s")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_may_load_from_the_bucket() {
    let page = server().await.get("", "/").await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains(&format!("connect-src 'self' {};", endpoint())), "{policy}");
}
