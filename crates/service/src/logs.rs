//! Logs: text for a person at a terminal, JSON lines for machines, always on stderr.

use model::{Error, Result};
use std::io::{self, IsTerminal as _};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// The variable that chooses what is logged, as `RUST_LOG` does elsewhere: `info`,
/// `hashreel::http=debug,warn`.
pub const FILTER: &str = "HASHREEL_LOG";

/// The variable that chooses how it is written: `text` or `json`. Without it, a terminal gets text, and
/// whatever else stderr is gets JSON.
pub const FORMAT: &str = "HASHREEL_LOG_FORMAT";

/// Starts logging for the process: what [`FILTER`] says, or else `default`, as [`FORMAT`] says. Called
/// once, by `main`.
///
/// # Errors
/// `Invalid` for a filter or a format that cannot be read; `Conflict` where logging was started before.
pub fn start(default: &str) -> Result<()> {
    let text = std::env::var(FILTER).unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&text).map_err(|error| {
        let message =
            format!("{FILTER} is not a log filter: `{text}`; write it as `info` or `warn`");
        Error::with_source(model::ErrorKind::Invalid, message, error)
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let terminal = io::stderr().is_terminal();
    let format = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let started = if is_json(std::env::var(FORMAT).ok().as_deref(), terminal)? {
        registry.with(format.json().flatten_event(true)).try_init()
    } else if terminal {
        registry.with(format).try_init()
    } else {
        // Colours are for terminals.
        registry.with(format.with_ansi(false)).try_init()
    };
    started.map_err(|error| {
        Error::with_source(model::ErrorKind::Conflict, "logging was started twice", error)
    })
}

fn is_json(format: Option<&str>, terminal: bool) -> Result<bool> {
    match format {
        None | Some("") => Ok(!terminal),
        Some("json") => Ok(true),
        Some("text") => Ok(false),
        Some(other) => Err(Error::invalid(format!("{FORMAT} is `text` or `json`, not `{other}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_text_and_a_machine_json_unless_another_is_chosen() {
        for (format, terminal, json) in [
            (None, true, false),
            (None, false, true),
            (Some(""), false, true),
            (Some("text"), false, false),
            (Some("json"), true, true),
        ] {
            assert_eq!(is_json(format, terminal).unwrap(), json, "{format:?} {terminal}");
        }
        let said = is_json(Some("yaml"), true).unwrap_err().to_string();
        assert!(said.contains("`text` or `json`"), "{said}");
    }
}
