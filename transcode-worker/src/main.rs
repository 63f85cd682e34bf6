//! `transcode-worker`: the worker as a program of its own.

mod args;

use args::Args;
use catalog::Catalog;
use clap::Parser as _;
use content::Store;
use model::{Error, ErrorKind, Result};
use std::{process::ExitCode, sync::Arc};
use transcode_worker::{Config, Deps, Transcoder};

fn main() -> ExitCode {
    if let Some(code) = transcode_worker::child() {
        return code;
    }
    let args = Args::parse();
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = error.chain(), "the worker ends");
            ExitCode::FAILURE
        }
    }
}

fn start(args: Args) -> Result<()> {
    service::logs::start("info")?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Error::with_source(ErrorKind::Internal, "the system gives no threads", error)
    })?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<()> {
    let stop = service::shutdown_on_signals()?;
    let records = records::open(&args.records).await?;
    let objects = objects::open(&args.objects).await?;
    let queue = queue::open(&args.queue).await?;
    let quick = queue::open(&queue::quick_url(&args.queue)).await?;
    let store = Store::new(Catalog::new(records.clone()), objects.clone(), Default::default())?;
    let health = args::health(&records, &objects, [&queue, &quick]);
    let media = Arc::new(Transcoder::of_this_program()?);
    let deps = Deps { store, queue, quick, media };
    let config = args.config(Config::default());

    let metrics = service::Metrics::new(aws::bill::register);
    let operations = service::edge(service::operations(metrics.clone(), health), &metrics);
    let listener = service::bind(args.listen).await?;
    let server = service::serve(listener, operations, stop.clone(), service::Limits::default());
    let (worked, ()) = tokio::join!(transcode_worker::run(config, deps, stop), server);
    worked
}
