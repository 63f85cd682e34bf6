//! `/play`: manifests for whoever may see the file, segments for whoever knows their rendition.

use crate::server::{Server, segment_bytes};
use axum::body::Body;

#[tokio::test]
async fn playlists_grow_and_end() {
    let server = Server::open().await;
    let (id, making) = server.video("local", "m").await;
    let master = format!("/play/{id}/master.m3u8");
    let dash = format!("/play/{id}/manifest.mpd");
    assert_eq!(server.get("", &master).await.status, 404);
    making.plan().await;
    assert_eq!(server.get("", &master).await.status, 404);
    making.segments(0..2, false).await;

    let growing = server.get("", &master).await;
    assert_eq!(
        (growing.status, growing.header("content-type")),
        (200, "application/vnd.apple.mpegurl")
    );
    assert_eq!(growing.header("cache-control"), "private, no-cache");
    let top = making.renditions().await[0].id;
    let media = format!("/play/{id}/{top}.m3u8");
    assert!(growing.text().contains(&media), "{}", growing.text());
    let playlist = server.get("", &media).await.text();
    assert!(playlist.contains("EVENT") && !playlist.contains("ENDLIST"), "{playlist}");
    assert!(playlist.contains(&format!("/play/r/{top}/init.mp4")));
    assert!(playlist.contains("1.m4s") && !playlist.contains("2.m4s"));
    assert_eq!(server.get("", &dash).await.status, 404);

    making.segments(2..3, true).await;
    let playlist = server.get("", &media).await;
    assert!(playlist.text().contains("2.m4s") && playlist.text().contains("ENDLIST"));
    let mpd = server.get("", &dash).await;
    assert_eq!((mpd.status, mpd.header("content-type")), (200, "application/dash+xml"));
    assert!(mpd.text().contains(&top.to_string()));
    let tag = playlist.header("etag").to_owned();
    let again = server.ask("", "GET", &media, &[("if-none-match", &tag)], Body::empty()).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn what_is_known_of_a_growing_stream_is_not_read_again() {
    let server = Server::open().await;
    let (id, making) = server.video("local", "m").await;
    making.plan().await;
    making.segments(0..2, false).await;
    let top = making.renditions().await[0].id;
    let media = format!("/play/{id}/{top}.m3u8");
    assert!(server.get("", &media).await.text().contains("/0.m4s"));
    // Whoever reads this row again does not find it.
    let row = records::Key::new(format!("rendition#{top}"), "seg#00000000");
    let gone = records::Write::delete(row, records::Condition::Any);
    server.catalog.records().write(vec![gone]).await.unwrap();
    making.segments(2..3, false).await;
    let grown = server.get("", &media).await.text();
    assert!(grown.contains("/0.m4s") && grown.contains("/2.m4s"), "{grown}");
}

#[tokio::test]
async fn nobody_is_sent_to_a_stream_whose_sound_has_not_begun() {
    let server = Server::open().await;
    let (id, making) = server.video("local", "m").await;
    making.plan().await;
    making.picture(0..2).await;
    let master = format!("/play/{id}/master.m3u8");
    assert_eq!(server.get("", &master).await.status, 404);
    making.segments(2..3, false).await;
    assert_eq!(server.get("", &master).await.status, 404, "the sound has a gap");
    making.segments(0..2, false).await;
    assert!(server.get("", &master).await.text().contains("TYPE=AUDIO"));
}

#[tokio::test]
async fn what_was_made_of_a_failed_video_can_be_watched_to_its_end() {
    let server = Server::open().await;
    let (id, making) = server.video("local", "m").await;
    making.plan().await;
    making.segments(0..2, false).await;
    making.fail("the rest is damaged").await;
    let video = server.get("", &format!("/v1/files/{id}")).await.json()["video"].clone();
    assert_eq!(
        (video["state"].as_str(), video["reason"].as_str()),
        (Some("failed"), Some("the rest is damaged"))
    );
    assert_eq!(video["hls"], format!("/play/{id}/master.m3u8"));
    let top = making.renditions().await[0].id;
    assert!(server.get("", &format!("/play/{id}/{top}.m3u8")).await.text().contains("ENDLIST"));
}

#[tokio::test]
async fn segments_never_change_and_have_ranges() {
    let server = Server::with_keys().await;
    let (_, making) = server.video("alice", "m").await;
    making.plan().await;
    making.segments(0..3, true).await;
    let top = making.renditions().await[0].id;
    let bytes = segment_bytes(top, 1);
    // Without a key: the id is the right.
    let segment = server.get("", &format!("/play/r/{top}/1.m4s")).await;
    assert_eq!((segment.status, &segment.body), (200, &bytes));
    assert_eq!(segment.header("content-type"), "video/mp4");
    assert_eq!(segment.header("cache-control"), "public, max-age=31536000, immutable");
    let tag = segment.header("etag").to_owned();
    assert!(tag.starts_with('"'));
    let path = format!("/play/r/{top}/1.m4s");
    let part = server.ask("", "GET", &path, &[("range", "bytes=2-5")], Body::empty()).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &bytes[2..6]));
    let same = server.ask("", "GET", &path, &[("if-none-match", &tag)], Body::empty()).await;
    assert_eq!(same.status, 304);
    assert_eq!(server.get("", &format!("/play/r/{top}/init.mp4")).await.body, b"init");
    let wrong = ["9.m4s", "01.m4s", "-1.m4s", "x.m4s", "init.m4s", "1.mp4", "99999999999.m4s"];
    for name in wrong {
        assert_eq!(server.get("", &format!("/play/r/{top}/{name}")).await.status, 404, "{name}");
    }
    let nobody = model::RenditionId::random();
    for name in ["init.mp4", "0.m4s"] {
        assert_eq!(server.get("", &format!("/play/r/{nobody}/{name}")).await.status, 404);
    }
}

