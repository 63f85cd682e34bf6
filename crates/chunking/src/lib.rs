//! Content-defined boundaries and the hashes of a stream: what decides where a block ends, and what it
//! and the whole file are called.
//!
//! Synchronous, without I/O and without copying: the caller keeps the bytes, this crate only looks at
//! them. Boundaries depend on the bytes and the [`Profile`] alone, never on how the stream was cut into
//! buffers. Cutting, storing and naming blocks is left to `content`.

mod chunker;
mod gear;
mod hasher;
mod profile;

pub use chunker::Chunker;
pub use hasher::StreamHasher;
pub use profile::Profile;
