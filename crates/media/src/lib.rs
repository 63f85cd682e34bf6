//! Everything that touches compressed audio and video: probing, encoding, the ladder.
//!
//! libav parses hostile bytes, so it never runs in a service's process. [`Host::run`] starts one child
//! process a task, of the same binary, which gives up every right but reading its standard input and
//! writing its standard output ([`child`]), gets the source's bytes by asking for ranges, and gives
//! back segments as they are finished. The child is not trusted: all it sends is bounded and checked.
//!
//! What is made depends only on the task and the source's bytes ([`task`]), and the tasks only on the
//! probe and the profile ([`ladder`]). This crate knows no database, no store and no network.

mod allowance;
mod audio;
pub mod child;
mod confine;
mod decode;
mod encode;
mod fault;
mod frames;
mod graph;
mod host;
mod index;
mod input;
pub mod ladder;
pub mod libraries;
mod poster;
mod probe;
mod reader;
mod short;
pub mod task;
mod video;
mod wire;

pub use host::{Host, Limits, RangeSource, Sink};
