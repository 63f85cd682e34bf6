//! RFC 9457 problem documents, and the one table from error kind to HTTP status.
//!
//! Every refusal of every service is one of these, whether a handler, an extractor, the router or the
//! panic catcher refuses. Statuses that a protocol dictates (tus, IETF) are set with
//! [`Problem::with_status`]. What must stay inside goes to the log, under the `instance` that the
//! client was told.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use model::{Error, ErrorKind};
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// How long a client is asked to wait before it tries again, where it may.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The status of an error's kind. Nobody else maps kinds to statuses.
#[must_use]
pub fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Gone => StatusCode::GONE,
        ErrorKind::Conflict | ErrorKind::Cancelled => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorKind::Busy => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        // Damaged, Internal, and kinds that do not exist yet: ours to mend.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A refusal: `{type, title, status, detail, instance?}`.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    /// Whether `Retry-After` is said.
    retryable: bool,
    /// Of a fault on our side: names the log's line.
    instance: Option<Uuid>,
    /// For the log alone.
    cause: Arc<str>,
}

/// What the boundary logs of a problem; travels in the response's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) chain: Arc<str>,
    pub(crate) instance: Option<Uuid>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

impl Problem {
    /// A refusal with a sentence that says what is wrong and what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            status,
            retryable: false,
            instance: status.is_server_error().then(Uuid::new_v4),
            cause: detail.as_str().into(),
            detail,
        }
    }

    /// The same with a status that a protocol dictates.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = match error.kind() {
            // Their messages name back ends, paths and states that are nobody's business.
            ErrorKind::Internal => {
                "something went wrong on our side; the server's log has it under this instance"
                    .into()
            }
            ErrorKind::Unavailable => {
                "a store that this needs does not answer at the moment; try again shortly".into()
            }
            _ => error.to_string(),
        };
        Self {
            retryable: error.kind().is_retryable(),
            cause: error.chain().into(),
            ..Self::new(status_of(error.kind()), detail)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            // RFC 9457, 4.2.1: no more is meant than what the status says; `detail` is for people.
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Refused"),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: self.instance.map(|id| id.urn().to_string()),
        };
        // Strings and a number: cannot fail to become JSON.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.retryable {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER.as_secs().into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 11.6.1: a 401 names what would do.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let cause = Cause { chain: self.cause, instance: self.instance };
        response.extensions_mut().insert(cause);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use serde_json::Value;

    async fn document(problem: Problem) -> (http::response::Parts, Value) {
        let (parts, body) = problem.into_response().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_refusal_says_what_is_wrong_in_a_problem_document() {
        let error = Error::not_found("there is no such file");
        let (parts, body) = document(error.into()).await;
        assert_eq!(parts.status, StatusCode::NOT_FOUND);
        assert_eq!(parts.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "there is no such file",
            })
        );
    }

    #[tokio::test]
    async fn a_fault_on_our_side_keeps_its_cause_for_the_log() {
        for kind in [ErrorKind::Internal, ErrorKind::Unavailable] {
            let cause = std::io::Error::other("/var/lib/secret: no such device");
            let error = Error::with_source(kind, "cannot open /var/lib/secret", cause);
            let (parts, body) = document(error.into()).await;
            assert!(!body.to_string().contains("secret"), "{body}");
            let told = parts.extensions.get::<Cause>().unwrap();
            assert!(told.chain.contains("no such device"));
            let instance = told.instance.unwrap().urn().to_string();
            assert_eq!(body["instance"], instance);
        }
    }

    #[tokio::test]
    async fn what_may_succeed_later_says_when() {
        let kinds = [
            (ErrorKind::Busy, 429, true),
            (ErrorKind::Unavailable, 503, true),
            (ErrorKind::NoSpace, 507, false),
            (ErrorKind::Conflict, 409, false),
        ];
        for (kind, status, retry) in kinds {
            let (parts, _) = document(Error::new(kind, "no").into()).await;
            assert_eq!(parts.status.as_u16(), status);
            assert_eq!(parts.headers.contains_key(header::RETRY_AFTER), retry, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_protocol_may_dictate_the_status() {
        let problem = Problem::from(Error::conflict("wrong version"));
        let problem = problem.with_status(StatusCode::PRECONDITION_FAILED);
        let (parts, body) = document(problem).await;
        assert_eq!((parts.status.as_u16(), &body["status"]), (412, &412.into()));
    }
}
