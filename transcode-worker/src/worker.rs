//! The worker as a whole: its slots and its relay.

use crate::{Config, Media, relay, slot};
use catalog::{Catalog, jobs::Job, videos::DueJob};
use content::Store;
use model::{Error, Result, Timestamp};
use objects::{MAX_LIST, ObjectName, ObjectStore};
use queue::{JobQueue, MAX_SEND, Outgoing};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// Tasks in hand for each slot: one whose child works, and one whose child is done and whose last segment
/// is being stored meanwhile.
const LOOPS_A_SLOT: usize = 2;

/// Quick jobs at a time. They take no slot: a probe must not wait for hours.
const QUICK_LOOPS: usize = 2;

/// What a worker works with.
#[derive(Clone)]
pub struct Deps {
    /// Files' bytes, and through it the tables and the objects.
    pub store: Store,
    /// The tasks.
    pub queue: Arc<dyn JobQueue>,
    /// The jobs that are quick, see [`catalog::jobs::Job::is_quick`].
    pub quick: Arc<dyn JobQueue>,
    /// Looks at sources and works on them.
    pub media: Arc<dyn Media>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// Works until `stop` is cancelled; then gives back what it works on, and returns. That takes no longer
/// than a few writes.
///
/// # Errors
/// `Internal` where a part of the worker came to an end by a defect.
pub async fn run(config: Config, deps: Deps, stop: CancellationToken) -> Result<()> {
    let slots = Arc::new(Semaphore::new(config.slots));
    let worker = Arc::new(Worker { config, deps, began: Instant::now() });
    let mut parts = JoinSet::new();
    for _ in 0..worker.config.slots * LOOPS_A_SLOT {
        let slots = Some(slots.clone());
        parts.spawn(slot::run(worker.clone(), worker.deps.queue.clone(), slots, stop.clone()));
    }
    for _ in 0..QUICK_LOOPS {
        parts.spawn(slot::run(worker.clone(), worker.deps.quick.clone(), None, stop.clone()));
    }
    parts.spawn(relay::run(worker.clone(), stop));
    while let Some(ended) = parts.join_next().await {
        ended.map_err(|error| Error::internal(format!("a part of the worker ended: {error}")))?;
    }
    Ok(())
}

/// Shared by all slots.
pub(crate) struct Worker {
    pub(crate) config: Config,
    pub(crate) deps: Deps,
    /// What its rounds count from.
    pub(crate) began: Instant,
}

impl Worker {
    pub(crate) fn catalog(&self) -> &Catalog {
        self.deps.store.catalog()
    }

    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        self.deps.store.objects()
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    /// So long from now.
    pub(crate) fn after(&self, time: Duration) -> Timestamp {
        let now = self.now();
        now.checked_add(time).unwrap_or(now)
    }

    /// How long it is until `then`.
    pub(crate) fn until(&self, then: Timestamp) -> Duration {
        Duration::try_from(then.duration_since(self.now())).unwrap_or_default()
    }

    /// The queue that `job` goes to.
    fn queue_of(&self, job: &Job) -> &Arc<dyn JobQueue> {
        if job.is_quick() { &self.deps.quick } else { &self.deps.queue }
    }

    /// Sends jobs that the tables say are due, and takes them out of the log. What cannot be sent now
    /// stays there for the relay.
    pub(crate) async fn send(&self, jobs: &[DueJob]) {
        for some in jobs.chunks(MAX_SEND) {
            if let Err(error) = self.try_send(some).await {
                tracing::warn!(error = error.chain(), "jobs are left to the relay");
            }
        }
    }

    /// Sends at most [`MAX_SEND`] jobs, and takes them out of the log.
    pub(crate) async fn try_send(&self, jobs: &[DueJob]) -> Result<()> {
        let (quick, tasks): (Vec<_>, Vec<_>) = jobs.iter().partition(|due| due.job.is_quick());
        for some in [quick, tasks] {
            let Some(first) = some.first() else { continue };
            let bodies = some.iter().map(|due| due.job.encode().map(Outgoing::now));
            self.queue_of(&first.job).send(bodies.collect::<Result<_>>()?).await?;
        }
        self.catalog().forget_jobs(jobs).await
    }

    /// Deletes objects that nothing names. Those that cannot be deleted now are found again when their
    /// rendition goes.
    pub(crate) async fn discard(&self, names: &[ObjectName]) {
        if let Err(error) = self.objects().delete_all(names).await {
            let count = names.len();
            tracing::warn!(error = error.chain(), count, "objects that nothing names are left");
        }
    }

    /// Deletes all objects whose names begin with `prefix`, but those that `keep` says.
    pub(crate) async fn delete_prefix(
        &self,
        prefix: &str,
        keep: &(dyn Fn(&str) -> bool + Send + Sync),
    ) -> Result<()> {
        let mut cursor = None;
        loop {
            let page = self.objects().list(prefix, cursor, MAX_LIST).await?;
            let names = page.objects.into_iter().map(|object| object.name);
            let names: Vec<_> = names.filter(|name| !keep(name.as_str())).collect();
            self.objects().delete_all(&names).await?;
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
