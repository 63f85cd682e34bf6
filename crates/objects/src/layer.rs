//! What can be laid around any store.

use crate::{ListPage, ObjectInfo, ObjectName, ObjectStore, Outcome, PresignedPut, Put, Streamed};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use model::{ByteRange, ErrorKind, Result, Sha256};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Counts the calls that go to a store and what came of them, for `/metrics` and for tests that assert
/// the work done. Clones count together.
#[derive(Debug, Clone)]
pub struct Counted {
    store: Arc<dyn ObjectStore>,
    counters: Arc<Counters>,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How much a store was asked for, since its layer was made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        struct Counters {
            $($name: AtomicU64,)*
        }

        impl Counters {
            fn read(&self) -> Counts {
                Counts { $($name: self.$name.load(Relaxed),)* }
            }
        }

        impl Counts {
            /// Each count with its name, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counts! {
    /// Calls of `put_all`, each one durability barrier.
    batches,
    /// Calls of `put_stream`.
    streams,
    /// Objects that a put of either kind made.
    created,
    /// Objects that a put of either kind found there.
    existed,
    /// Bytes of the objects that were made.
    bytes_created,
    /// Calls of `get`.
    gets,
    /// Bytes that were read.
    bytes_read,
    /// Calls of `head`.
    heads,
    /// Objects that were to be deleted, absent ones included.
    deletes,
    /// Calls of `list`.
    lists,
    /// Calls of `presign_get` and `presign_put`; what is done with the addresses nobody here sees.
    presigned,
    /// Calls that failed, other than for an object or range that is not there.
    errors,
}

impl Counted {
    /// The layer around `store`, with all counts at zero.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, counters: Arc::default() }
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    fn made(&self, outcome: Outcome, len: u64) {
        match outcome {
            Outcome::Created => {
                self.counters.created.fetch_add(1, Relaxed);
                self.counters.bytes_created.fetch_add(len, Relaxed);
            }
            Outcome::Existed => {
                self.counters.existed.fetch_add(1, Relaxed);
            }
        }
    }

    fn noted<T>(&self, answer: Result<T>) -> Result<T> {
        answer.inspect_err(|error| {
            if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::RangeNotSatisfiable) {
                self.counters.errors.fetch_add(1, Relaxed);
            }
        })
    }
}

#[async_trait]
impl ObjectStore for Counted {
    async fn put_all(&self, batch: Vec<Put>) -> Result<Vec<Outcome>> {
        self.counters.batches.fetch_add(1, Relaxed);
        let lens: Vec<u64> = batch.iter().map(|put| put.bytes.len() as u64).collect();
        let outcomes = self.noted(self.store.put_all(batch).await)?;
        for (outcome, len) in outcomes.iter().zip(lens) {
            self.made(*outcome, len);
        }
        Ok(outcomes)
    }

    async fn put_stream(
        &self,
        name: &ObjectName,
        stream: BoxStream<'_, Result<Bytes>>,
    ) -> Result<Streamed> {
        self.counters.streams.fetch_add(1, Relaxed);
        let streamed = self.noted(self.store.put_stream(name, stream).await)?;
        self.made(streamed.outcome, streamed.len);
        Ok(streamed)
    }

    async fn get(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Bytes> {
        self.counters.gets.fetch_add(1, Relaxed);
        let bytes = self.noted(self.store.get(name, range).await)?;
        self.counters.bytes_read.fetch_add(bytes.len() as u64, Relaxed);
        Ok(bytes)
    }

    async fn head(&self, name: &ObjectName) -> Result<ObjectInfo> {
        self.counters.heads.fetch_add(1, Relaxed);
        self.noted(self.store.head(name).await)
    }

    async fn delete_all(&self, names: &[ObjectName]) -> Result<()> {
        self.counters.deletes.fetch_add(names.len() as u64, Relaxed);
        self.noted(self.store.delete_all(names).await)
    }

    async fn list(&self, prefix: &str, cursor: Option<String>, limit: usize) -> Result<ListPage> {
        self.counters.lists.fetch_add(1, Relaxed);
        self.noted(self.store.list(prefix, cursor, limit).await)
    }

    async fn probe(&self) -> Result<()> {
        self.noted(self.store.probe().await)
    }

    async fn presign_get(&self, name: &ObjectName, valid: Duration) -> Result<String> {
        self.counters.presigned.fetch_add(1, Relaxed);
        self.noted(self.store.presign_get(name, valid).await)
    }

    async fn presign_put(
        &self,
        name: &ObjectName,
        sha256: Sha256,
        len: u64,
        valid: Duration,
    ) -> Result<PresignedPut> {
        self.counters.presigned.fetch_add(1, Relaxed);
        self.noted(self.store.presign_put(name, sha256, len, valid).await)
    }
}
