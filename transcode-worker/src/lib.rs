//! The worker: takes jobs from the queue, has a child process do them, and puts what it makes into the
//! store and the tables.
//!
//! [`run`] is the whole of it; `hashreel up` calls it in its own process, and the binary of this
//! package alone. Guarantees: a job has one effect however often it is delivered, and whatever dies in
//! the middle of it; what one attempt has made never mixes with another's within a segment; at most
//! [`Config::slots`] children that encode at a time, and [`Config::width`] tasks outstanding a video; and a stopped
//! worker gives its work back at once. What is made of a source is `media`'s to decide, how it stands
//! is `catalog`'s.

mod attempt;
mod config;
mod finish;
mod keep;
mod media_port;
mod names;
mod plan;
mod probe;
mod progress;
mod relay;
mod release;
mod sink;
mod slot;
mod source;
mod task;
mod worker;

pub use config::Config;
pub use media_port::{Media, Transcoder};
pub use worker::{Deps, run};

use std::process::ExitCode;

/// Does a child's work where this process was started as one: the first thing that `main` of every
/// program with a worker asks for, before it makes threads.
#[must_use]
pub fn child() -> Option<ExitCode> {
    media::child::requested().then(media::child::run)
}
