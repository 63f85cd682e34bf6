//! `/livez`, `/readyz` and `/metrics`.
//!
//! Alive: the process answers. Ready: a real call to each back end passed just now, or within the last
//! second: however many ask, the back ends are hardly asked more often.

use crate::{Metrics, Problem};
use axum::{
    Json, Router,
    response::{IntoResponse as _, Response},
    routing::get,
};
use futures::{FutureExt as _, future::BoxFuture};
use http::{StatusCode, header};
use model::Result;
use serde_json::{Map, Value, json};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// How long a back end may take to answer and still count as ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long what was found is told again.
const KEPT: Duration = Duration::from_secs(1);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// The checks that make a process ready.
#[derive(Clone, Default)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
}

impl Health {
    /// Adds a real call to the back end `name`.
    #[must_use]
    pub fn check<F>(
        mut self,
        name: &'static str,
        call: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || call().boxed())));
        self
    }

    /// The names of the back ends that do not answer. Their causes go to the log.
    pub async fn failing(&self) -> Vec<&'static str> {
        let calls = self.checks.iter().map(async |(name, call)| {
            let failure = match tokio::time::timeout(PATIENCE, call()).await {
                Ok(Ok(())) => return None,
                Ok(Err(error)) => error.chain(),
                Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
            };
            tracing::warn!(back_end = name, cause = failure, "not ready");
            Some(*name)
        });
        futures::future::join_all(calls).await.into_iter().flatten().collect()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.checks.iter().map(|(name, _)| name)).finish()
    }
}

/// The routes that operators' machines ask.
pub fn operations(metrics: Metrics, health: Health) -> Router {
    let looked = Arc::new(Looked { health, last: Mutex::default() });
    Router::new()
        .route("/livez", get(async || Json(json!({"alive": true}))))
        .route("/readyz", get(async move || ready(&looked).await))
        .route("/metrics", get(async move || page(&metrics)))
}

/// Checks, and what they said last.
struct Looked {
    health: Health,
    /// Held by the one who asks: those who come meanwhile wait for what it hears.
    last: Mutex<Option<(Instant, Vec<&'static str>)>>,
}

impl Looked {
    async fn failing(&self) -> Vec<&'static str> {
        let mut last = self.last.lock().await;
        if let Some((at, failing)) = &*last
            && at.elapsed() < KEPT
        {
            return failing.clone();
        }
        let failing = self.health.failing().await;
        *last = Some((Instant::now(), failing.clone()));
        failing
    }
}

async fn ready(looked: &Looked) -> Response {
    let failing = looked.failing().await;
    if failing.is_empty() {
        let checks = looked.health.checks.iter().map(|(name, _)| ((*name).to_owned(), json!("ok")));
        return Json(json!({"ready": true, "checks": checks.collect::<Map<_, Value>>()}))
            .into_response();
    }
    let detail = format!("not ready: no answer from {}", failing.join(", "));
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response()
}

fn page(metrics: &Metrics) -> Response {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], metrics.text()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, extract::Request};
    use model::{Error, ErrorKind};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use tower::ServiceExt as _;

    async fn asked(health: Health, path: &str) -> StatusCode {
        let router = operations(Metrics::new(|_| ()), health);
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn ready_means_that_every_back_end_answered() {
        let good = Health::default().check("records", async || Ok(()));
        assert_eq!(asked(good.clone(), "/readyz").await, 200);
        let down = || async { Err(Error::new(ErrorKind::Unavailable, "gone")) };
        let bad = good.check("objects", down);
        assert_eq!(bad.failing().await, ["objects"]);
        assert_eq!(asked(bad.clone(), "/readyz").await, 503);
        assert_eq!(asked(bad, "/livez").await, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_ask_back_ends_are_asked_once_a_second() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let health = Health::default().check("records", move || {
            count.fetch_add(1, Relaxed);
            async { Ok(()) }
        });
        let router = operations(Metrics::new(|_| ()), health);
        for seconds in 1..=3 {
            for _ in 0..10 {
                let request = Request::builder().uri("/readyz").body(Body::empty()).unwrap();
                assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 200);
            }
            assert_eq!(asked.load(Relaxed), seconds);
            tokio::time::advance(KEPT).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_back_end_hangs_it_is_asked_once_for_all() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let health = Health::default().check("records", move || {
            count.fetch_add(1, Relaxed);
            std::future::pending()
        });
        let router = operations(Metrics::new(|_| ()), health);
        let answers = (0..10).map(|_| {
            let request = Request::builder().uri("/readyz").body(Body::empty()).unwrap();
            router.clone().oneshot(request)
        });
        for answer in futures::future::join_all(answers).await {
            assert_eq!(answer.unwrap().status(), 503);
        }
        assert_eq!(asked.load(Relaxed), 1);
    }

    #[tokio::test]
    async fn figures_are_there_to_read() {
        assert_eq!(asked(Health::default(), "/metrics").await, 200);
    }
}
