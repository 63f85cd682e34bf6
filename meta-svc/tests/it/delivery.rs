//! Segments from elsewhere: what the manifests name, what the page may load, what is refused.

use crate::server::Server;
use access::Policy;
use meta_svc::Delivery;
use model::ErrorKind;

#[tokio::test]
async fn an_edge_gets_all_segments_and_nothing_else() {
    let server = Server::delivering("https://cdn.example/films").await;
    let (id, making) = server.video("local", "m").await;
    making.plan().await;
    making.segments(0..3, true).await;
    let top = making.renditions().await[0].id;
    let at_edge = format!("https://cdn.example/films/play/r/{top}/");

    let master = server.get("", &format!("/play/{id}/master.m3u8")).await.text();
    assert!(master.contains(&format!("\n/play/{id}/{top}.m3u8")), "{master}");
    assert!(!master.contains("cdn.example"), "playlists are for those who may see the file");
    let media = server.get("", &format!("/play/{id}/{top}.m3u8")).await.text();
    for part in ["init.mp4", "0.m4s", "2.m4s"] {
        assert!(media.contains(&format!("{at_edge}{part}")), "{media}");
    }
    assert!(!media.contains("\"/play/r") && !media.contains("\n/play/r"), "{media}");
    let mpd = server.get("", &format!("/play/{id}/manifest.mpd")).await.text();
    assert!(mpd.contains(&format!("<BaseURL>{at_edge}</BaseURL>")), "{mpd}");

    // The edge gets them here, for pages of another origin than its own.
    for (part, status) in [("0.m4s", 200), ("9.m4s", 404), ("x", 404)] {
        let answer = server.get("", &format!("/play/r/{top}/{part}")).await;
        assert_eq!(answer.status, status, "{part}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{part}");
        assert_eq!(answer.header("cache-control") == "no-store", status == 404, "{part}");
    }
}

#[tokio::test]
async fn the_page_may_load_from_where_the_segments_are_and_from_nowhere_else() {
    let policy = async |server: Server| {
        let page = server.get("", "/").await;
        page.header("content-security-policy").to_owned()
    };
    let ours = policy(Server::open().await).await;
    assert!(ours.contains("connect-src 'self';") && ours.contains("media-src 'self' blob:;"));
    let edge = policy(Server::delivering("https://cdn.example:8443/films").await).await;
    assert!(edge.contains("connect-src 'self' https://cdn.example:8443;"), "{edge}");
    assert!(edge.contains("media-src 'self' blob: https://cdn.example:8443;"), "{edge}");
    assert_eq!(edge.replace(" https://cdn.example:8443", ""), ours);
}

#[tokio::test]
async fn files_on_a_disk_are_not_promised_to_have_signed_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let objects = format!("file://{}/objects", dir.path().display());
    let opened = Server::over(dir, &objects, Policy::Open, Delivery::Presigned).await;
    let error = opened.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("--delivery here"), "{error}");
}
