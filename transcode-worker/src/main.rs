//! `transcode-worker`: the worker as a program of its own.

mod args;

use args::Args;
use catalog::Catalog;
use clap::Parser as _;
use content::Store;
use model::{Error, ErrorKind, Result};
use service::{Health, Stores, of_setting};
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
            #[expect(clippy::print_stderr, reason = "the last word of a program that cannot go on")]
            {
                eprintln!("transcode-worker: {}", error.chain());
            }
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
    let Stores { objects, records } = args.stores.open().await?;
    let (queue, quick) = (args.queue.open().await?, args.queue.open_quick().await?);
    let health = Health::of(objects.clone(), records.clone(), vec![queue.clone(), quick.clone()]);
    let store = Store::new(Catalog::new(records), objects, Default::default())?;
    of_setting("objects", store.claim().await)?;
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
