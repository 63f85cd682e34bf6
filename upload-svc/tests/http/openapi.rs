//! The description against the routes: what is described is understood, what is not is refused.

use crate::server::Server;
use axum::http::StatusCode;
use serde_json::Value;

const METHODS: [&str; 7] = ["get", "head", "options", "post", "put", "patch", "delete"];

#[tokio::test]
async fn what_is_described_is_served_and_nothing_else() {
    let server = Server::new().await;
    let description: Value = serde_json::to_value(upload_svc::openapi()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/uploads", "/uploads/{id}"]);
    let upload = server.create(5).await;
    for (path, operations) in paths {
        let address = path.replace("/uploads/{id}", &upload);
        for method in METHODS {
            // tus asks for capabilities at either address; one description is enough.
            if (method, path.as_str()) == ("options", "/uploads/{id}") {
                continue;
            }
            let answer = server.ask(&method.to_uppercase(), &address, &[], "").await;
            let described = operations.get(method).is_some();
            let understood = answer.status != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(understood, described, "{method} {path}: {}", answer.status);
        }
    }
}
