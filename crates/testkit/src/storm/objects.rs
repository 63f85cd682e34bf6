//! Objects in a storm.

use super::{BATCH, Blow, Stormy, lock, part_of};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use model::{ByteRange, Result, Sha256};
use objects::{
    ListPage, ObjectInfo, ObjectName, ObjectStore, Outcome, PresignedPut, Put, Streamed,
};
use std::time::Duration;

#[async_trait]
impl ObjectStore for Stormy<dyn ObjectStore> {
    async fn put_all(&self, batch: Vec<Put>) -> Result<Vec<Outcome>> {
        let call = ("objects", "put_all");
        let mut fate = self.storm.meet(call, BATCH).await;
        if fate.blow == Some(Blow::Partial) {
            let part = part_of(batch, &mut fate.dice);
            // Of a part that is stored, too, nobody hears.
            drop(self.store.put_all(part).await);
            return Err(Blow::Partial.error(call));
        }
        if fate.blow == Some(Blow::Late) {
            let names = batch.iter().map(|put| put.name.to_string());
            lock(&self.storm.0.state).late.extend(names);
        }
        let store = self.store.clone();
        let put = Box::pin(async move { store.put_all(batch).await });
        self.storm.befall(call, &mut fate, put).await
    }

    /// Late ones are none: a stream does not outlive its caller.
    async fn put_stream(
        &self,
        name: &ObjectName,
        stream: BoxStream<'_, Result<Bytes>>,
    ) -> Result<Streamed> {
        let call = ("objects", "put_stream");
        let blow = self.storm.meet(call, &[Blow::Refused, Blow::Throttled, Blow::Lost]).await.blow;
        match blow {
            None => self.store.put_stream(name, stream).await,
            Some(Blow::Lost) => {
                self.store.put_stream(name, stream).await?;
                Err(Blow::Lost.error(call))
            }
            Some(blow) => Err(blow.error(call)),
        }
    }

    async fn get(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Bytes> {
        self.storm.read(("objects", "get"), self.store.get(name, range)).await
    }

    async fn head(&self, name: &ObjectName) -> Result<ObjectInfo> {
        self.storm.read(("objects", "head"), self.store.head(name)).await
    }

    async fn delete_all(&self, names: &[ObjectName]) -> Result<()> {
        let call = ("objects", "delete_all");
        let mut fate = self.storm.meet(call, BATCH).await;
        let mut names = names.to_vec();
        if fate.blow == Some(Blow::Partial) {
            names = part_of(names, &mut fate.dice);
            drop(self.store.delete_all(&names).await);
            return Err(Blow::Partial.error(call));
        }
        let store = self.store.clone();
        let delete = Box::pin(async move { store.delete_all(&names).await });
        self.storm.befall(call, &mut fate, delete).await
    }

    async fn list(&self, prefix: &str, cursor: Option<String>, limit: usize) -> Result<ListPage> {
        self.storm.read(("objects", "list"), self.store.list(prefix, cursor, limit)).await
    }

    async fn presign_get(&self, name: &ObjectName, valid: Duration) -> Result<String> {
        // Made without a call to anybody.
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
