//! Segments, init segments and posters in memory: bounded in bytes, one fetch for many waiters.
//!
//! What is bounded is also what slow clients hold: they are given parts, which are copies, so that no
//! object stays in memory for one of them after the cache has let go of it.
//!
//! Objects never change under their name, so nothing here goes stale; what was deleted is dropped after
//! [`KEPT`] at the latest.

use axum::{body::Bytes, http::Method};
use model::{ByteRange, Error, Result};
use moka::future::Cache;
use objects::{ObjectName, ObjectStore};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// How long an object, or its name, is kept at most.
pub(crate) const KEPT: Duration = Duration::from_secs(300);

/// Objects that are fetched at once: each is whole in memory while it comes.
const FETCHES: usize = 32;

/// Objects by their name. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ObjectCache {
    objects: Arc<dyn ObjectStore>,
    cache: Cache<ObjectName, Bytes>,
    fetches: Arc<Semaphore>,
}

impl ObjectCache {
    /// Of `objects`, at most `bytes` of them.
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(bytes)
            .weigher(|name: &ObjectName, bytes: &Bytes| {
                u32::try_from(name.as_str().len() + bytes.len()).unwrap_or(u32::MAX)
            })
            .time_to_live(KEPT)
            .build();
        Self { objects, cache, fetches: Arc::new(Semaphore::new(FETCHES)) }
    }

    /// A whole object.
    ///
    /// # Errors
    /// `NotFound`; those of the store.
    pub(crate) async fn get(&self, name: &ObjectName) -> Result<Bytes> {
        if let Some(bytes) = self.cache.get(name).await {
            return Ok(bytes);
        }
        let fetched = self.cache.try_get_with_by_ref(name, self.fetch(name)).await;
        // Several may have waited for the one failure.
        fetched
            .map_err(|error: Arc<Error>| Error::with_source(error.kind(), error.to_string(), error))
    }

    /// The length of an object that `method` asks for: a GET gets it whole for that, since it reads it next,
    /// and a HEAD, which does not, only looks.
    ///
    /// # Errors
    /// `NotFound`; those of the store.
    pub(crate) async fn len_for(&self, method: &Method, name: &ObjectName) -> Result<u64> {
        if method == Method::HEAD && !self.cache.contains_key(name) {
            return self.objects.head(name).await.map(|found| found.len);
        }
        self.get(name).await.map(|bytes| bytes.len() as u64)
    }

    /// Bytes of an object that was just got. They are a copy, and where the cache has let go of the object
    /// they are read from the store alone. `range` lies within it.
    ///
    /// # Errors
    /// `NotFound`; those of the store.
    pub(crate) async fn part(&self, name: &ObjectName, range: ByteRange) -> Result<Bytes> {
        let Some(whole) = self.cache.get(name).await else {
            return self.objects.get(name, Some(range)).await;
        };
        let at = |offset: u64| usize::try_from(offset).unwrap_or(whole.len()).min(whole.len());
        Ok(Bytes::copy_from_slice(&whole[at(range.start)..at(range.end)]))
    }

    async fn fetch(&self, name: &ObjectName) -> Result<Bytes> {
        // The semaphore is never closed.
        let _place = self.fetches.acquire().await;
        self.objects.get(name, None).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use objects::{Put, layer::Counted};

    #[tokio::test]
    async fn a_part_is_the_same_bytes_and_keeps_no_object_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let objects = objects::open(&format!("file://{}", dir.path().display())).await.unwrap();
        let name = ObjectName::new("renditions/r/0.m4s").unwrap();
        let put = Put::new(name.clone(), Bytes::from_static(b"0123456789"));
        objects.put_all(vec![put]).await.unwrap();
        let range = ByteRange::new(2, 5);
        // One that keeps it, and one that keeps nothing.
        for room in [1 << 20, 0] {
            let cache = ObjectCache::new(objects.clone(), room);
            let whole = cache.get(&name).await.unwrap();
            cache.cache.run_pending_tasks().await;
            let part = cache.part(&name, range).await.unwrap();
            assert_eq!(part, "234");
            assert!(!whole.as_ptr_range().contains(&part.as_ptr()), "a part is a copy");
        }
    }

    #[tokio::test]
    async fn a_head_looks_at_an_object_and_gets_none_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let objects = objects::open(&format!("file://{}", dir.path().display())).await.unwrap();
        let counted = Counted::new(objects);
        let name = ObjectName::new("renditions/r/0.m4s").unwrap();
        let put = Put::new(name.clone(), Bytes::from_static(b"0123456789"));
        counted.put_all(vec![put]).await.unwrap();
        let cache = ObjectCache::new(Arc::new(counted.clone()), 1 << 20);
        let asked = || (counted.counts().heads, counted.counts().gets);
        // (method, heads and gets until then)
        let cases = [(Method::HEAD, (1, 0)), (Method::GET, (1, 1)), (Method::HEAD, (1, 1))];
        for (method, expected) in cases {
            assert_eq!(cache.len_for(&method, &name).await.unwrap(), 10);
            assert_eq!(asked(), expected, "{method}");
        }
    }
}
