//! Words for people go to stderr, data goes to stdout. Nothing else in this program prints.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one place that prints")]

use model::Error;
use std::io::Write as _;

/// A line of data. A reader that has gone away (`| head`) ends the program quietly, as it would any
/// other.
pub fn data(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// A line for the person at the terminal.
pub fn talk(line: &str) {
    eprintln!("{line}");
}

/// This program, as whoever started it would have to type it: `target/release/hashreel` where that was
/// its path, as after `./dev up`.
pub fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "hashreel".into())
}

/// An error that was said already; [`final_word`] says nothing of it again.
pub fn said(error: Error) -> Error {
    let kind = error.kind();
    Error::with_source(kind, String::new(), error)
}

/// Says why the program ends, unless it was said.
pub fn final_word(error: &Error) {
    if !error.to_string().is_empty() {
        eprintln!("hashreel: {}", error.chain());
    }
}
