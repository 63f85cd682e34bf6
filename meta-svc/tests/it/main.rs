//! The service in process, over real stores in a temporary folder: every route, for its owner, for
//! another, and for nobody.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says where")]

mod content;
mod delivery;
mod events;
mod files;
mod jobs;
mod openapi;
mod play;
mod server;
mod session;
mod web;
