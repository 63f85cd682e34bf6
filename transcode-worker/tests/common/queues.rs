//! Queues that behave badly.

use async_trait::async_trait;
use model::{Error, ErrorKind, Result};
use queue::{DeadId, DeadPage, Delivery, Depth, JobQueue, Outgoing, Receipt};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What an extension of a message meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    Well,
    /// No answer, ever.
    Silence,
    /// Another worker, who has the message by now.
    Lost,
    /// An answer that takes its time.
    Late,
}

/// How long a late answer takes.
const LATE: Duration = Duration::from_millis(100);

/// A queue that changes what goes to another one.
#[derive(Debug)]
pub struct Bad {
    pub queue: Arc<dyn JobQueue>,
    /// How many copies of each job are sent.
    pub copies: usize,
    /// From this call on all fail, as for a process that was killed; zero for never.
    pub dies_at: u64,
    /// Whether the call that dies took effect.
    pub took_effect: bool,
    /// What an extension meets.
    pub extension: Extension,
    /// Shared by the queues of one process.
    pub calls: Arc<AtomicU64>,
    /// What is being extended late.
    pub being_kept: Mutex<Vec<Receipt>>,
    /// How many messages were given back while they were being extended: SQS may heed that one last.
    pub crossed: AtomicU64,
}

impl Bad {
    pub fn new(queue: &Arc<dyn JobQueue>) -> Self {
        let queue = queue.clone();
        Self {
            queue,
            copies: 1,
            dies_at: 0,
            took_effect: false,
            extension: Extension::Well,
            calls: Arc::default(),
            being_kept: Mutex::default(),
            crossed: AtomicU64::new(0),
        }
    }

    /// The same for another queue of the same process, which dies with this one.
    pub fn beside(&self, queue: &Arc<dyn JobQueue>) -> Self {
        let Self { copies, dies_at, took_effect, extension, .. } = *self;
        let calls = self.calls.clone();
        Self { copies, dies_at, took_effect, extension, calls, ..Self::new(queue) }
    }

    /// Whether it has died.
    pub fn is_dead(&self) -> bool {
        self.dies_at != 0 && self.calls.load(Ordering::Relaxed) >= self.dies_at
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if self.dies_at == 0 || number < self.dies_at {
            return call.await;
        }
        if number == self.dies_at && self.took_effect {
            call.await?;
        }
        Err(Error::new(ErrorKind::Unavailable, "the process is dead"))
    }
}

#[async_trait]
impl JobQueue for Bad {
    async fn send(&self, jobs: Vec<Outgoing>) -> Result<()> {
        self.call(async {
            for _ in 0..self.copies {
                self.queue.send(jobs.clone()).await?;
            }
            Ok(())
        })
        .await
    }

    async fn receive(
        &self,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>> {
        // Waiting is not counted: how often that happens is a matter of time.
        let delivered = self.queue.receive(max, visibility, wait).await?;
        if delivered.is_empty() && !self.is_dead() {
            return Ok(delivered);
        }
        self.call(async { Ok(delivered) }).await
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<()> {
        if self.is_dead() {
            return Err(Error::new(ErrorKind::Unavailable, "the process is dead"));
        }
        match self.extension {
            // Giving a message back is another matter.
            _ if visibility.is_zero() => {
                let crosses = self.being_kept.lock().unwrap().contains(receipt);
                self.crossed.fetch_add(u64::from(crosses), Ordering::Relaxed);
            }
            Extension::Well => {}
            Extension::Silence => {
                self.calls.fetch_add(1, Ordering::Relaxed);
                return std::future::pending().await;
            }
            Extension::Lost => {
                self.calls.fetch_add(1, Ordering::Relaxed);
                return Err(Error::conflict("somebody else has it"));
            }
            Extension::Late => {
                self.being_kept.lock().unwrap().push(receipt.clone());
                self.calls.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(LATE).await;
                self.being_kept.lock().unwrap().retain(|other| other != receipt);
            }
        }
        self.queue.extend(receipt, visibility).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<()> {
        self.call(self.queue.delete(receipt)).await
    }

    async fn bury(&self, receipt: &Receipt, reason: &str) -> Result<()> {
        self.call(self.queue.bury(receipt, reason)).await
    }

    async fn dead_letters(&self, cursor: Option<String>, limit: usize) -> Result<DeadPage> {
        self.queue.dead_letters(cursor, limit).await
    }

    async fn redrive(&self, ids: &[DeadId]) -> Result<Vec<DeadId>> {
        self.queue.redrive(ids).await
    }

    async fn discard(&self, ids: &[DeadId]) -> Result<Vec<DeadId>> {
        self.queue.discard(ids).await
    }

    async fn depth(&self) -> Result<Depth> {
        self.queue.depth().await
    }
}
