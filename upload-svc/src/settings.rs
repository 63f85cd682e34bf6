//! What an operator may set of uploads, by flag or by environment.

use crate::cors::{Cors, Origin};
use content::{Config, ScopeRule};
use model::{Error, Result};
use service::{Size, Span};
use std::time::Duration;

/// Options of uploads, for every program that serves them.
#[derive(Debug, Clone, clap::Args)]
pub struct UploadOptions {
    /// Largest upload that is accepted.
    #[arg(long, env = "HASHREEL_MAX_UPLOAD_SIZE", value_name = "SIZE", default_value = "1TiB")]
    pub max_upload_size: Size,

    /// How long an upload that is not complete is kept.
    #[arg(long, env = "HASHREEL_UPLOAD_EXPIRY", value_name = "TIME", default_value = "7d")]
    pub upload_expiry: Span,

    /// How long an upload's connection may stand still before it is cut off; its offset is kept.
    #[arg(long, env = "HASHREEL_UPLOAD_IDLE", value_name = "TIME", default_value = "60s")]
    pub upload_idle: Span,

    /// Origins whose web pages may upload, separated by commas: `https://app.example.com`.
    #[arg(long, env = "HASHREEL_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<Origin>,
}

/// Options of how contents are stored, for every program that takes uploads.
#[derive(Debug, Clone, clap::Args)]
pub struct ContentOptions {
    /// Memory for all uploads together.
    #[arg(
        long,
        env = "HASHREEL_UPLOAD_MEMORY",
        value_name = "SIZE",
        default_value = "128MiB",
        value_parser = upload_memory
    )]
    pub upload_memory: Size,

    /// Store equal blocks of different owners separately.
    #[arg(long, env = "HASHREEL_DEDUP_PER_OWNER")]
    pub dedup_per_owner: bool,
}

fn upload_memory(text: &str) -> Result<Size> {
    let (size, least) = (text.parse::<Size>()?, Size(Config::default().least_budget()));
    if size.0 < least.0 {
        return Err(Error::invalid(format!("uploads need {least} at least")));
    }
    Ok(size)
}

impl From<ContentOptions> for Config {
    fn from(options: ContentOptions) -> Self {
        let scope = if options.dedup_per_owner { ScopeRule::PerOwner } else { ScopeRule::Global };
        Self { scope, budget: options.upload_memory.0, ..Self::default() }
    }
}

/// How uploads are taken in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest upload in bytes.
    pub max_size: u64,
    /// Time from an upload's creation to its end where it is not complete by then.
    pub expiry: Duration,
    /// Longest pause within a body.
    pub idle: Duration,
    /// How long a request waits for the one before it to make its bytes durable.
    pub patience: Duration,
    /// Pause between two looks for uploads whose time is over.
    pub clear_every: Duration,
    /// Origins whose pages may upload.
    pub cors: Cors,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_size: 1 << 40,
            expiry: Duration::from_secs(7 * 24 * 3600),
            idle: Duration::from_secs(60),
            patience: Duration::from_secs(10),
            clear_every: Duration::from_secs(60),
            cors: Cors::default(),
        }
    }
}

impl From<UploadOptions> for Settings {
    fn from(options: UploadOptions) -> Self {
        Self {
            max_size: options.max_upload_size.0,
            expiry: options.upload_expiry.0,
            idle: options.upload_idle.0,
            cors: Cors::new(options.cors_origins),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        contents: ContentOptions,
    }

    #[test]
    fn memory_and_scope_of_contents_are_the_operators() {
        let config = |args: &[&str]| {
            let given = ["program"].iter().chain(args);
            Program::try_parse_from(given).map(|program| Config::from(program.contents))
        };
        let usual = config(&[]).unwrap();
        assert_eq!((usual.budget, usual.scope), (128 << 20, ScopeRule::Global));
        let other = config(&["--upload-memory", "16MiB", "--dedup-per-owner"]).unwrap();
        assert_eq!((other.budget, other.scope), (16 << 20, ScopeRule::PerOwner));
        assert!(config(&["--upload-memory", "15MiB"]).is_err());
    }
}
