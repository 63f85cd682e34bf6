//! `/v1/files`: the interface's words, and nobody else's files.

use crate::server::Server;
use axum::body::Body;
use model::Sha256;
use serde_json::{Value, json};

#[tokio::test]
async fn a_file_is_described_as_the_interface_says() {
    let server = Server::open().await;
    let id = server.file("local", "notes.txt", "text/plain", b"hello").await;
    let file = server.get("", &format!("/v1/files/{id}")).await;
    assert_eq!(file.status, 200);
    let mut json = file.json();
    let created = json["created_at"].take();
    assert!(created.as_str().unwrap().parse::<model::Timestamp>().is_ok(), "{created}");
    assert_eq!(
        json,
        json!({
            "id": id.to_string(),
            "name": "notes.txt",
            "media_type": "text/plain",
            "size": 5,
            "sha256": Sha256::of(b"hello").to_string(),
            "state": "stored",
            "version": 1,
            "created_at": null,
            "video": null,
        })
    );
}

#[tokio::test]
async fn files_are_listed_newest_first_in_pages() {
    let server = Server::open().await;
    let mut expected = Vec::new();
    for number in 0..5 {
        let name = format!("{number}.txt");
        expected.insert(0, server.file("local", &name, "text/plain", b"x").await.to_string());
    }
    expected.sort();
    expected.reverse();
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for page in 0..3 {
        let json = server.get("", &format!("/v1/files?limit=2{cursor}")).await.json();
        let files = json["files"].as_array().unwrap();
        assert_eq!(files.len(), if page == 2 { 1 } else { 2 });
        found.extend(files.iter().map(|file| file["id"].as_str().unwrap().to_owned()));
        let next = json["cursor"].as_str();
        assert_eq!(next.is_none(), page == 2);
        cursor = format!("&cursor={}", next.unwrap_or_default().replace('#', "%23"));
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn files_with_the_same_bytes_are_found_by_their_hash_while_they_are_there() {
    let server = Server::with_keys().await;
    let first = server.file("alice", "a.txt", "text/plain", b"same").await;
    let second = server.file("alice", "b.txt", "text/plain", b"same").await;
    server.file("alice", "c.txt", "text/plain", b"other").await;
    server.file("bob", "a.txt", "text/plain", b"same").await;
    let path = format!("/v1/files?sha256={}", Sha256::of(b"same"));
    let found = async |path: &str| {
        let page = server.get("alice", path).await.json();
        let files = page["files"].as_array().unwrap().iter().map(|file| file["id"].clone());
        (files.collect::<Vec<_>>(), page["cursor"].as_str().map(str::to_owned))
    };
    let (newest, oldest) = (json!(second.max(first)), json!(second.min(first)));
    assert_eq!(found(&path).await, (vec![newest.clone(), oldest.clone()], None));
    let (page, cursor) = found(&format!("{path}&limit=1")).await;
    let next = format!("{path}&limit=1&cursor={}", cursor.unwrap());
    assert_eq!((page, found(&next).await.0), (vec![newest], vec![oldest]));
    assert_eq!(
        server.send("alice", "DELETE", &format!("/v1/files/{second}"), Value::Null).await.status,
        204
    );
    assert_eq!(found(&path).await.0, [json!(first)]);
    assert_eq!(server.get("alice", "/v1/files?sha256=abc").await.status, 400);
}

#[tokio::test]
async fn a_file_is_renamed_and_deleted_for_good() {
    let server = Server::open().await;
    let id = server.file("local", "a.txt", "text/plain", b"x").await;
    let path = format!("/v1/files/{id}");
    let renamed = server.send("", "PATCH", &path, json!({"name": "b c.txt"})).await;
    assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("b c.txt")));
    assert_eq!(server.get("", &path).await.json()["name"], "b c.txt");
    assert_eq!(server.ask("", "DELETE", &path, &[], Body::empty()).await.status, 204);
    for (method, path) in
        [("GET", path.clone()), ("DELETE", path.clone()), ("GET", format!("{path}/content"))]
    {
        assert_eq!(server.ask("", method, &path, &[], Body::empty()).await.status, 404);
    }
    assert_eq!(server.get("", "/v1/files").await.json()["files"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_in_a_problem_document() {
    let server = Server::open().await;
    let id = server.file("local", "a.txt", "text/plain", b"x").await;
    let file = format!("/v1/files/{id}");
    let nobody = "/v1/files/0192f0c0-0000-7000-8000-000000000000";
    let long = "x".repeat(256);
    let cases: [(&str, &str, Value, u16); 14] = [
        ("GET", nobody, Value::Null, 404),
        ("GET", "/v1/files/no-id", Value::Null, 404),
        ("GET", "/v1/files?limit=0", Value::Null, 400),
        ("GET", "/v1/files?limit=201", Value::Null, 400),
        ("GET", "/v1/files?limit=many", Value::Null, 400),
        ("GET", "/v1/files?cursor=elsewhere", Value::Null, 400),
        ("GET", "/v1/files?order=size", Value::Null, 400),
        ("PUT", &file, json!({}), 405),
        ("PATCH", &file, json!({}), 400),
        ("PATCH", &file, json!({"name": ""}), 400),
        ("PATCH", &file, json!({"name": "a/b"}), 400),
        ("PATCH", &file, json!({"name": long}), 400),
        ("PATCH", &file, json!({"name": "b", "size": 3}), 400),
        ("PATCH", nobody, json!({"name": "b"}), 404),
    ];
    for (method, path, body, status) in cases {
        let answer = server.send("", method, path, body.clone()).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["status"], status);
        assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn another_owners_file_does_not_exist() {
    let server = Server::with_keys().await;
    let id = server.file("alice", "secret.txt", "text/plain", b"secret").await;
    let (file, content) = (format!("/v1/files/{id}"), format!("/v1/files/{id}/content"));
    for (who, status) in [("alice", 200), ("bob", 404), ("nobody", 401)] {
        let rename = json!({"name": "mine.txt"});
        assert_eq!(server.get(who, &file).await.status, status, "{who}");
        assert_eq!(server.get(who, &content).await.status, status, "{who}");
        assert_eq!(server.send(who, "PATCH", &file, rename).await.status, status, "{who}");
        if who != "alice" {
            assert_eq!(
                server.send(who, "DELETE", &file, Value::Null).await.status,
                status,
                "{who}"
            );
        }
    }
    assert_eq!(server.get("bob", "/v1/files").await.json()["files"], json!([]));
    assert_eq!(server.get("alice", "/v1/files").await.json()["files"][0]["name"], "mine.txt");
}

#[tokio::test]
async fn a_video_that_was_cut_off_tells_what_it_announces() {
    let server = Server::open().await;
    let (id, making) = server.video("local", "m").await;
    making.plan_of(Some(60 * 90_000)).await;
    for ended in [false, true] {
        if ended {
            making.segments(0..3, true).await;
        }
        let video = server.get("", &format!("/v1/files/{id}")).await.json()["video"].clone();
        assert_eq!(
            (&video["duration"], &video["announced_duration"]),
            (&json!(30.0), &json!(60.0))
        );
    }
}

#[tokio::test]
async fn a_video_is_shown_from_queued_to_ready() {
    let server = Server::open().await;
    let (id, making) = server.video("local", "m").await;
    let video = async || server.get("", &format!("/v1/files/{id}")).await.json()["video"].clone();
    let queued = video().await;
    assert_eq!((&queued["state"], &queued["progress"]), (&json!("queued"), &json!(0.0)));
    making.plan().await;
    let running = video().await;
    assert_eq!((&running["state"], &running["hls"]), (&json!("running"), &Value::Null));
    making.segments(0..2, false).await;
    let playable = video().await;
    assert_eq!(playable["state"], "playable");
    assert_eq!(playable["hls"], format!("/play/{id}/master.m3u8"));
    assert_eq!(playable["poster"], format!("/play/{id}/poster.jpg"));
    assert_eq!((&playable["dash"], &playable["storyboard"]), (&Value::Null, &Value::Null));
    making.segments(2..3, true).await;
    let ready = video().await;
    assert_eq!((&ready["state"], &ready["progress"]), (&json!("ready"), &json!(1.0)));
    assert_eq!((&ready["duration"], &ready["reason"]), (&json!(30.0), &Value::Null));
    assert_eq!(ready.get("announced_duration"), None);
    assert_eq!(ready["dash"], format!("/play/{id}/manifest.mpd"));
    let first = &ready["renditions"][0];
    assert_eq!((&first["kind"], &first["height"]), (&json!("video"), &json!(720)));
    assert_eq!((&first["codec"], &first["frame_rate"]), (&json!("avc1.64001f"), &json!(30.0)));
    assert_eq!((&first["bandwidth"], &first["width"]), (&json!(800_000), &json!(1280)));
    let sound = &ready["renditions"][2];
    assert_eq!((&sound["kind"], &sound["width"]), (&json!("audio"), &Value::Null));
}
