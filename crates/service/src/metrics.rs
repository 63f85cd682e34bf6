//! What Prometheus reads: a registry that is passed around, and the figures of the HTTP edge.
//!
//! Routes are labels by their pattern (`/v1/files/{id}`), never by their path, so that the number of
//! series is bounded by the code and not by the clients.

use http::{Method, StatusCode};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};
use std::{fmt, sync::Arc, time::Duration};

/// Upper bounds of the duration histogram, in seconds: from a cached segment to a long upload.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0, 3600.0];

/// All figures of a process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    http: Http,
}

#[derive(Clone)]
struct Http {
    requests: Family<Answered, Counter>,
    seconds: Family<Routed, Histogram, fn() -> Histogram>,
    sent: Family<Routed, Counter>,
    running: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Routed {
    route: String,
}

impl Metrics {
    /// The edge's figures and what `register` adds of the process's own.
    pub fn new(register: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::with_prefix("hashreel");
        let http = Http {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            sent: Family::default(),
            running: Gauge::default(),
        };
        registry.register("http_requests", "Requests that ended", http.requests.clone());
        registry.register(
            "http_request_seconds",
            "From a request's head to the end of its response",
            http.seconds.clone(),
        );
        registry.register("http_sent_bytes", "Bytes of response bodies", http.sent.clone());
        registry.register("http_running", "Requests that have not ended", http.running.clone());
        registry.register_collector(Box::new(Process));
        register(&mut registry);
        Self { registry: Arc::new(registry), http }
    }

    /// In OpenMetrics text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn begin(&self) {
        self.http.running.inc();
    }

    /// `status`: `None` where the client left before there was one, counted as 499 as nginx does.
    pub(crate) fn end(
        &self,
        method: &Method,
        route: &str,
        status: Option<StatusCode>,
        sent: u64,
        took: Duration,
    ) {
        self.http.running.dec();
        let status = status.map_or(499, |status| status.as_u16());
        let answered = Answered { method: known(method), route: route.to_owned(), status };
        self.http.requests.get_or_create(&answered).inc();
        let routed = Routed { route: route.to_owned() };
        self.http.seconds.get_or_create(&routed).observe(took.as_secs_f64());
        self.http.sent.get_or_create(&routed).inc_by(sent);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A method as a label: what clients make up is `other`.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The process itself, read when asked for. Absent where the system has no `/proc`.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(bytes) = resident_bytes() {
            let gauge = ConstGauge::new(bytes);
            let name = "process_resident_memory_bytes";
            let metric =
                encoder.encode_descriptor(name, "Memory in use", None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}

/// `VmRSS` of `/proc/self/status`, which is in units of 1,024 bytes.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<i64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_method_route_and_status() {
        let metrics = Metrics::new(|_| ());
        let took = Duration::from_millis(3);
        for _ in 0..2 {
            metrics.begin();
            metrics.end(&Method::GET, "/v1/files/{id}", Some(StatusCode::OK), 7, took);
        }
        metrics.begin();
        let made_up = Method::from_bytes(b"BREW").unwrap();
        metrics.end(&made_up, "none", None, 0, took);
        let text = metrics.text();
        for line in [
            r#"hashreel_http_requests_total{method="GET",route="/v1/files/{id}",status="200"} 2"#,
            r#"hashreel_http_requests_total{method="other",route="none",status="499"} 1"#,
            r#"hashreel_http_sent_bytes_total{route="/v1/files/{id}"} 14"#,
            "hashreel_http_running 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(text.contains("hashreel_process_resident_memory_bytes"));
    }
}
