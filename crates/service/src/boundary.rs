//! The outermost layer of a router: one log line and one set of figures a request, panics and unknown
//! addresses as problem documents, or for a person in a browser as a page.
//!
//! The line is written when the response's last byte was handed to the connection, or when the client
//! left; it has identifiers as fields and no query string, no header and no body, which is where
//! secrets travel.

use crate::{Metrics, Problem, problem::Cause};
use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use bytes::{Buf as _, Bytes};
use http::{Extensions, HeaderMap, Method, StatusCode, Uri, header};
use hyper::body::{Frame, SizeHint};
use model::OwnerId;
use std::{
    any::Any,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Instant,
};
use tower_http::catch_panic::CatchPanicLayer;

/// The route of a request that no route matches, in figures and logs.
const NO_ROUTE: &str = "none";

/// What the routes of segments begin with.
const SEGMENTS: &str = "/play/r/";

/// What only programs ask for.
const PROGRAMS: [&str; 3] = ["/v1/", "/play/", "/uploads"];

/// What a person sees at an unknown address. All services are behind one origin, so `/` is the library.
const NOTHING_HERE: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
<title>Nothing here - Hashreel</title>\n<h1>There is nothing at this address</h1>\n\
<p><a href=\"/\">To the library</a></p>\n</html>\n";

/// Puts the edge around `router`, which is complete: routes added later are outside.
pub fn edge(router: Router, metrics: &Metrics) -> Router {
    router
        .fallback(unknown_address)
        .method_not_allowed_fallback(unknown_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(metrics.clone(), observe))
}

/// Tells the log who asked; `extensions` are the request's.
pub fn note_owner(extensions: &Extensions, owner: &OwnerId) {
    if let Some(slot) = extensions.get::<OwnerSlot>() {
        // Set once: a request has one caller.
        let _ = slot.0.set(owner.clone());
    }
}

/// Where a request's caller is noted, for the line that is written outside of it.
#[derive(Clone, Default)]
struct OwnerSlot(Arc<OnceLock<OwnerId>>);

async fn unknown_address(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if is_for_a_person(&method, uri.path(), &headers) {
        let page = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        return (StatusCode::NOT_FOUND, page, NOTHING_HERE).into_response();
    }
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address").into_response()
}

/// Whether a browser asks for a page: programs want what they can read, whatever they accept besides.
fn is_for_a_person(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let accepted = accepted.unwrap_or_default();
    let of_programs = PROGRAMS.iter().any(|prefix| path.starts_with(prefix));
    *method == Method::GET
        && accepted.contains("text/html")
        && !accepted.contains("json")
        && !of_programs
}

async fn unknown_method(method: Method) -> Problem {
    let detail = format!("{method} is not possible here; the header `Allow` lists what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is tower-http's")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Problem::from(model::Error::internal(format!("a handler panicked: {text}"))).into_response()
}

async fn observe(State(metrics): State<Metrics>, mut request: Request, next: Next) -> Response {
    let owner = OwnerSlot::default();
    request.extensions_mut().insert(owner.clone());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| NO_ROUTE.into(), |route| route.as_str().to_owned());
    // A rendition's id is the right to read it: as good as a key.
    let path = (!route.starts_with(SEGMENTS)).then(|| request.uri().path().to_owned());
    metrics.begin();
    let mut line = Line {
        metrics,
        method: request.method().clone(),
        route,
        path,
        owner,
        began: Instant::now(),
        status: None,
        cause: None,
        sent: 0,
        announced: None,
        whole: false,
    };
    let mut response = next.run(request).await;
    line.status = Some(response.status());
    line.cause = response.extensions_mut().remove::<Cause>();
    line.announced = length(response.headers());
    let (parts, inner) = response.into_parts();
    line.whole = inner.is_end_stream();
    Response::from_parts(parts, Body::new(Observed { inner, line }))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A request under way; says what came of it when it is dropped.
struct Line {
    metrics: Metrics,
    method: Method,
    route: String,
    path: Option<String>,
    owner: OwnerSlot,
    began: Instant,
    /// `None` until there is a response.
    status: Option<StatusCode>,
    cause: Option<Cause>,
    sent: u64,
    /// The response's `Content-Length`.
    announced: Option<u64>,
    /// Whether the response's body came to its end.
    whole: bool,
}

