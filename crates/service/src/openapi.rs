//! The description of a program's interface, beside what is for its operators.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderValue, header},
    routing::get,
};
use model::{Error, ErrorKind, Result};
use serde::Serialize;

/// The route `/openapi.json`, of all that the program serves.
///
/// # Errors
/// `Internal` for a description that is no JSON.
pub fn openapi_route(description: &impl Serialize) -> Result<Router> {
    let body = serde_json::to_vec(description).map_err(|error| {
        Error::with_source(ErrorKind::Internal, "the interface cannot be described", error)
    })?;
    let (head, body) = (HeaderValue::from_static("application/json"), Bytes::from(body));
    let answer = async move || ([(header::CONTENT_TYPE, head.clone())], body.clone());
    Ok(Router::new().route("/openapi.json", get(answer)))
}
