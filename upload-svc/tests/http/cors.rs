//! Pages of listed origins may upload; others get no permission.

use crate::server::{BYTES, Server, TUS};
use access::Policy;
use upload_svc::{Cors, Settings};

const LISTED: (&str, &str) = ("origin", "https://app.example.com");
const OTHER: (&str, &str) = ("origin", "https://evil.example");

async fn server() -> Server {
    let cors = Cors::new(["https://app.example.com".parse().unwrap()]);
    Server::with(Settings { cors, ..Settings::default() }, Policy::Open).await
}

#[tokio::test]
async fn a_listed_page_uploads_from_preflight_to_file() {
    let server = server().await;
    let asks = ("access-control-request-method", "PATCH");
    let preflight = server.ask("OPTIONS", "/uploads/x", &[LISTED, asks], "").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), LISTED.1);
    for name in [
        "upload-length",
        "upload-offset",
        "tus-resumable",
        "upload-metadata",
        "content-type",
        "authorization",
        "x-http-method-override",
    ] {
        assert!(preflight.header("access-control-allow-headers").contains(name), "{name}");
    }
    for method in ["POST", "HEAD", "PATCH", "DELETE"] {
        assert!(preflight.header("access-control-allow-methods").contains(method), "{method}");
    }

    let created = server.ask("POST", "/uploads", &[TUS, LISTED, ("upload-length", "5")], "").await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("access-control-allow-origin"), LISTED.1);
    assert_eq!(created.header("vary"), "origin");
    for name in ["location", "upload-offset", "hashreel-file", "tus-resumable"] {
        assert!(created.header("access-control-expose-headers").contains(name), "{name}");
    }
    let path = created.header("location");
    let patch = [TUS, BYTES, LISTED, ("upload-offset", "0")];
    let done = server.ask("PATCH", path, &patch, "hello").await;
    assert_eq!(server.content(done.file()).await, b"hello");
}

#[tokio::test]
async fn refusals_may_be_read_by_a_listed_page_too() {
    let answer = server().await.ask("POST", "/uploads", &[TUS, LISTED], "").await;
    answer.refused(400);
    assert_eq!(answer.header("access-control-allow-origin"), LISTED.1);
}

#[tokio::test]
async fn other_pages_get_no_permission() {
    let server = server().await;
    let asks = ("access-control-request-method", "POST");
    for headers in [&[OTHER, asks][..], &[OTHER], &[("origin", "null"), asks], &[asks]] {
        let answer = server.ask("OPTIONS", "/uploads", headers, "").await;
        for name in ["access-control-allow-origin", "access-control-allow-credentials"] {
            assert!(!answer.headers.contains_key(name), "{headers:?}");
        }
        assert_eq!(answer.header("vary"), "origin");
    }
    server.ask("POST", "/uploads", &[TUS, OTHER, ("upload-length", "0")], "").await.refused(403);
}
