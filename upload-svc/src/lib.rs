//! Bytes in: tus 1.0 and plain uploads over HTTP at `/uploads`.
//!
//! A thin crate: `resumable` understands requests and writes answers, `content` makes bytes durable,
//! `access` knows callers. Here they meet, with what only a service can do: one writer an upload in this
//! process, bodies that may stand still or break, clients that leave, and cross-origin pages.
//!
//! Guaranteed: an offset that was told is durable and accepted next; a body is never held in memory
//! beyond what `content` budgets; every upload is looked up as its caller's, so another's does not exist.

mod active;
mod body;
mod cors;
mod openapi;
mod routes;
mod settings;
mod uploads;

pub use cors::{Cors, Origin};
pub use openapi::openapi;
pub use routes::router;
pub use settings::{ContentOptions, Settings, UploadOptions};
pub use uploads::Uploads;
