//! Options of the program.

use clap::Parser;
use service::{QueueOptions, StoreOptions};
use std::net::SocketAddr;
use transcode_worker::Config;

/// Takes jobs from the queue and makes adaptive streams of videos.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) stores: StoreOptions,
    #[command(flatten)]
    pub(crate) queue: QueueOptions,
    /// Where /livez, /readyz and /metrics are served
    #[arg(
        long,
        env = "HASHREEL_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8083",
        value_parser = service::listen_address
    )]
    pub(crate) listen: SocketAddr,
    /// Tasks at a time; each keeps about a core busy [default: the number of cores]
    #[arg(long, env = "HASHREEL_WORKERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) workers: Option<u16>,
}

impl Args {
    /// `config` as these options say.
    pub(crate) fn config(&self, config: Config) -> Config {
        match self.workers {
            Some(workers) => config.with_slots(workers.into()),
            None => config,
        }
    }
}
