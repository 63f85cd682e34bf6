//! `meta-svc`: files, playback, events and the web app, as a process of its own.

use access::{Access, Policy};
use catalog::Catalog;
use clap::Parser;
use content::{Config, Store};
use meta_svc::{Meta, MetaOptions, openapi, router};
use model::Result;
use service::{Health, Limits, Metrics, StoreOptions, Stores, logs, of_setting};
use std::{net::SocketAddr, process::ExitCode};

/// Files, playback, events and the web app of Hashreel
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    stores: StoreOptions,
    /// Where jobs go, so that a retry begins at once: sqlite:///PATH or sqs://NAME, with `-quick` behind it.
    /// Without it a worker finds the job in the records, seconds later
    #[arg(long, env = "HASHREEL_QUEUE", value_name = "URL")]
    queue: Option<String>,
    /// The address to listen on; any but loopback demands API keys
    #[arg(
        long,
        env = "HASHREEL_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8082",
        value_parser = service::listen_address
    )]
    listen: SocketAddr,
    /// Demand API keys on loopback too, as behind a reverse proxy
    #[arg(long, env = "HASHREEL_REQUIRE_KEYS")]
    require_keys: bool,
    #[command(flatten)]
    meta: MetaOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match logs::start("info") {
        Ok(()) => {}
        Err(error) => return refuse(&error),
    }
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a program that cannot start")]
fn refuse(error: &model::Error) -> ExitCode {
    eprintln!("meta-svc: {}", error.chain());
    ExitCode::FAILURE
}

async fn run(options: Options) -> Result<()> {
    let shutdown = service::shutdown_on_signals()?;
    let Stores { objects, records } = options.stores.open().await?;
    let health = Health::of(objects.clone(), records.clone(), Vec::new());
    let metrics = Metrics::new(aws::bill::register);
    let catalog = Catalog::new(records);
    let policy = Policy::of(options.listen, options.require_keys);
    let access = Access::new(catalog.clone(), policy);
    let store = Store::new(catalog, objects, Config::default())?;
    of_setting("objects", store.recognize().await)?;
    let meta = Meta::open(store, access, &options.meta, shutdown.clone()).await?;
    let meta = match &options.queue {
        Some(url) => {
            let quick = queue::open(&queue::quick_url(url)).await;
            meta.announcing(of_setting("queue", quick)?)
        }
        None => meta,
    };
    let routes = router(meta)
        .merge(service::openapi_route(&openapi())?)
        .merge(service::operations(metrics.clone(), health));
    let listener = service::bind(options.listen).await?;
    tracing::info!(address = %options.listen, ?policy, "listening");
    service::serve(listener, service::edge(routes, &metrics), shutdown, Limits::default()).await;
    Ok(())
}
