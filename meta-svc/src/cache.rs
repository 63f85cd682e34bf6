//! Segments, init segments and posters in memory: bounded in bytes, one fetch for many waiters.
//!
//! Objects never change under their name, so nothing here goes stale; what was deleted is dropped after
//! [`KEPT`] at the latest.

use axum::body::Bytes;
use model::{Error, Result};
use moka::future::Cache;
use objects::{ObjectName, ObjectStore};
use std::{sync::Arc, time::Duration};

/// How long an object, or its name, is kept at most.
pub(crate) const KEPT: Duration = Duration::from_secs(300);

/// Objects by their name. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ObjectCache {
    objects: Arc<dyn ObjectStore>,
    cache: Cache<ObjectName, Bytes>,
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
        Self { objects, cache }
    }

    /// A whole object.
    ///
    /// # Errors
    /// `NotFound`; those of the store.
    pub(crate) async fn get(&self, name: &ObjectName) -> Result<Bytes> {
        if let Some(bytes) = self.cache.get(name).await {
            return Ok(bytes);
        }
        let fetched = self.cache.try_get_with_by_ref(name, self.objects.get(name, None)).await;
        // Several may have waited for the one failure.
        fetched
            .map_err(|error: Arc<Error>| Error::with_source(error.kind(), error.to_string(), error))
    }
}
