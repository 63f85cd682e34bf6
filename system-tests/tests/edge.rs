//! nginx as an edge, by the repository's configuration: who watches second costs the server nothing.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use reqwest::{Method, Response, StatusCode};
use system_tests::{
    browser::steps,
    clips,
    edge::{Edge, segments_asked},
};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_has_watched_in_chromium_the_next_gets_without_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let (edge, server) = Edge::with_server(&dir.path().join("data"));
    // Of one rung: both choose the same.
    let file = server.put(dir.path(), &clips::one_rung());
    server.video_in(&file, "ready").await;
    let options = ["--only", "edge", "--edge", &edge.url(), "--file", &file];
    println!("{}", steps(&server, &options));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_asks_once_for_all_and_keeps_nothing_but_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (edge, server) = Edge::with_server(&dir.path().join("data"));
    let file = server.put(dir.path(), &clips::small());
    let ready = server.video_in(&file, "ready").await;
    let rendition = ready["video"]["renditions"][0]["id"].as_str().unwrap();
    let segment = format!("/play/r/{rendition}/0.m4s");
    let get = async |path: &str| edge.ask(Method::GET, path).send().await.unwrap();

    // Twenty at once, some for a part of it.
    let mut viewers = JoinSet::new();
    for n in 0..20 {
        let request = edge.ask(Method::GET, &segment);
        let in_part = n % 4 == 3;
        let request = if in_part { request.header("range", "bytes=100-299") } else { request };
        viewers.spawn(async move {
            let answer = request.send().await.unwrap();
            (in_part, answer.status(), answer.bytes().await.unwrap())
        });
    }
    let got = viewers.join_all().await;
    assert_eq!(segments_asked(&server).await, 1);
    let whole = server.get(&segment).await;
    for (in_part, status, bytes) in got {
        let (expected, part) = if in_part { (206, &whole[100..300]) } else { (200, &whole[..]) };
        assert_eq!((status.as_u16(), &bytes[..]), (expected, part));
    }

    // As the server gives it, and without a word from it.
    let asked = segments_asked(&server).await;
    let kept = get(&segment).await;
    let expected = [
        ("x-cache", "HIT"),
        ("content-type", "video/mp4"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("access-control-allow-origin", "*"),
        ("accept-ranges", "bytes"),
    ];
    for (name, value) in expected {
        assert_eq!(header(&kept, name), [value], "{name}");
    }
    let tag = header(&kept, "etag")[0].to_owned();
    let known = edge.ask(Method::GET, &segment).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let head = edge.ask(Method::HEAD, &segment).send().await.unwrap();
    assert_eq!(header(&head, "content-length"), [whole.len().to_string()]);
    // What is added to an address does not make it another.
    assert_eq!(header(&get(&format!("{segment}?again")).await, "x-cache"), ["HIT"]);
    assert_eq!(segments_asked(&server).await, asked);

    // What is not there yet may be there the next time.
    for more in 1..=2 {
        let refused = get(&format!("/play/r/{rendition}/9.m4s")).await;
        assert_eq!(
            (refused.status(), header(&refused, "x-cache")),
            (404.try_into().unwrap(), vec!["MISS"])
        );
        assert_eq!(header(&refused, "access-control-allow-origin"), ["*"]);
        assert_eq!(segments_asked(&server).await, asked + more);
    }

    // Everything else is for those who may see the file.
    let playlist = format!("/play/{file}/{rendition}.m3u8");
    let others = [
        "/",
        "/metrics",
        "/v1/files",
        &playlist,
        &format!("/play/{file}/master.m3u8"),
        &format!("/play/r/..%2F{file}/master.m3u8"),
        // Here a segment that is not there, and to a server that were given it as it is, the page.
        &format!("/watch/..%2Fplay%2Fr%2F{rendition}%2F9.m4s"),
    ];
    for other in others {
        assert_eq!(get(other).await.status(), StatusCode::NOT_FOUND, "{other}");
    }
    let post = edge.ask(Method::POST, &segment).send().await.unwrap();
    assert_eq!(post.status(), StatusCode::FORBIDDEN);

    // What is kept plays on while the server is away; the rest is a failure that a page can tell.
    server.kill();
    assert_eq!(get(&segment).await.bytes().await.unwrap(), whole);
    let away = get(&format!("/play/r/{rendition}/init.mp4")).await;
    assert_eq!(away.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(header(&away, "access-control-allow-origin"), ["*"]);
}

/// All values of a header.
fn header<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}
