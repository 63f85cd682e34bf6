//! The real programs, started as their users start them, killed as machines kill them, asked as clients ask.
//!
//! The tests are in `tests/`, one promise a file. What they need and is absent (the program itself,
//! ffmpeg, Chromium) is an error that says what to install, never a test that is passed over.

#![allow(clippy::missing_panics_doc, reason = "a helper of tests fails by panicking")]
#![allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

pub mod browser;
pub mod clips;
pub mod disk;
pub mod edge;
pub mod fake;
pub mod front;
pub mod gates;
pub mod letters;
pub mod localstack;
pub mod nginx;
pub mod process;
pub mod program;
pub mod programs;
pub mod random;
pub mod server;
pub mod site;
pub mod steady;
pub mod stream;
pub mod tus;
pub mod wire;
