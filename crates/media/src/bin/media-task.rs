//! The child alone: what tests start, and what a deployment may use to keep libav out of its services'
//! address space altogether.

use std::process::ExitCode;

fn main() -> ExitCode {
    if media::child::requested() { media::child::run() } else { ExitCode::FAILURE }
}