#[tokio::test]
async fn another_owners_stream_does_not_exist() {
    let server = Server::with_keys().await;
    let (id, making) = server.video("alice", "m").await;
    making.plan().await;
    making.segments(0..3, true).await;
    let (other, _) = server.video("bob", "another").await;
    let top = making.renditions().await[0].id;
    for name in ["master.m3u8", "manifest.mpd", "poster.jpg", &format!("{top}.m3u8")] {
        for (who, file, status) in
            [("alice", id, 200), ("bob", id, 404), ("nobody", id, 401), ("bob", other, 404)]
        {
            let answer = server.get(who, &format!("/play/{file}/{name}")).await;
            assert_eq!(answer.status, status, "{who} {name}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn the_same_movie_of_two_owners_is_one_stream() {
    let server = Server::with_keys().await;
    let (_, making) = server.video("alice", "m").await;
    making.plan().await;
    making.segments(0..3, true).await;
    let (id, _) = server.video("bob", "m").await;
    let top = making.renditions().await[0].id;
    let playlist = server.get("bob", &format!("/play/{id}/{top}.m3u8")).await;
    assert_eq!(playlist.status, 200);
    assert!(playlist.text().contains(&format!("/play/r/{top}/")));
}

#[tokio::test]
async fn a_poster_is_a_picture_and_a_file_is_no_stream() {
    let server = Server::open().await;
    let (id, making) = server.video("local", "m").await;
    making.plan().await;
    let poster = format!("/play/{id}/poster.jpg");
    assert_eq!(server.get("", &poster).await.status, 404);
    making.segments(0..1, false).await;
    let picture = server.get("", &poster).await;
    assert_eq!((picture.status, picture.body.as_slice()), (200, b"jpeg".as_slice()));
    assert_eq!(picture.header("content-type"), "image/jpeg");
    let plain = server.file("local", "a.txt", "text/plain", b"x").await;
    for name in ["master.m3u8", "manifest.mpd", "poster.jpg", "x.m3u8", "other"] {
        assert_eq!(server.get("", &format!("/play/{plain}/{name}")).await.status, 404, "{name}");
    }
}
