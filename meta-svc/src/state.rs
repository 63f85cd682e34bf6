//! What all handlers share.

use crate::{cache::ObjectCache, hub::Hub, segments::Parts, streams::Streams};
use access::Access;
use axum::extract::FromRef;
use catalog::Catalog;
use content::Store;
use tokio_util::sync::CancellationToken;

/// The service: files, playback, events and the web app over one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Meta {
    pub(crate) store: Store,
    pub(crate) access: Access,
    pub(crate) streams: Streams,
    pub(crate) parts: Parts,
    pub(crate) objects: ObjectCache,
    pub(crate) hub: Hub,
    pub(crate) shutdown: CancellationToken,
}

impl Meta {
    /// The service over `store`, for whom `access` lets in. Keeps at most `cache` bytes of segments in
    /// memory. WebSockets and what feeds them end with `shutdown`.
    #[must_use]
    pub fn new(store: Store, access: Access, cache: u64, shutdown: CancellationToken) -> Self {
        Self {
            streams: Streams::new(store.catalog().clone()),
            parts: Parts::new(store.catalog().clone()),
            objects: ObjectCache::new(store.objects().clone(), cache),
            hub: Hub::new(store.catalog().clone(), shutdown.clone()),
            store,
            access,
            shutdown,
        }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        self.store.catalog()
    }
}

impl FromRef<Meta> for Access {
    fn from_ref(meta: &Meta) -> Self {
        meta.access.clone()
    }
}
