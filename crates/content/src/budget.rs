//! The process's memory for bytes on their way in: a fixed number of equal buffers.
//!
//! A buffer holds at least two blocks of the greatest length. So whoever holds one can always fill it
//! up to a boundary without asking for more, and hands it on as a whole: nobody waits for memory while
//! holding some, which is what keeps any number of uploads from blocking one another. Waiters are served
//! in the order they came.

use bytes::Bytes;
use model::{Error, Result};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Free buffers that are kept when nothing is under way.
const KEPT_IDLE: usize = 2;

/// With fewer, an upload could not fill one while another is put.
pub(crate) const LEAST_BUFFERS: usize = 2;

/// All buffers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    permits: Arc<Semaphore>,
    buffers: usize,
    capacity: usize,
    /// Memory that has been used and touched: taking it again costs no page faults.
    free: Mutex<Vec<Vec<u8>>>,
    waiting: AtomicUsize,
}

impl Budget {
    /// `bytes` in buffers of `capacity`.
    pub(crate) fn new(bytes: u64, capacity: usize) -> Result<Self> {
        let buffers = usize::try_from(bytes / capacity as u64).unwrap_or(usize::MAX);
        if buffers < LEAST_BUFFERS {
            return Err(Error::invalid(format!(
                "a budget of {bytes} bytes is too small: with this profile it takes {}",
                LEAST_BUFFERS * capacity
            )));
        }
        let buffers = buffers.min(Semaphore::MAX_PERMITS);
        Ok(Self(Arc::new(Shared {
            permits: Arc::new(Semaphore::new(buffers)),
            buffers,
            capacity,
            free: Mutex::new(Vec::new()),
            waiting: AtomicUsize::new(0),
        })))
    }

    /// A buffer, when it is this caller's turn.
    pub(crate) async fn take(&self) -> Result<Buffer> {
        if let Some(buffer) = self.try_take() {
            return Ok(buffer);
        }
        let _waiting = Waiting::new(&self.0.waiting);
        match Arc::clone(&self.0.permits).acquire_owned().await {
            Ok(permit) => Ok(self.buffer(permit)),
            Err(closed) => Err(Error::with_source(
                model::ErrorKind::Internal,
                "the memory budget is closed",
                closed,
            )),
        }
    }

    /// A buffer, if one is free and nobody waits for it.
    pub(crate) fn try_take(&self) -> Option<Buffer> {
        if self.is_tight() {
            return None;
        }
        Arc::clone(&self.0.permits).try_acquire_owned().ok().map(|permit| self.buffer(permit))
    }

    /// Whether somebody waits for memory.
    pub(crate) fn is_tight(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Bytes in use, counted in whole buffers.
    pub(crate) fn used(&self) -> u64 {
        (self.in_use() * self.0.capacity) as u64
    }

    fn in_use(&self) -> usize {
        self.0.buffers - self.0.permits.available_permits().min(self.0.buffers)
    }

    fn buffer(&self, permit: OwnedSemaphorePermit) -> Buffer {
        let used = self.free().pop();
        let bytes = used.unwrap_or_else(|| Vec::with_capacity(self.0.capacity));
        Buffer { bytes, budget: self.clone(), _permit: permit }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        // A list of spare memory is whole whatever a panicking thread did with it.
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one waiter for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One buffer's worth of the budget; given back on drop.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    budget: Budget,
    _permit: OwnedSemaphorePermit,
}

impl Buffer {
    /// Adds bytes at the end. The caller sees to it that there is [`room`](Self::room).
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that still fit.
    pub(crate) fn room(&self) -> usize {
        self.budget.0.capacity.saturating_sub(self.bytes.len())
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same bytes, to be shared; the last slice of them gives the memory back.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        // Spare memory follows use, so that an idle process is a small one.
        let keep = self.budget.in_use().max(KEPT_IDLE);
        let mut free = self.budget.free();
        if bytes.capacity() <= self.budget.0.capacity {
            free.push(bytes);
        }
        free.truncate(keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_buffers_than_the_budget_has() {
        let budget = Budget::new(300, 100).unwrap();
        let held: Vec<_> = std::iter::from_fn(|| budget.try_take()).collect();
        assert_eq!((held.len(), budget.used()), (3, 300));

        let waiter = tokio::spawn({
            let budget = budget.clone();
            async move { budget.take().await.map(|buffer| buffer.len()) }
        });
        while !budget.is_tight() {
            tokio::task::yield_now().await;
        }
        drop(held);
        assert_eq!(waiter.await.unwrap().unwrap(), 0);
        assert!(!budget.is_tight());
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn the_last_slice_gives_the_memory_back() {
        let budget = Budget::new(200, 100).unwrap();
        let mut buffer = budget.try_take().unwrap();
        buffer.extend(&[7; 60]);
        assert_eq!(buffer.room(), 40);
        let bytes = buffer.freeze();
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(budget.used(), 100);
        assert_eq!(slice[..], [7; 10]);
        drop(slice);
        assert_eq!(budget.used(), 0);
        assert_eq!(budget.try_take().unwrap().len(), 0, "used memory comes back empty");
    }

    #[test]
    fn a_budget_that_could_never_serve_is_refused() {
        assert!(Budget::new(199, 100).is_err());
    }
}
