//! What the back ends on AWS share: how a client is set up, what a refusal means for the caller, and how
//! long a call is tried again.
//!
//! It knows no service: each back end names its own SDK crate and says by [`Service`] what it is for.

pub mod bill;
mod client;
mod service;
mod tries;

pub use aws_config::SdkConfig;
pub use client::{ATTEMPT, DEADLINE, config, http, no_quota};
pub use service::{Answer, Service, may_have_happened};
pub use tries::Tries;
