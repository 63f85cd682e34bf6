//! Upload protocols as sans-I/O functions: request head in, [`Command`] out; [`Outcome`] in, response
//! head out.
//!
//! A [`Dialect`] is a parser and a writer around one command type that no protocol owns; what an upload
//! is and where its bytes go is left to the caller. Whatever a client sends, [`parse`] ends in a command
//! whose every value is validated, or in a [`Refusal`] with the status the protocol dictates.
//!
//! Spoken so far: tus 1.0 (core, creation, creation-with-upload, termination) and the plain upload of a
//! whole file in one POST.

pub mod command;
pub mod dialect;
mod disposition;
mod header;
mod limits;
pub mod name;
mod outcome;
mod plain;
mod refusal;
pub mod tus;

pub use command::{About, Append, Command, Create};
pub use dialect::{Dialect, Request, RequestHead, Target, parse, refuse, respond};
pub use limits::{Limits, overrun};
pub use outcome::{Outcome, ResponseHead, Standing};
pub use refusal::Refusal;

use http::HeaderName;

/// The id of the file that a finished upload became; in its final response and every HEAD from then on.
pub const HASHREEL_FILE: HeaderName = HeaderName::from_static("hashreel-file");
