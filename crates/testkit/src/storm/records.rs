//! Records in a storm. A batch is atomic in any weather.

use super::Stormy;
use async_trait::async_trait;
use model::Result;
use records::{Consistency, Key, Page, Query, Record, RecordStore, Shard, Version, Write};

#[async_trait]
impl RecordStore for Stormy<dyn RecordStore> {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Record>> {
        self.storm.read(("records", "get"), self.store.get(key, consistency)).await
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Record>>> {
        self.storm.read(("records", "get_many"), self.store.get_many(keys, consistency)).await
    }

    async fn write(&self, batch: Vec<Write>) -> Result<Vec<Option<Version>>> {
        let store = self.store.clone();
        let write = Box::pin(async move { store.write(batch).await });
        self.storm.write(("records", "write"), write).await
    }

    async fn query(&self, query: Query) -> Result<Page> {
        self.storm.read(("records", "query"), self.store.query(query)).await
    }

    async fn scan(&self, shard: Shard, cursor: Option<String>) -> Result<Page> {
        self.storm.read(("records", "scan"), self.store.scan(shard, cursor)).await
    }
}
