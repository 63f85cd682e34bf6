//! Files, playback, events and the web app over HTTP.
//!
//! A thin crate over `catalog` (rows), `content` (bytes), `cmaf` (manifests) and `access` (callers).
//! Every read and write is in the name of its caller, save segments, whose random id is the right to
//! read them; somebody else's things do not exist. Writes nothing but names, sessions and retries.
#![allow(unused_qualifications, reason = "utoipa's macro repeats the handlers' types in full")]

mod cache;
mod cursor;
mod delivery;
mod download;
mod events;
mod files;
mod http;
mod hub;
mod jobs;
mod openapi;
mod options;
mod play;
mod segments;
mod session;
mod state;
mod streams;
mod view;
mod web;

pub use delivery::{Delivery, Edge};
pub use openapi::{openapi, router};
pub use options::MetaOptions;
pub use state::Meta;
