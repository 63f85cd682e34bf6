//! Options of the program.

use clap::Parser;
use objects::ObjectStore;
use queue::JobQueue;
use records::{Consistency, Key, RecordStore};
use service::Health;
use std::{net::SocketAddr, sync::Arc};
use transcode_worker::Config;

/// Takes jobs from the queue and makes adaptive streams of videos.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where the tables are: sqlite:///PATH or dynamodb://TABLE
    #[arg(long, env = "HASHREEL_RECORDS", value_name = "URL")]
    pub(crate) records: String,
    /// Where the objects are: file:///PATH or s3://BUCKET/PREFIX
    #[arg(long, env = "HASHREEL_OBJECTS", value_name = "URL")]
    pub(crate) objects: String,
    /// Where the jobs are: sqlite:///PATH or sqs://NAME; quick ones beside it, with `-quick` after the name
    #[arg(long, env = "HASHREEL_QUEUE", value_name = "URL")]
    pub(crate) queue: String,
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

/// Ready means that each back end answers.
pub(crate) fn health(
    records: &Arc<dyn RecordStore>,
    objects: &Arc<dyn ObjectStore>,
    [queue, quick]: [&Arc<dyn JobQueue>; 2],
) -> Health {
    let (records, objects) = (records.clone(), objects.clone());
    let (queue, quick) = (queue.clone(), quick.clone());
    Health::default()
        .check("records", move || {
            let records = records.clone();
            async move { records.get(&Key::new("ready", "ready"), Consistency::Strong).await.map(drop) }
        })
        .check("objects", move || {
            let objects = objects.clone();
            async move { objects.probe().await }
        })
        .check("queue", move || {
            let (queue, quick) = (queue.clone(), quick.clone());
            async move {
                queue.depth().await?;
                quick.depth().await.map(drop)
            }
        })
}
