//! `hashreel up`: the three services and the workers in one process, on one port.

use crate::{
    args::{ServerArgs, UpArgs},
    client::Client,
    data_dir::{DataDir, Stores},
    put, say,
};
use access::{Access, Keys, Policy};
use catalog::Catalog;
use content::Store;
use indicatif::MultiProgress;
use meta_svc::Meta;
use model::{Error, ErrorKind, Result};
use service::{Health, Limits, Metrics};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transcode_worker::{Deps, Transcoder};
use upload_svc::Uploads;

/// Time for requests under way, for the last checkpoints, and for the workers to give their tasks back:
/// once for all of them.
const GRACE: Duration = Duration::from_secs(10);
/// Keys that are read at a time.
const KEYS_PAGE: usize = 100;

/// Serves until a signal, and ends well.
///
/// # Errors
/// What keeps it from starting, each with what to do about it; what ended the workers.
pub async fn run(args: &UpArgs) -> Result<()> {
    service::logs::start("warn")?;
    let shutdown = service::shutdown_on_signals()?;
    // Before anything is made or begun: a machine that lacks a codec is none to serve from.
    let media = Arc::new(Transcoder::of_this_program()?);
    for video in &args.videos {
        let looked = put::look_at(video).await;
        looked.map_err(|error| error.context(video.display().to_string()))?;
    }
    let policy = Policy::of(args.listen, args.require_keys);
    // What keeps it from starting is found before a folder is made: a typing mistake leaves nothing.
    if policy == Policy::Keys && !DataDir::is_at(&args.data) {
        return Err(no_key(args));
    }
    let listener = service::bind(args.listen).await?;
    let data = DataDir::open(&args.data)?;
    let _served = data.serve()?;
    let stores = data.stores().await?;
    let store = Store::new(
        Catalog::new(stores.records.clone()),
        stores.objects.clone(),
        args.contents.clone().into(),
    )?;
    store.claim().await?;
    if policy == Policy::Keys {
        demand_a_key(store.catalog(), args).await?;
    }
    let address = listener.local_addr().map_err(|error| {
        Error::with_source(ErrorKind::Internal, "the system does not say where it listens", error)
    })?;

    let access = Access::new(store.catalog().clone(), policy);
    let settings = args.uploads.clone().into();
    let uploads = Uploads::new(
        store.clone(),
        stores.quick.clone(),
        access.clone(),
        settings,
        shutdown.clone(),
    );
    uploads.keep_clearing();
    let meta = Meta::open(store.clone(), access, &args.meta, shutdown.clone()).await?;
    let meta = meta.announcing(stores.quick.clone());
    let metrics = Metrics::new(|_| {});
    let mut description = meta_svc::openapi();
    description.merge(upload_svc::openapi());
    let router = upload_svc::router(uploads.clone())
        .merge(meta_svc::router(meta))
        .merge(service::openapi_route(&description)?)
        .merge(service::operations(metrics.clone(), health(&stores)));

    let workers = tokio::spawn({
        let workers = transcode(args, media, store, &stores, shutdown.clone());
        // Without workers no video would ever be ready: that is no server to go on with.
        let stop = shutdown.clone().drop_guard();
        async move {
            let _stop = stop;
            workers.await
        }
    });
    say::data(&format!("http://{address}"));
    say::talk(&format!(
        "Hashreel serves {} with data in {}; Ctrl-C stops it",
        url_of(address),
        args.data.display()
    ));
    let first = tokio::spawn(upload(args.videos.clone(), address));

    let serve = service::serve(
        listener,
        service::edge(router, &metrics),
        shutdown.clone(),
        Limits { grace: GRACE, ..Limits::default() },
    );
    let end = async {
        shutdown.cancelled().await;
        first.abort();
        tokio::join!(give_back(workers), last_checkpoints(&uploads)).0
    };
    tokio::select! {
        (ended, ()) = async { tokio::join!(end, serve) } => ended,
        at_once = at_once(&shutdown) => at_once,
    }
}

/// Waits for the workers to give their tasks back, so that the next server takes them up at once and
/// not when their leases are over.
///
/// # Errors
/// What ended them before they were told to.
async fn give_back(workers: JoinHandle<Result<()>>) -> Result<()> {
    match tokio::time::timeout(GRACE, workers).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(panic)) => Err(Error::with_source(ErrorKind::Internal, "the workers ended", panic)),
        Err(_) => {
            say::talk(
                "some transcoding tasks were not given back; they go on when their leases are over",
            );
            Ok(())
        }
    }
}

async fn last_checkpoints(uploads: &Uploads) {
    if tokio::time::timeout(GRACE, uploads.finished()).await.is_err() {
        say::talk(
            "some uploads did not reach their last checkpoint; they go on from the one before",
        );
    }
}

/// Waits for a second signal after the one that told the server to stop: nobody who repeats Ctrl-C wants
/// to wait for the grace period.
async fn at_once(shutdown: &CancellationToken) -> Result<()> {
    shutdown.cancelled().await;
    service::signalled().await?;
    Err(Error::new(ErrorKind::Cancelled, "stopped at once; what was acknowledged is kept"))
}

/// The workers' future.
fn transcode(
    args: &UpArgs,
    media: Arc<Transcoder>,
    store: Store,
    stores: &Stores,
    shutdown: CancellationToken,
) -> impl Future<Output = Result<()>> + Send + 'static {
    let config = transcode_worker::Config::default();
    let config = match args.workers {
        Some(slots) => config.with_slots(slots.into()),
        None => config,
    };
    let deps = Deps { store, queue: stores.queue.clone(), quick: stores.quick.clone(), media };
    transcode_worker::run(config, deps, shutdown)
}

fn health(stores: &Stores) -> Health {
    let Stores { objects, records, queue, quick } = stores.clone();
    Health::of(objects, records, vec![queue, quick])
}

/// A server that demands keys and has none that is valid would let nobody in.
async fn demand_a_key(catalog: &Catalog, args: &UpArgs) -> Result<()> {
    let keys = Keys::new(catalog.clone());
    let mut cursor = None;
    loop {
        let (page, next) = keys.list(KEYS_PAGE, cursor.as_deref()).await?;
        if page.iter().any(|key| key.revoked.is_none()) {
            return Ok(());
        }
        cursor = next;
        if cursor.is_none() {
            return Err(no_key(args));
        }
    }
}

fn no_key(args: &UpArgs) -> Error {
    Error::invalid(format!(
        "{} demands API keys and there is no valid one: make one with `{} keys create --data {}`, then \
         start again",
        args.listen,
        say::program(),
        args.data.display()
    ))
}

/// The address to show: of a server that listens everywhere, one that leads to it.
fn url_of(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

/// Uploads the files of the command line to this very server, as any client would.
async fn upload(files: Vec<PathBuf>, address: SocketAddr) {
    if files.is_empty() {
        return;
    }
    let bars = MultiProgress::new();
    for path in files {
        let uploaded = async {
            let server = url_of(address).parse().map_err(|error| {
                Error::with_source(ErrorKind::Internal, "the address makes no URL", error)
            })?;
            let key = std::env::var("HASHREEL_KEY").ok();
            let client = Client::new(&ServerArgs { server, key })?;
            let file = put::put(&client, &path, false, &bars).await?;
            Ok(put::is_watchable(&file).then(|| put::watch_line(&client, file.id)))
        };
        match uploaded.await {
            Ok(Some(watch)) => bars.suspend(|| say::talk(&watch)),
            Ok(None) => {}
            Err(error) => {
                let error: Error = error;
                bars.suspend(|| say::talk(&format!("{}: {}", path.display(), error.chain())));
            }
        }
    }
}
