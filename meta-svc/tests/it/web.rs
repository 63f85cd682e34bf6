//! The web app.

use crate::server::Server;
use axum::body::Body;

#[tokio::test]
async fn every_address_of_the_app_is_its_page_under_a_strict_policy() {
    let server = Server::with_keys().await;
    for path in ["/", "/watch/0192f0c0-0000-7000-8000-000000000000"] {
        let page = server.get("", path).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(page.header("cache-control"), "no-cache");
        let tag = page.header("etag").to_owned();
        let again = server.ask("", "GET", path, &[("if-none-match", &tag)], Body::empty()).await;
        assert_eq!(again.status, 304);
    }
}

#[tokio::test]
async fn what_the_page_names_is_there_and_kept_for_ever() {
    let server = Server::with_keys().await;
    let page = server.get("", "/").await.text();
    let names: Vec<_> = page
        .split('"')
        .filter(|text| text.starts_with("/assets/"))
        .map(ToOwned::to_owned)
        .collect();
    assert!(names.iter().any(|name| name.ends_with(".js")), "{page}");
    for name in names {
        let asset = server.get("", &name).await;
        assert_eq!(asset.status, 200, "{name}");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(asset.header("x-content-type-options"), "nosniff");
        assert_ne!(asset.header("content-type"), "application/octet-stream", "{name}");
    }
    for missing in ["/assets/nothing.js", "/assets/../Cargo.toml", "/favicon.ico", "/files"] {
        assert_eq!(server.get("", missing).await.status, 404, "{missing}");
    }
}
