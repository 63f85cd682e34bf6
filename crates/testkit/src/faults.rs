//! Fault layers for the ports: a call that fails before or after it took effect, in its middle, once or
//! from then on, as a process that dies, a disk that fills up and a network that loses answers do.
//!
//! One [`Faults`] counts the calls to all stores that it wraps, so that "fail at call N, for every N"
//! walks through every moment of an operation.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use model::{ByteRange, Error, ErrorKind, Result, Sha256};
use objects::{
    ListPage, ObjectInfo, ObjectName, ObjectStore, Outcome, PresignedPut, Put, Streamed,
};
use records::{Consistency, Key, Page, Query, Record, RecordStore, Shard, Version, Write};
use std::{
    cmp::Ordering,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What becomes of the call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it failed before it began.
    None,
    /// Of a batch of objects the first half is stored; anything else fails before it began.
    Half,
    /// All of it: only the answer is lost.
    Full,
}

/// Which calls fail, and how.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Number of the first that fails, counted from the arming, from 1.
    pub call: u64,
    /// What becomes of it. Those after it have none.
    pub effect: Effect,
    /// Whether all calls after it fail, too, as for a process that was killed.
    pub lasting: bool,
    /// What they fail with.
    pub kind: ErrorKind,
}

#[derive(Debug, Default)]
struct State {
    calls: u64,
    faults: Vec<Fault>,
}

/// The plan that wrapped stores follow. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// Nothing fails until [`arm`](Self::arm).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts from here, and fails as `fault` says.
    pub fn arm(&self, fault: Fault) {
        self.arm_all(&[fault]);
    }

    /// Counts from here, and fails as `faults` say; of those that meet, as the first.
    pub fn arm_all(&self, faults: &[Fault]) {
        *self.state() = State { calls: 0, faults: faults.to_vec() };
    }

    /// Counts from here; nothing fails.
    pub fn disarm(&self) {
        *self.state() = State::default();
    }

    /// Calls since the last arming or disarming.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// `store` with this plan around it.
    #[must_use]
    pub fn objects(&self, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Faulty { store, faults: self.clone() })
    }

    /// `store` with this plan around it.
    #[must_use]
    pub fn records(&self, store: Arc<dyn RecordStore>) -> Arc<dyn RecordStore> {
        Arc::new(Faulty { store, faults: self.clone() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A counter and a plan are whole whatever a panicking test did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call; how it fails, if it does.
    fn next(&self) -> Option<(Effect, Error)> {
        let mut state = self.state();
        state.calls += 1;
        let calls = state.calls;
        let (effect, kind) =
            state.faults.iter().find_map(|fault| match calls.cmp(&fault.call) {
                Ordering::Equal => Some((fault.effect, fault.kind)),
                Ordering::Greater if fault.lasting => Some((Effect::None, fault.kind)),
                Ordering::Less | Ordering::Greater => None,
            })?;
        Some((effect, Error::new(kind, format!("call {calls} fails, as planned"))))
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        match self.next() {
            None => call.await,
            Some((Effect::None | Effect::Half, error)) => Err(error),
            Some((Effect::Full, error)) => {
                call.await?;
                Err(error)
            }
        }
    }
}

#[derive(Debug)]
struct Faulty<S: ?Sized> {
    faults: Faults,
    store: Arc<S>,
}

#[async_trait]
impl ObjectStore for Faulty<dyn ObjectStore> {
    async fn put_all(&self, mut batch: Vec<Put>) -> Result<Vec<Outcome>> {
        match self.faults.next() {
            None => self.store.put_all(batch).await,
            Some((Effect::None, error)) => Err(error),
            Some((effect, error)) => {
                if effect == Effect::Half {
                    batch.truncate(batch.len() / 2);
                }
                self.store.put_all(batch).await?;
                Err(error)
            }
        }
    }

    async fn put_stream(
        &self,
        name: &ObjectName,
        stream: BoxStream<'_, Result<Bytes>>,
    ) -> Result<Streamed> {
        self.faults.call(self.store.put_stream(name, stream)).await
    }

    async fn get(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Bytes> {
        self.faults.call(self.store.get(name, range)).await
    }

    async fn head(&self, name: &ObjectName) -> Result<ObjectInfo> {
        self.faults.call(self.store.head(name)).await
    }

    async fn delete_all(&self, names: &[ObjectName]) -> Result<()> {
        self.faults.call(self.store.delete_all(names)).await
    }

    async fn list(&self, prefix: &str, cursor: Option<String>, limit: usize) -> Result<ListPage> {
        self.faults.call(self.store.list(prefix, cursor, limit)).await
    }

    async fn presign_get(&self, name: &ObjectName, valid: Duration) -> Result<String> {
        self.faults.call(self.store.presign_get(name, valid)).await
    }

    async fn presign_put(
        &self,
        name: &ObjectName,
        sha256: Sha256,
        len: u64,
        valid: Duration,
    ) -> Result<PresignedPut> {
        self.faults.call(self.store.presign_put(name, sha256, len, valid)).await
    }
}

#[async_trait]
impl RecordStore for Faulty<dyn RecordStore> {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Record>> {
        self.faults.call(self.store.get(key, consistency)).await
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Record>>> {
        self.faults.call(self.store.get_many(keys, consistency)).await
    }

    async fn write(&self, batch: Vec<Write>) -> Result<Vec<Option<Version>>> {
        self.faults.call(self.store.write(batch)).await
    }

    async fn query(&self, query: Query) -> Result<Page> {
        self.faults.call(self.store.query(query)).await
    }

    async fn scan(&self, shard: Shard, cursor: Option<String>) -> Result<Page> {
        self.faults.call(self.store.scan(shard, cursor)).await
    }
}
