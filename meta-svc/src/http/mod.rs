//! The parts of HTTP that serving bytes needs: conditions, ranges, and names of downloads. Pure, but
//! for `serve`, which puts them together.

mod conditions;
mod disposition;
mod ranges;
mod serve;

pub(crate) use conditions::{is_changed, tag};
pub(crate) use disposition::{attachment, inline};
pub(crate) use serve::{Representation, Source, serve};
