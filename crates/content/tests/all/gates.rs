//! Stores that can be held up at one place, by name.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use model::{ByteRange, Error, ErrorKind, Result, Sha256};
use objects::{
    ListPage, ObjectInfo, ObjectName, ObjectStore, Outcome, PresignedPut, Put, Streamed,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// A store that can refuse to delete, can let puts wait, and can take them where an object is.
#[derive(Debug)]
pub struct Keeps {
    store: Arc<dyn ObjectStore>,
    refuses: AtomicBool,
    refused: Notify,
    puts_wait: watch::Sender<bool>,
    overwrites: AtomicBool,
}

impl Keeps {
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        let puts_wait = watch::Sender::new(false);
        let (refuses, overwrites) = Default::default();
        Self { store, refuses, refused: Notify::new(), puts_wait, overwrites }
    }

    pub fn refuse_deletions(&self, refuse: bool) {
        self.refuses.store(refuse, Ordering::SeqCst);
    }

    /// Waits until a deletion was refused.
    pub async fn refused(&self) {
        self.refused.notified().await;
    }

    pub fn let_puts_wait(&self, wait: bool) {
        self.puts_wait.send_replace(wait);
    }

    /// From now on, as a server does that does not heed `If-None-Match`.
    pub fn overwrite(&self) {
        self.overwrites.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl ObjectStore for Keeps {
    async fn put_all(&self, batch: Vec<Put>) -> Result<Vec<Outcome>> {
        let mut puts_wait = self.puts_wait.subscribe();
        // The sender lives as long as the store.
        let _ = puts_wait.wait_for(|wait| !wait).await;
        if self.overwrites.load(Ordering::SeqCst) {
            let names: Vec<_> = batch.iter().map(|put| put.name.clone()).collect();
            self.store.delete_all(&names).await?;
        }
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
        if self.refuses.load(Ordering::SeqCst) {
            self.refused.notify_one();
            return Err(Error::new(ErrorKind::Unavailable, "nothing is deleted now"));
        }
        self.store.delete_all(names).await
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
