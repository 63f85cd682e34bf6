//! What all handlers share.

use crate::{
    MetaOptions, cache::ObjectCache, delivery::Delivery, hub::Hub, segments::Parts,
    streams::Streams, web,
};
use access::Access;
use axum::{extract::FromRef, http::HeaderValue};
use catalog::Catalog;
use content::Store;
use model::Result;
use queue::JobQueue;
use std::sync::Arc;
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
    pub(crate) delivery: Delivery,
    /// What the page may load.
    pub(crate) policy: HeaderValue,
    pub(crate) shutdown: CancellationToken,
    /// Where the jobs of retries go at once.
    pub(crate) quick: Option<Arc<dyn JobQueue>>,
}

impl Meta {
    /// The service over `store`, for whom `access` lets in. WebSockets and what feeds them end with
    /// `shutdown`.
    ///
    /// # Errors
    /// `Invalid` for a delivery that the store cannot do; those of the store.
    pub async fn open(
        store: Store,
        access: Access,
        options: &MetaOptions,
        shutdown: CancellationToken,
    ) -> Result<Self> {
        let elsewhere = options.delivery.origin(&**store.objects()).await?;
        Ok(Self {
            streams: Streams::new(store.catalog().clone()),
            parts: Parts::new(store.catalog().clone()),
            objects: ObjectCache::new(store.objects().clone(), options.segment_cache.0),
            hub: Hub::new(store.catalog().clone(), shutdown.clone()),
            delivery: options.delivery.clone(),
            policy: web::policy(elsewhere.as_deref())?,
            store,
            access,
            shutdown,
            quick: None,
        })
    }

    /// The same with the queue of quick jobs, to which the jobs of retries go at once. Without it they wait
    /// for the next look that a worker takes at the log.
    #[must_use]
    pub fn announcing(self, quick: Arc<dyn JobQueue>) -> Self {
        Self { quick: Some(quick), ..self }
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
