//! `/openapi.json` against the routes it describes.

use crate::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn what_is_described_is_served_and_nothing_else() {
    let server = Server::with_keys().await;
    let description = server.get("", "/openapi.json").await.json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3."));
    let paths = description["paths"].as_object().unwrap();
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    let expected = BTreeSet::from([
        "/play/r/{rendition}/{part}",
        "/play/{file}/manifest.mpd",
        "/play/{file}/master.m3u8",
        "/play/{file}/poster.jpg",
        "/play/{file}/{playlist}",
        "/v1/events",
        "/v1/files",
        "/v1/files/{id}",
        "/v1/files/{id}/content",
        "/v1/jobs",
        "/v1/jobs/{file}/retry",
        "/v1/session",
    ]);
    assert_eq!(described, expected);
    for (path, operations) in paths {
        let address = path.replace(['{', '}'], "");
        for method in METHODS {
            let status =
                server.send("nobody", &method.to_uppercase(), &address, json!({})).await.status;
            let is_described = operations.get(method).is_some();
            assert_eq!(status != 405, is_described, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn what_is_answered_is_as_described() {
    let server = Server::open().await;
    let (file, making) = server.video("local", "m").await;
    making.plan().await;
    making.segments(0..3, true).await;
    let schemas = server.get("", "/openapi.json").await.json()["components"]["schemas"].clone();
    let file = server.get("", &format!("/v1/files/{file}")).await.json();
    let problem = server.get("", "/v1/files/none").await.json();
    let events = server.get("", "/v1/events").await.json();
    for (schema, answer) in [
        ("File", &file),
        ("Video", &file["video"]),
        ("Rendition", &file["video"]["renditions"][0]),
        ("FilePage", &server.get("", "/v1/files").await.json()),
        ("JobPage", &server.get("", "/v1/jobs").await.json()),
        ("SessionView", &server.get("", "/v1/session").await.json()),
        ("EventPage", &events),
        ("Event", &events["events"][0]),
        ("ProblemDocument", &problem),
    ] {
        fits(schema, &schemas[schema], answer);
    }
}

/// Every member is described, and every required one is there.
fn fits(name: &str, schema: &Value, answer: &Value) {
    let described = schema["properties"].as_object().unwrap_or_else(|| panic!("no schema {name}"));
    let answer = answer.as_object().unwrap_or_else(|| panic!("{name} is no object: {answer}"));
    for member in answer.keys() {
        assert!(described.contains_key(member), "{name}.{member} is not described");
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        let required = required.as_str().unwrap();
        assert!(answer.contains_key(required), "{name}.{required} is missing");
    }
}
