//! What `content` promises, tried over real back ends in a temporary directory.

mod append;
mod crash;
mod damage;
mod dedupe;
mod memory;
mod oracle;
mod read;
mod support;
