//! What `content` promises, tried over real back ends in a temporary directory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers, made here")]

mod append;
mod clear;
mod crash;
mod damage;
mod dedupe;
mod gates;
mod memory;
mod oracle;
mod read;
mod states;
mod support;
