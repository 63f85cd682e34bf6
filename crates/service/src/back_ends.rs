//! The back ends of a program: the options that name them, how they are opened, and how it is seen that
//! they answer.

use crate::{Health, of_setting};
use clap::Args;
use model::Result;
use objects::ObjectStore;
use queue::JobQueue;
use records::{Consistency, Key, RecordStore};
use std::sync::Arc;

/// Options of every program.
#[derive(Debug, Clone, Args)]
pub struct StoreOptions {
    /// Where objects are kept: file:///var/lib/hashreel/objects or s3://BUCKET/PREFIX
    #[arg(long, env = "HASHREEL_OBJECTS", value_name = "URL")]
    objects: String,
    /// Where records are kept: sqlite:///var/lib/hashreel/records.db or dynamodb://TABLE
    #[arg(long, env = "HASHREEL_RECORDS", value_name = "URL")]
    records: String,
}

/// Options of programs that send jobs or do them.
#[derive(Debug, Clone, Args)]
pub struct QueueOptions {
    /// Where jobs are queued: sqlite:///var/lib/hashreel/queue.db or sqs://NAME; quick ones beside it,
    /// with `-quick` after the name
    #[arg(long, env = "HASHREEL_QUEUE", value_name = "URL")]
    queue: String,
}

/// The stores that [`StoreOptions`] name.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Blocks, tails, renditions.
    pub objects: Arc<dyn ObjectStore>,
    /// The tables.
    pub records: Arc<dyn RecordStore>,
}

impl StoreOptions {
    /// Opens them by a real call each.
    ///
    /// # Errors
    /// What each says, with the name of the setting.
    pub async fn open(&self) -> Result<Stores> {
        let records = of_setting("records", records::open(&self.records).await)?;
        let objects = of_setting("objects", objects::open(&self.objects).await)?;
        Ok(Stores { objects, records })
    }
}

impl QueueOptions {
    /// Opens the queue of long jobs by a real call.
    ///
    /// # Errors
    /// What it says, with the name of the setting.
    pub async fn open(&self) -> Result<Arc<dyn JobQueue>> {
        of_setting("queue", queue::open(&self.queue).await)
    }

    /// Opens the queue of quick jobs.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_quick(&self) -> Result<Arc<dyn JobQueue>> {
        of_setting("queue", queue::open(&queue::quick_url(&self.queue)).await)
    }
}

impl Health {
    /// Both stores answer, and so does each of `queues`.
    pub fn of(
        objects: Arc<dyn ObjectStore>,
        records: Arc<dyn RecordStore>,
        queues: Vec<Arc<dyn JobQueue>>,
    ) -> Self {
        let health = Self::default()
            .check("objects", move || {
                let objects = objects.clone();
                async move { objects.probe().await }
            })
            .check("records", move || {
                let records = records.clone();
                // Nobody writes there.
                let key = Key::new("ready", "ready");
                async move { records.get(&key, Consistency::Eventual).await.map(drop) }
            });
        if queues.is_empty() {
            return health;
        }
        health.check("queue", move || {
            let queues = queues.clone();
            async move {
                for queue in queues {
                    queue.depth().await?;
                }
                Ok(())
            }
        })
    }
}
