//! Who of this process is about to put a block: the others wait and then find it present, so that equal
//! uploads at the same time put every block once. Across processes the block's record decides, and the
//! price of a meeting is a put that finds its object there.
//!
//! A group takes the claims it needs in the order of their hashes and waits for nothing else while it
//! takes them, so no circle of groups can wait for one another.

use catalog::Scope;
use model::Sha256;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Key = (Scope, Sha256);
type Table = Mutex<HashMap<Key, Arc<AsyncMutex<()>>>>;

/// All claims of the process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims(Arc<Table>);

/// The right to put one block; given back on drop.
#[derive(Debug)]
pub(crate) struct Claim {
    key: Key,
    table: Arc<Table>,
    /// `None` while waiting and while dropping.
    guard: Option<OwnedMutexGuard<()>>,
}

impl Claims {
    /// Waits until nobody else of this process puts the block; and whether that took any waiting.
    pub(crate) async fn take(&self, scope: &Scope, hash: Sha256) -> (Claim, bool) {
        let key = (scope.clone(), hash);
        // Made first and filled later, so that giving up the wait cleans up, too.
        let mut claim = Claim { key: key.clone(), table: Arc::clone(&self.0), guard: None };
        let entry = Arc::clone(lock(&self.0).entry(key).or_default());
        let at_once = Arc::clone(&entry).try_lock_owned().ok();
        let waited = at_once.is_none();
        claim.guard = match at_once {
            Some(guard) => Some(guard),
            None => Some(entry.lock_owned().await),
        };
        (claim, waited)
    }
}

fn lock(table: &Table) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<AsyncMutex<()>>>> {
    // Every change of the table is one call: it is whole whatever a panicking thread did.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        self.guard = None;
        // Under the table's lock nobody can come to know the entry any more: one reference means none
        // waits.
        if table.get(&self.key).is_some_and(|entry| Arc::strong_count(entry) == 1) {
            table.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_at_a_time_and_nothing_is_left() {
        let (claims, inside) = (Claims::default(), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let (claims, inside) = (claims.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let _claim = claims.take(&Scope::Global, Sha256::of(b"x")).await.0;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(lock(&claims.0).is_empty());
    }
}
