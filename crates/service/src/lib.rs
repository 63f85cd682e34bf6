//! What every service shares at its edge: problem documents and the one table from error kind to
//! status, logs, metrics, health, and a server that is bounded and ends well.
//!
//! A service makes a [`axum::Router`] of its routes and nothing else; its binary (or `hashreel up`, for
//! all services at once) hands the router to [`edge`], adds [`operations`], and calls [`serve`].
//! Nothing here knows a table or a route of Hashreel's.

mod back_ends;
mod boundary;
pub mod extract;
mod health;
mod listen;
pub mod logs;
mod metrics;
mod openapi;
mod problem;
mod serve;
mod setting;
mod units;

pub use back_ends::{QueueOptions, StoreOptions, Stores};
pub use boundary::{edge, note_owner};
pub use health::{Health, operations};
pub use listen::listen_address;
pub use metrics::Metrics;
pub use openapi::openapi_route;
pub use problem::{Problem, status_of};
pub use serve::{Limits, bind, serve, shutdown_on_signals, signalled};
pub use setting::of_setting;
pub use units::{Size, Span};
