//! axum's extractors whose refusals are problem documents.
//!
//! `Path` parses ids through serde: an id that is none cannot name anything, so it is a 404, the same
//! as an id of nothing.

use crate::Problem;
use axum::extract::{
    FromRequest, FromRequestParts,
    rejection::{JsonRejection, PathRejection, QueryRejection},
};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// A JSON body.
#[derive(Debug, Clone, Copy, FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub struct Json<T>(pub T);

/// The query string.
#[derive(Debug, Clone, Copy, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

/// The path's parameters.
#[derive(Debug, Clone, Copy, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let detail = match &rejection {
            JsonRejection::MissingJsonContentType(_) => {
                "send JSON with the header `Content-Type: application/json`".to_owned()
            }
            other => format!("the body is not what this wants: {}", other.body_text()),
        };
        // A body that parses and does not fit is as wrong as one that does not parse.
        let status = match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(status, detail)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let detail = format!("the query is not what this wants: {}", rejection.body_text());
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        if rejection.status().is_server_error() {
            return model::Error::internal(rejection.body_text()).into();
        }
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, body::Body, extract::Request, routing::get};
    use http::header;
    use tower::ServiceExt as _;

    #[derive(serde::Deserialize)]
    struct Wanted {
        count: u32,
    }

    #[tokio::test]
    async fn what_does_not_parse_is_a_problem_document() {
        let router = Router::new()
            .route("/id/{count}", get(async |Path(count): Path<u32>| count.to_string()))
            .route("/q", get(async |Query(q): Query<Wanted>| q.count.to_string()))
            .route("/j", get(async |Json(j): Json<Wanted>| j.count.to_string()));
        let cases = [
            ("/id/7", None, "", 200),
            ("/id/seven", None, "", 404),
            ("/q?count=7", None, "", 200),
            ("/q", None, "", 400),
            ("/q?count=x", None, "", 400),
            ("/j", Some("application/json"), r#"{"count":7}"#, 200),
            ("/j", Some("application/json"), r#"{"count":"x"}"#, 400),
            ("/j", Some("application/json"), "{", 400),
            ("/j", Some("text/plain"), r#"{"count":7}"#, 415),
        ];
        for (path, media_type, body, status) in cases {
            let mut request = Request::builder().uri(path);
            if let Some(media_type) = media_type {
                request = request.header(header::CONTENT_TYPE, media_type);
            }
            let request = request.body(Body::from(body)).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{path} {body}");
            let is_problem = response.headers()[header::CONTENT_TYPE] == "application/problem+json";
            assert_eq!(is_problem, status != 200, "{path} {body}");
        }
    }
}
