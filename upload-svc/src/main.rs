//! The program `upload-svc`: one of several processes over the same back ends. Here they are only wired.

use access::{Access, Policy};
use catalog::Catalog;
use clap::Parser;
use content::Store;
use model::{Error, Result};
use service::{Health, Limits, Metrics, QueueOptions, Span, StoreOptions, Stores, of_setting};
use std::{net::SocketAddr, process::ExitCode};
use upload_svc::{ContentOptions, Settings, UploadOptions, Uploads};

/// Takes uploads in over HTTP: tus 1.0, or a whole file in one POST to /uploads.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Address to serve at; any but loopback demands API keys.
    #[arg(
        long,
        env = "HASHREEL_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8081",
        value_parser = service::listen_address
    )]
    listen: SocketAddr,

    /// Demand API keys on loopback too.
    #[arg(long, env = "HASHREEL_REQUIRE_KEYS")]
    require_keys: bool,

    #[command(flatten)]
    stores: StoreOptions,

    #[command(flatten)]
    queue: QueueOptions,

    #[command(flatten)]
    contents: ContentOptions,

    /// Time for what is under way once the service is told to stop.
    #[arg(long, env = "HASHREEL_GRACE", value_name = "TIME", default_value = "10s")]
    grace: Span,

    #[command(flatten)]
    uploads: UploadOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a program that cannot go on")]
            {
                eprintln!("upload-svc: {}", error.chain());
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<()> {
    service::logs::start("info")?;
    let shutdown = service::shutdown_on_signals()?;
    let listener = service::bind(options.listen).await?;

    let Stores { objects, records } = options.stores.open().await?;
    // A probe is a quick job.
    let queue = options.queue.open_quick().await?;
    let health = Health::of(objects.clone(), records.clone(), vec![queue.clone()]);
    let catalog = Catalog::new(records);
    let store = Store::new(catalog.clone(), objects, options.contents.into())?;
    of_setting("objects", store.claim().await)?;
    let access = Access::new(catalog, Policy::of(options.listen, options.require_keys));
    let uploads =
        Uploads::new(store, queue, access, Settings::from(options.uploads), shutdown.clone());

    uploads.keep_clearing();

    let metrics = Metrics::new(aws::bill::register);
    let router = upload_svc::router(uploads.clone())
        .merge(service::openapi_route(&upload_svc::openapi())?)
        .merge(service::operations(metrics.clone(), health));
    let grace = options.grace.0;
    tracing::info!(listen = %options.listen, "upload-svc serves");
    let limits = Limits { grace, ..Limits::default() };
    service::serve(listener, service::edge(router, &metrics), shutdown, limits).await;
    tokio::time::timeout(grace, uploads.finished()).await.map_err(|_| {
        Error::internal("uploads did not reach their last checkpoint within the grace period")
    })
}
