//! Options of this service, for its binary and for whoever runs it with others.

use crate::Delivery;
use clap::{Args, Command, builder::TypedValueParser, error::ErrorKind};
use service::Size;
use std::ffi::OsStr;

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
        default_value = "here",
        value_parser = ParseDelivery
    )]
    pub delivery: Delivery,
}

/// Clap's own words for a value that it cannot take repeat it, and so what stands before an `@` in it.
#[derive(Debug, Clone, Copy)]
struct ParseDelivery;

impl TypedValueParser for ParseDelivery {
    type Value = Delivery;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Delivery, clap::Error> {
        value.to_string_lossy().parse().map_err(|error| {
            let message = format!("--delivery (HASHREEL_DELIVERY) cannot be used: {error}\n");
            command.clone().error(ErrorKind::ValueValidation, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches as _;

    fn delivery(value: &str) -> Result<Delivery, clap::Error> {
        let command = MetaOptions::augment_args(Command::new("meta-svc"));
        let matches = command.try_get_matches_from(["meta-svc", "--delivery", value])?;
        MetaOptions::from_arg_matches(&matches).map(|options| options.delivery)
    }

    #[test]
    fn a_password_in_the_address_of_an_edge_is_not_repeated() {
        assert_eq!(delivery("presigned").unwrap(), Delivery::Presigned);
        let told = delivery("https://me:secret@cdn.example/").unwrap_err().to_string();
        assert!(told.contains("HASHREEL_DELIVERY") && told.contains("...@cdn.example"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}
