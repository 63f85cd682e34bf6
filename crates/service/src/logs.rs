//! Logs: text for a person at a terminal, JSON lines for machines, always on stderr.

use model::{Error, Result};
use std::io::{self, IsTerminal as _};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// The variable that chooses what is logged, as `RUST_LOG` does elsewhere: `info`,
/// `hashreel::http=debug,warn`.
pub const FILTER: &str = "HASHREEL_LOG";

/// Starts logging for the process: what [`FILTER`] says, or else `default`. Called once, by `main`.
///
/// # Errors
/// `Invalid` for a filter that cannot be read; `Conflict` where logging was started before.
pub fn start(default: &str) -> Result<()> {
    let text = std::env::var(FILTER).unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&text).map_err(|error| {
        let message =
            format!("{FILTER} is not a log filter: `{text}`; write it as `info` or `warn`");
        Error::with_source(model::ErrorKind::Invalid, message, error)
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let format = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let started = if io::stderr().is_terminal() {
        registry.with(format).try_init()
    } else {
        registry.with(format.json().flatten_event(true)).try_init()
    };
    started.map_err(|error| {
        Error::with_source(model::ErrorKind::Conflict, "logging was started twice", error)
    })
}
