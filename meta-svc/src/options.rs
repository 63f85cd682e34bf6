//! Options of this service, for its binary and for whoever runs it with others.

use crate::Delivery;
use clap::Args;
use service::Size;

/// What can be set.
#[derive(Debug, Clone, Args)]
pub struct MetaOptions {
    /// Segments and posters kept in memory at most
    #[arg(long, env = "HASHREEL_SEGMENT_CACHE", value_name = "SIZE", default_value = "64MiB")]
    pub segment_cache: Size,
    /// Where players get segments: here, from an edge with this URL that gets them here, or by presigned
    /// addresses from the bucket
    #[arg(
        long,
        env = "HASHREEL_DELIVERY",
        value_name = "here|presigned|URL",
        default_value = "here"
    )]
    pub delivery: Delivery,
}
