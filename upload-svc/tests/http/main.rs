//! The service over real SQLite and real files: one table-driven file per method, then what only a real
//! socket shows.
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod cors;
mod delete;
mod head;
mod jobs;
mod openapi;
mod options;
mod owners;
mod patch;
mod plain;
mod post;
mod server;
mod wire;
