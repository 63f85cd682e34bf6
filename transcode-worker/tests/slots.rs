//! A slot is a child's: it is free while what the child has made is still being stored. So tasks store at the
//! same time, and what one of them has stored for nothing goes.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod common;

use async_trait::async_trait;
use bytes::Bytes;
use common::{House, Worker, fake::Fake, until};
use futures::stream::BoxStream;
use model::{ByteRange, Error, ErrorKind, Result, Sha256};
use objects::{
    ListPage, ObjectInfo, ObjectName, ObjectStore, Outcome, PresignedPut, Put, Streamed,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;
use transcode_worker::Deps;

/// A store that takes objects only when it is let, and may refuse to delete them at first.
#[derive(Debug)]
struct Slow {
    store: Arc<dyn ObjectStore>,
    gate: Arc<Semaphore>,
    /// Puts that came.
    puts: AtomicUsize,
    /// How many deletions are refused yet.
    refuses: AtomicUsize,
}

impl Slow {
    fn new(house: &House, refuses: usize) -> Arc<Self> {
        let (store, gate) = (house.objects.clone(), Arc::new(Semaphore::new(0)));
        Arc::new(Self { store, gate, puts: AtomicUsize::new(0), refuses: refuses.into() })
    }

    fn deps(self: &Arc<Self>, house: &House, media: &Arc<Fake>) -> Deps {
        let config = content::Config::default();
        let store = content::Store::new(house.catalog.clone(), self.clone(), config).unwrap();
        Deps { store, ..house.deps(media.clone()) }
    }
}

#[async_trait]
impl ObjectStore for Slow {
    async fn put_all(&self, batch: Vec<Put>) -> Result<Vec<Outcome>> {
        self.puts.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        self.store.put_all(batch).await
    }

    async fn put_stream(
        &self,
        name: &ObjectName,
        stream: BoxStream<'_, Result<Bytes>>,
    ) -> Result<Streamed> {
        self.store.put_stream(name, stream).await
    }

    async fn get(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Bytes> {
        self.store.get(name, range).await
    }

    async fn head(&self, name: &ObjectName) -> Result<ObjectInfo> {
        self.store.head(name).await
    }

    async fn delete_all(&self, names: &[ObjectName]) -> Result<()> {
        let refused = self
            .refuses
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match refused {
            Ok(_) => Err(Error::new(ErrorKind::Busy, "deletions have to wait")),
            Err(_) => self.store.delete_all(names).await,
        }
    }

    async fn list(&self, prefix: &str, cursor: Option<String>, limit: usize) -> Result<ListPage> {
        self.store.list(prefix, cursor, limit).await
    }

    async fn presign_get(&self, name: &ObjectName, valid: Duration) -> Result<String> {
        self.store.presign_get(name, valid).await
    }

    async fn presign_put(
        &self,
        name: &ObjectName,
        sha256: Sha256,
        len: u64,
        valid: Duration,
    ) -> Result<PresignedPut> {
        self.store.presign_put(name, sha256, len, valid).await
    }
}

#[tokio::test]
async fn the_next_task_begins_while_the_one_before_is_being_stored() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    let file = house.movie("a movie").await;
    let slow = Slow::new(&house, 0);
    let deps = slow.deps(&house, &media);
    let worker = Worker::start(house.config().with_slots(1), deps);
    until("the next task", async || media.count("audio 1") == 1).await;
    assert_eq!(house.made().await.len(), 0, "the first one's segment is not stored");
    // The next one's child waits: no more than two things are ahead of the store.
    assert_eq!(media.begun(), ["probe", "video 0", "audio 1"]);
    slow.gate.add_permits(1000);
    house.ended(file).await;
    house.drain().await;
    worker.stop().await;
    house.assert_whole(file, &media).await;
}

#[tokio::test]
async fn what_two_tasks_have_stored_of_one_thing_is_there_once_in_the_end() {
    let (house, media) = (House::new().await, Arc::new(Fake::new(30)));
    let file = house.movie("a movie").await;
    let slow = Slow::new(&house, 1);
    let worker = Worker::start(house.config(), slow.deps(&house, &media));
    // Two of them are segments of one rendition, each with its init segment.
    until("three tasks that store", async || slow.puts.load(Ordering::SeqCst) >= 3).await;
    slow.gate.add_permits(1000);
    house.ended(file).await;
    house.drain().await;
    worker.stop().await;
    assert_eq!(slow.refuses.load(Ordering::SeqCst), 0, "there was something to delete");
    house.assert_whole(file, &media).await;
}
