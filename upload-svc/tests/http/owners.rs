//! Everything belongs to an owner; another's upload does not exist.

use crate::server::{BYTES, Server, TUS};
use access::Policy;
use upload_svc::Settings;

#[tokio::test]
async fn anothers_upload_does_not_exist() {
    let server = Server::with(Settings::default(), Policy::Keys).await;
    let (ann, bob) = (server.key("ann").await, server.key("bob").await);
    let (ann, bob) = (("authorization", &*ann), ("authorization", &*bob));
    let created = server.ask("POST", "/uploads", &[TUS, ann, ("upload-length", "5")], "").await;
    let path = created.header("location");
    let at = ("upload-offset", "0");

    let unknown = "/uploads/018f3c1e-0000-7000-8000-000000000001";
    for method in ["HEAD", "PATCH", "DELETE"] {
        let theirs = server.ask(method, path, &[TUS, BYTES, at, bob], "").await;
        theirs.refused(404);
        let none = server.ask(method, unknown, &[TUS, BYTES, at, bob], "").await;
        assert_eq!(theirs.body, none.body, "the two cannot be told apart");
    }
    assert_eq!(server.ask("HEAD", path, &[TUS, ann], "").await.offset(), 0);

    let file = server.ask("PATCH", path, &[TUS, BYTES, at, ann], "hello").await.file();
    server.ask("HEAD", path, &[TUS, bob], "").await.refused(404);
    let catalog = server.store.catalog();
    assert!(catalog.file(&"ann".parse().unwrap(), file).await.is_ok());
    assert!(catalog.file(&"bob".parse().unwrap(), file).await.is_err());
}

#[tokio::test]
async fn without_a_key_nothing_is_done_where_keys_are_demanded() {
    let server = Server::with(Settings::default(), Policy::Keys).await;
    let length = ("upload-length", "0");
    let wrong = format!("Bearer hr_{}_{}", "0".repeat(32), "0".repeat(40));
    for headers in [
        &[TUS, length][..],
        &[TUS, length, ("authorization", "Bearer nonsense")],
        &[TUS, length, ("authorization", &wrong)],
    ] {
        let answer = server.ask("POST", "/uploads", headers, "").await;
        answer.refused(401);
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
        server.ask("POST", "/uploads", &headers[2..], "plain").await.refused(401);
        let any = "/uploads/018f3c1e-0000-7000-8000-000000000001";
        server.ask("HEAD", any, headers, "").await.refused(401);
    }
    assert!(server.objects().await.is_empty());
}

#[tokio::test]
async fn another_sites_page_changes_nothing() {
    let server = Server::new().await;
    let path = server.create(5).await;
    let evil = ("origin", "https://evil.example");
    let at = ("upload-offset", "0");
    server.ask("POST", "/uploads", &[TUS, evil, ("upload-length", "0")], "").await.refused(403);
    server.ask("POST", "/uploads", &[evil], "plain").await.refused(403);
    server.ask("PATCH", &path, &[TUS, BYTES, at, evil], "hello").await.refused(403);
    server.ask("DELETE", &path, &[TUS, evil], "").await.refused(403);
    assert_eq!(server.head(&path).await.offset(), 0);
    assert!(server.files().await.is_empty());
}
