//! DELETE: the end of an upload.

use crate::server::{Server, TUS, random};

#[tokio::test]
async fn an_upload_is_ended_and_is_gone_from_then_on() {
    let server = Server::new().await;
    let bytes = random(1, 3_000_000);
    for sent in [0, 1, 2_000_000] {
        let path = server.create(bytes.len()).await;
        if sent > 0 {
            server.patch(&path, 0, bytes[..sent].to_vec()).await;
        }
        let ended = server.ask("DELETE", &path, &[TUS], "").await;
        assert_eq!(ended.status, 204);
        assert_eq!(ended.header("tus-resumable"), "1.0.0");
        server.patch(&path, sent, "x").await.refused(410);
        assert_eq!(server.head(&path).await.status, 410);
        server.ask("DELETE", &path, &[TUS], "").await.refused(410);
    }
    assert!(server.files().await.is_empty());
}

#[tokio::test]
async fn an_upload_that_is_complete_keeps_its_file() {
    let server = Server::new().await;
    let path = server.create(5).await;
    let file = server.patch(&path, 0, "hello").await.file();
    let refused = server.ask("DELETE", &path, &[TUS], "").await;
    refused.refused(403);
    assert!(String::from_utf8_lossy(&refused.body).contains(&file.to_string()));
    assert_eq!(server.content(file).await, b"hello");
}

#[tokio::test]
async fn what_is_wrong_ends_nothing() {
    let server = Server::new().await;
    let path = server.create(5).await;
    server.ask("DELETE", &path, &[], "").await.refused(412);
    server
        .ask("DELETE", "/uploads/018f3c1e-0000-7000-8000-000000000001", &[TUS], "")
        .await
        .refused(404);
    server.ask("DELETE", "/uploads", &[TUS], "").await.refused(405);
    assert_eq!(server.head(&path).await.offset(), 0);
}
