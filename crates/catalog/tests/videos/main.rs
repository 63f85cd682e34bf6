//! A video's life over a real store: made once however many files hold it, one effect a task, no
//! segment of two attempts, nothing left when nobody holds it.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod ending;
mod log;
mod making;
mod tables;
