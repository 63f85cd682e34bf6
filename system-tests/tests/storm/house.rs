//! A deployment in a folder and in this process: back ends that nothing befalls, and services and workers
//! that see them through a storm.

use access::{Access, Policy};
use catalog::Catalog;
use content::Store;
use media::{
    Host, Limits,
    ladder::{Profile, ProfileRung},
};
use model::Timestamp;
use objects::{ObjectStore, fs::FsObjects};
use queue::{
    JobQueue,
    sqlite::{Clock, Settings, SqliteQueue},
};
use records::RecordStore;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use system_tests::program::hashreel;
use testkit::storm::Storm;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transcode_worker::{Config, Deps, Transcoder};
use upload_svc::Uploads;

/// How much faster than the machine's the clock of queues and leases goes: a lease of a dead worker's, and
/// the rest after an outage, of 25 s and less, are over in little more than a second.
const HURRY: u32 = 20;

/// Longer than any stop takes.
const STOP: Duration = Duration::from_secs(60);

/// All that a deployment is, but its processes.
pub struct House {
    pub storm: Storm,
    pub objects: Arc<dyn ObjectStore>,
    pub records: Arc<dyn RecordStore>,
    pub queue: Arc<dyn JobQueue>,
    pub quick: Arc<dyn JobQueue>,
    clock: Clock,
    _dir: tempfile::TempDir,
}

impl House {
    pub async fn new(storm: Storm) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let records = format!("sqlite://{}/records.db", dir.path().display());
        let (began, now) = (Instant::now(), Timestamp::now());
        let clock: Clock = Arc::new(move || now + began.elapsed() * HURRY);
        let settings = Settings { clock: clock.clone(), ..Settings::default() };
        let queue = SqliteQueue::open(dir.path().join("queue"), settings.clone()).await.unwrap();
        let quick = SqliteQueue::open(dir.path().join("quick"), settings).await.unwrap();
        Self {
            storm,
            objects: Arc::new(FsObjects::open(dir.path().join("objects")).await.unwrap()),
            records: records::open(&records).await.unwrap(),
            queue: Arc::new(queue),
            quick: Arc::new(quick),
            clock,
            _dir: dir,
        }
    }

    /// The tables in good weather.
    pub fn catalog(&self) -> Catalog {
        Catalog::new(self.records.clone())
    }

    /// The contents in good weather.
    pub fn store(&self) -> Store {
        Store::new(self.catalog(), self.objects.clone(), config()).unwrap()
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The contents as a process in the storm has them.
    fn stormy_store(&self) -> Store {
        let catalog = Catalog::new(self.storm.records(self.records.clone()));
        Store::new(catalog, self.storm.objects(self.objects.clone()), config()).unwrap()
    }

    /// An upload-svc at an address of its own.
    pub async fn server(&self) -> Server {
        let listener = service::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (store, shutdown) = (self.stormy_store(), CancellationToken::new());
        let access = Access::new(store.catalog().clone(), Policy::Open);
        let settings = upload_svc::Settings {
            clear_every: Duration::from_secs(1),
            ..upload_svc::Settings::default()
        };
        let quick = self.storm.queue(self.quick.clone());
        let uploads = Uploads::new(store, quick, access, settings, shutdown.clone());
        uploads.keep_clearing();
        let metrics = service::Metrics::new(|_| ());
        let router = service::edge(upload_svc::router(uploads.clone()), &metrics);
        let limits = service::Limits::default();
        let serving = tokio::spawn(service::serve(listener, router, shutdown.clone(), limits));
        Server { url, uploads, shutdown, serving }
    }

    /// A worker of two slots. Short waits, so that a seed takes seconds.
    pub fn worker(&self) -> Worker {
        let config = Config {
            wait: Duration::from_millis(200),
            relay_every: Duration::from_millis(100),
            keep_every: Duration::from_millis(100),
            tell_every: Duration::from_millis(50),
            clock: self.clock.clone(),
            ..Config::default().with_slots(2)
        };
        let deps = Deps {
            store: self.stormy_store(),
            queue: self.storm.queue(self.queue.clone()),
            quick: self.storm.queue(self.quick.clone()),
            media: Arc::new(Transcoder::new(Host::new(hashreel(), Limits::default()), profile())),
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(transcode_worker::run(config, deps, stop.clone()));
        Worker { stop, running }
    }
}

/// Blocks of 4 to 64 KiB: many of them in little data.
fn config() -> content::Config {
    let profile = chunking::Profile::new(4 << 10, 16 << 10, 64 << 10).unwrap();
    content::Config { profile, budget: 8 << 20, ..content::Config::default() }
}

/// Two small rungs in segments of a second.
fn profile() -> Profile {
    let rung = |name: &str, long, short, cap| ProfileRung { name: name.into(), long, short, cap };
    let mut profile = Profile {
        rungs: vec![rung("90p", 160, 90, 200_000), rung("46p", 80, 46, 100_000)],
        segment_seconds: 1,
        ..Profile::default()
    };
    profile.video.keyframe_seconds = 1;
    profile
}

/// An upload-svc that serves.
pub struct Server {
    pub url: String,
    uploads: Uploads,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    /// Stops it as SIGTERM does.
    pub async fn stop(self) {
        self.shutdown.cancel();
        let stopped = async {
            self.serving.await.unwrap();
            self.uploads.finished().await;
        };
        tokio::time::timeout(STOP, stopped).await.expect("a stopped server ends");
    }
}

/// A worker that runs.
pub struct Worker {
    stop: CancellationToken,
    running: JoinHandle<model::Result<()>>,
}

impl Worker {
    /// Stops it as SIGTERM does.
    pub async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(STOP, self.running).await;
        ended.expect("a stopped worker ends").unwrap().unwrap();
    }

    /// Stops it as `kill -9` does: at once, wherever it is, and its children with it. What was under way
    /// below the ports still lands, as what the system was asked for does.
    pub async fn kill(self) {
        self.running.abort();
        assert!(self.running.await.is_err_and(|error| error.is_cancelled()));
    }
}
