//! A deployment in a folder, with a clock that can be moved, stores that can fail, and media work that
//! is invented.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail as the test does")]

pub mod fake;
pub mod queues;

use catalog::{About, Catalog, Dialect, jobs::Job, videos::Video};
use content::{Append, Ended, NewUpload, Store};
use fake::Fake;
use futures::stream;
use model::{FileId, OwnerId, Timestamp, video::VideoStatus};
use objects::{ObjectStore, fs::FsObjects, layer::Counted};
use queue::{
    JobQueue, Outgoing,
    sqlite::{Settings, SqliteQueue},
};
use records::RecordStore;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use testkit::faults::Faults;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use transcode_worker::{Config, Deps, Media, run};

/// Longer than any of this takes: a test that waits so long has failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Longer than any lease, delay and rest.
pub const LEAP: Duration = Duration::from_secs(90);

pub fn owner() -> OwnerId {
    "alice".parse().unwrap()
}

/// Bytes that look like media and are not.
pub fn movie(name: &str) -> Vec<u8> {
    [&b"\0\0\0\x20ftypisom"[..], name.as_bytes()].concat()
}

/// The system's time, and how far it was moved on.
#[derive(Clone, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    pub fn leap(&self) {
        let millis = i64::try_from(LEAP.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn now(&self) -> Timestamp {
        let moved = u64::try_from(self.0.load(Ordering::Relaxed)).unwrap();
        Timestamp::now() + Duration::from_millis(moved)
    }

    pub fn function(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

/// All that a deployment is, but its processes.
pub struct House {
    pub clock: Clock,
    pub faults: Faults,
    pub counted: Counted,
    /// Without faults.
    pub catalog: Catalog,
    pub objects: Arc<dyn ObjectStore>,
    pub queue: Arc<dyn JobQueue>,
    pub quick: Arc<dyn JobQueue>,
    records: Arc<dyn RecordStore>,
    _dir: tempfile::TempDir,
}

impl House {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/records.db", dir.path().display());
        let records = records::open(&url).await.unwrap();
        let objects: Arc<dyn ObjectStore> =
            Arc::new(FsObjects::open(dir.path().join("objects")).await.unwrap());
        let clock = Clock::default();
        let settings = Settings { clock: clock.function(), ..Settings::default() };
        let queue = SqliteQueue::open(dir.path().join("queue"), settings.clone()).await.unwrap();
        let quick = SqliteQueue::open(dir.path().join("quick"), settings).await.unwrap();
        let faults = Faults::new();
        let counted = Counted::new(objects.clone());
        Self {
            clock,
            catalog: Catalog::new(records.clone()),
            objects: Arc::new(counted.clone()),
            counted,
            queue: Arc::new(queue),
            quick: Arc::new(quick),
            records,
            faults,
            _dir: dir,
        }
    }

    /// The store as uploads see it: nothing fails.
    pub fn store(&self) -> Store {
        let catalog = Catalog::new(self.records.clone());
        Store::new(catalog, self.objects.clone(), content::Config::default()).unwrap()
    }

    /// Short waits, so that a test is quick; long leases, so that a slow machine does not lose them.
    pub fn config(&self) -> Config {
        Config {
            wait: Duration::from_millis(50),
            relay_every: Duration::from_millis(20),
            keep_every: Duration::from_millis(50),
            tell_every: Duration::from_millis(20),
            clock: self.clock.function(),
            ..Config::default().with_slots(2)
        }
    }

    pub fn deps(&self, media: Arc<dyn Media>) -> Deps {
        let catalog = Catalog::new(self.faults.records(self.records.clone()));
        let objects = self.faults.objects(self.objects.clone());
        let store = Store::new(catalog, objects, content::Config::default()).unwrap();
        Deps { store, queue: self.queue.clone(), quick: self.quick.clone(), media }
    }

    pub fn start(&self, media: &Arc<Fake>) -> Worker {
        Worker::start(self.config(), self.deps(media.clone()))
    }

    /// Uploads something that looks like media.
    pub async fn movie(&self, name: &str) -> FileId {
        self.upload(&movie(name)).await
    }

    /// Uploads `bytes` as a file. What makes its job is the log alone, as after a crash.
    pub async fn upload(&self, bytes: &[u8]) -> FileId {
        let store = self.store();
        let new = NewUpload {
            owner: owner(),
            dialect: Dialect::Tus,
            expires: Timestamp::now() + Duration::from_secs(3600),
            length: Some(bytes.len() as u64),
            about: About {
                name: "clip.mp4".into(),
                media_type: "video/mp4".into(),
                relative_path: None,
            },
            metadata: None,
        };
        let id = store.create(new).await.unwrap().id;
        let append = Append { owner: owner(), id, at: 0, limit: u64::MAX, closes: false };
        let body = stream::iter([Ok::<_, std::io::Error>(bytes.to_vec().into())]);
        let appended = store.append(append, body, CancellationToken::new()).await.unwrap();
        match appended.ended {
            Ended::Complete(file) => file.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn send(&self, job: &Job) {
        let queue = if job.is_quick() { &self.quick } else { &self.queue };
        queue.send(vec![Outgoing::now(job.encode().unwrap())]).await.unwrap();
    }

    pub async fn delete(&self, file: FileId) {
        self.store().delete_file(&owner(), file).await.unwrap();
    }

    /// The video of `file`, once it has one.
    pub async fn video(&self, file: FileId) -> Option<Video> {
        let file = self.catalog.any_file(file).await.unwrap()?.value;
        match file.current.video {
            Some(catalog::VideoLink::Video(key)) => self.catalog.video(&key).await.unwrap(),
            _ => None,
        }
    }

    pub async fn status(&self, file: FileId) -> Option<VideoStatus> {
        self.video(file).await.map(|video| video.status)
    }

    /// Waits until `file`'s video has ended, one way or the other.
    pub async fn ended(&self, file: FileId) -> Video {
        let mut video = None;
        until("the video to end", async || {
            video = self.video(file).await;
            video.as_ref().is_some_and(|video| video.status.is_terminal())
        })
        .await;
        video.unwrap()
    }

    /// Runs what is queued, until nothing is left anywhere: no job, no entry in the log. Time leaps to
    /// what waits for it.
    pub async fn drain(&self) {
        self.leap_until("all jobs to be done", async || self.left().await.iter().sum::<u64>() == 0)
            .await;
        assert_eq!(self.dead().await, []);
    }

    /// Waits until `done`. Time leaps where nothing moves any more. That is counted in looks: on a machine
    /// that is busy they take longer, as the work does that they look at.
    pub async fn leap_until(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        const STILL: u32 = 60;
        let (mut before, mut looks) = (None, 0);
        until(what, async || {
            if done().await {
                return true;
            }
            let now = self.left().await;
            if before == Some(now) {
                looks += 1;
            } else {
                (before, looks) = (Some(now), 0);
            }
            if looks == STILL {
                self.clock.leap();
                (before, looks) = (None, 0);
            }
            false
        })
        .await;
    }

    /// How many jobs are waiting, delayed and in flight in each queue, and how many in the log.
    pub async fn left(&self) -> [u64; 7] {
        let mut left = [0; 7];
        for (place, queue) in [&self.queue, &self.quick].into_iter().enumerate() {
            let depth = queue.depth().await.unwrap();
            let counts = [depth.waiting, depth.delayed, depth.in_flight];
            left[3 * place..3 * place + 3].copy_from_slice(&counts);
        }
        let log = self.catalog.left_jobs(None, self.clock.now(), 100).await.unwrap();
        left[6] = log.len() as u64;
        left
    }

    pub async fn dead(&self) -> Vec<(String, Option<String>)> {
        let mut dead = Vec::new();
        for queue in [&self.queue, &self.quick] {
            let page = queue.dead_letters(None, 100).await.unwrap();
            dead.extend(page.letters.into_iter().map(|letter| (letter.body, letter.reason)));
        }
        dead
    }

    /// Names of the objects of renditions.
    pub async fn made(&self) -> BTreeSet<String> {
        let (mut names, mut cursor) = (BTreeSet::new(), None);
        loop {
            let page = self.objects.list("renditions/", cursor, 1000).await.unwrap();
            names.extend(page.objects.into_iter().map(|object| object.name.to_string()));
            cursor = page.cursor;
            if cursor.is_none() {
                return names;
            }
        }
    }

    /// What `file`'s video shows: the bytes of every segment and init segment of every rendition, by
    /// the rendition's name and a place; and the names of the objects that hold them.
    pub async fn shown(
        &self,
        file: FileId,
    ) -> (BTreeMap<(String, String), Vec<u8>>, BTreeSet<String>) {
        let video = self.video(file).await.unwrap();
        let (mut shown, mut names) = (BTreeMap::new(), BTreeSet::new());
        names.extend(video.poster.map(|poster| poster.object));
        for &id in &video.renditions {
            let rendition = self.catalog.rendition(id).await.unwrap().unwrap();
            let mut objects = vec![("init".to_owned(), rendition.init.unwrap().object)];
            for segment in self.catalog.segments(id, 0, 1000).await.unwrap() {
                objects.extend(segment.object.map(|object| (segment.k.to_string(), object)));
            }
            for (place, object) in objects {
                let bytes = self.objects.get(&object.parse().unwrap(), None).await.unwrap();
                shown.insert((rendition.name.clone(), place), bytes.to_vec());
                names.insert(object);
            }
        }
        (shown, names)
    }

    /// The file's video is ready, it shows what an undisturbed one does, and there is no object that it
    /// does not name.
    pub async fn assert_whole(&self, file: FileId, media: &Fake) {
        let video = self.video(file).await.unwrap();
        assert_eq!(video.status, VideoStatus::Ready, "{:?}", video.reason);
        let (shown, named) = self.shown(file).await;
        assert_eq!(shown, media.expected());
        assert!(video.poster.is_some());
        assert_eq!(self.made().await, named);
    }
}

/// A worker that runs.
pub struct Worker {
    stop: CancellationToken,
    running: JoinHandle<model::Result<()>>,
}

impl Worker {
    pub fn start(config: Config, deps: Deps) -> Self {
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(config, deps, stop.clone()));
        Self { stop, running }
    }

    /// Stops it as SIGTERM does.
    pub async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(DEADLINE, self.running).await;
        ended.expect("a stopped worker ends").unwrap().unwrap();
    }

    /// Stops it as `kill -9` does: at once, wherever it is.
    pub async fn kill(self) {
        self.running.abort();
        assert!(self.running.await.is_err_and(|error| error.is_cancelled()));
    }
}

/// Looks again and again until `done`.
pub async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