impl Drop for Line {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.metrics.end(&self.method, &self.route, self.status, self.sent, took);
        let status = self.status.map_or(499, |status| status.as_u16());
        let cause = self.cause.as_ref();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "hashreel::http",
                    method = %self.method,
                    route = %self.route,
                    path = self.path,
                    status,
                    bytes = self.sent,
                    millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    owner = self.owner.0.get().map(OwnerId::as_str),
                    cut = (!self.whole).then_some(true),
                    cause = cause.map(|cause| &*cause.chain),
                    instance = cause.and_then(|cause| cause.instance).map(|id| id.to_string()),
                    "request"
                )
            };
        }
        match status {
            500.. => line!(error),
            400..=499 => line!(info),
            // Asked every few seconds by machines, or by every player for every segment.
            _ if self.route.starts_with(SEGMENTS) || is_operation(&self.route) => line!(debug),
            _ => line!(info),
        }
    }
}

fn is_operation(route: &str) -> bool {
    matches!(route, "/metrics" | "/livez" | "/readyz")
}

/// A response's body that counts itself.
struct Observed {
    inner: Body,
    line: Line,
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.line.sent += frame.data_ref().map_or(0, |data| data.remaining() as u64);
                // A body of known length is not asked again after its last frame.
                self.line.whole =
                    self.inner.is_end_stream() || self.line.announced == Some(self.line.sent);
            }
            Poll::Ready(None) => self.line.whole = true,
            Poll::Ready(Some(Err(error))) => {
                let chain = format!("the body broke off: {error}").into();
                self.line.cause = Some(Cause { chain, instance: None });
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    fn router(metrics: &Metrics) -> Router {
        let routes = Router::new()
            .route("/hello/{name}", get(async || "hello"))
            .route("/panic", get(async || -> &'static str { panic!("a secret path") }))
            .route("/wait", get(std::future::pending::<()>));
        edge(routes, metrics)
    }

    fn asked(method: &str, path: &str) -> Request {
        Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn every_refusal_is_a_problem_document() {
        for (method, path, status) in
            [("GET", "/nowhere", 404), ("DELETE", "/hello/you", 405), ("GET", "/panic", 500)]
        {
            let metrics = Metrics::new(|_| ());
            let response = router(&metrics).oneshot(asked(method, path)).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{method} {path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers().contains_key(header::ALLOW), status == 405);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(!String::from_utf8_lossy(&body).contains("secret"));
        }
    }

    #[tokio::test]
    async fn a_person_is_shown_a_page_and_a_program_a_problem() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (method, path, accept, page) in [
            ("GET", "/nowhere", browser, true),
            ("GET", "/watch", browser, true),
            ("GET", "/v1/nowhere", browser, false),
            ("GET", "/play/nowhere", browser, false),
            ("GET", "/nowhere", "*/*", false),
            ("GET", "/nowhere", "application/json, text/html;q=0.1", false),
            ("POST", "/nowhere", browser, false),
        ] {
            let mut request = asked(method, path);
            request.headers_mut().insert(header::ACCEPT, accept.parse().unwrap());
            let response = router(&Metrics::new(|_| ())).oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            let is_page = response.headers()[header::CONTENT_TYPE] == "text/html; charset=utf-8";
            assert_eq!(is_page, page, "{method} {path} {accept}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(String::from_utf8_lossy(&body).contains("<a href=\"/\">"), page);
        }
    }

    #[tokio::test]
    async fn a_request_is_counted_once_its_body_has_ended() {
        let metrics = Metrics::new(|_| ());
        let response = router(&metrics).oneshot(asked("GET", "/hello/you")).await.unwrap();
        assert!(metrics.text().contains("hashreel_http_running 1"));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
        let text = metrics.text();
        assert!(text.contains(r#"{method="GET",route="/hello/{name}",status="200"} 1"#), "{text}");
        assert!(text.contains(r#"hashreel_http_sent_bytes_total{route="/hello/{name}"} 5"#));
        assert!(text.contains("hashreel_http_running 0"));
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_counted_too() {
        let metrics = Metrics::new(|_| ());
        let mut running = Box::pin(router(&metrics).oneshot(asked("GET", "/wait")));
        assert!(futures::poll!(&mut running).is_pending());
        drop(running);
        let text = metrics.text();
        assert!(text.contains(r#"route="/wait",status="499"} 1"#), "{text}");
    }
}
