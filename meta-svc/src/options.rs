//! Options of this service, for its binary and for whoever runs it with others.

use clap::Args;
use service::Size;

/// What can be set.
#[derive(Debug, Clone, Args)]
pub struct MetaOptions {
    /// Segments and posters kept in memory at most
    #[arg(long, env = "HASHREEL_SEGMENT_CACHE", value_name = "SIZE", default_value = "64MiB")]
    pub segment_cache: Size,
}
