//! Objects in a bucket of S3, or of whatever speaks its protocol, for any number of machines.
//!
//! An object's name is its key, behind the prefix of the store. S3 itself gives what the port demands:
//! an object appears whole, is read after it was written, and `If-None-Match: *` lets one writer win.
//! What does not heed that is no store for us: [`check_create_only`](crate::check_create_only) tells.
//! Every object carries its SHA-256, which S3 checks before it keeps it. Requests, those that wait for
//! their turn included, end by a deadline; what may succeed later is tried again within it, with
//! growing, random pauses. What the environment says of endpoint, region and credentials is the SDK's.
//!
//! A multipart upload that a crash leaves behind is no object and in nobody's way, but is paid for: the
//! bucket needs a lifecycle rule that aborts them after a day.

mod client;
mod error;
mod keys;
mod limits;
mod presign;
mod put;
mod read;
mod stream;

use crate::{
    ListPage, MAX_LIST, ObjectInfo, ObjectName, ObjectStore, Outcome, PresignedPut, Put, Streamed,
    store::check_batch,
};
use async_trait::async_trait;
use aws::SdkConfig;
use aws_sdk_s3::Client;
use bytes::Bytes;
use futures::stream::BoxStream;
use limits::Limits;
use model::{ByteRange, Error, ErrorKind, Result, Sha256, without_secret};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};

/// The store in one bucket, below one prefix. Clones are one store and share its connections.
#[derive(Debug, Clone)]
pub struct S3Objects {
    client: Client,
    bucket: Arc<str>,
    /// Empty, or ends with a `/`.
    prefix: Arc<str>,
    turns: Arc<Semaphore>,
    limits: Limits,
}

impl S3Objects {
    /// Opens the store at `place`, `BUCKET` or `BUCKET/PREFIX`, with the endpoint, region and credentials
    /// that the SDK finds in its own environment variables and files, and makes one real call.
    ///
    /// # Errors
    /// `Invalid` for a wrong place; otherwise with the name of the setting that is wrong: `Internal` for
    /// a bucket that is missing or somebody else's, credentials that are not taken, a clock that is
    /// wrong, an endpoint that speaks something else; `Unavailable` for one that does not answer.
    pub async fn open(place: &str) -> Result<Self> {
        let (bucket, prefix) = parse(place)?;
        Self::open_as(&aws::config().await?, bucket, prefix, Limits::default()).await
    }

    async fn open_as(
        config: &SdkConfig,
        bucket: &str,
        prefix: &str,
        limits: Limits,
    ) -> Result<Self> {
        let store = Self::new(config, bucket, prefix, limits);
        store.list("", None, 1).await?;
        Ok(store)
    }

    /// The store without any call.
    fn new(config: &SdkConfig, bucket: &str, prefix: &str, limits: Limits) -> Self {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self {
            client: client::new(config, &limits),
            bucket: bucket.into(),
            prefix: prefix.into(),
            turns: Arc::new(Semaphore::new(limits.in_flight)),
            limits,
        }
    }

    fn key(&self, name: &ObjectName) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Sends `request` when one more may go out, and has its answer. It ends when the caller leaves.
    ///
    /// In a task of its own. A turn comes to those who wait in their order, also to one whose caller
    /// polls something else just then, as an append does with its next put while it moves its offset: it
    /// would keep the turn and not use it, and with all turns kept so, nobody who has to ask first ever
    /// polls again.
    async fn in_turn<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (turns, patience) = (self.turns.clone(), self.limits.total);
        // A set of one: unlike a handle, it ends what it holds when it is dropped.
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _turn = match tokio::time::timeout(patience, turns.acquire()).await {
                Ok(turn) => turn.map_err(|closed| {
                    let sentence = "the store of objects is closed";
                    Error::with_source(ErrorKind::Internal, sentence, closed)
                })?,
                Err(late) => {
                    let sentence =
                        "too many requests wait for the store of objects; try again later";
                    return Err(Error::with_source(ErrorKind::Busy, sentence, late));
                }
            };
            request.await
        });
        match task.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(panic)) => {
                let sentence = "a request to the store of objects ended unexpectedly";
                Err(Error::with_source(ErrorKind::Internal, sentence, panic))
            }
            None => Err(Error::internal("a request to the store of objects was lost")),
        }
    }
}

/// Bucket and prefix.
fn parse(place: &str) -> Result<(&str, &str)> {
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let is_fit = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    let fits = matches!(bucket.len(), 3..=63)
        && bucket.bytes().all(is_fit)
        && (prefix.is_empty() || ObjectName::new(prefix).is_ok());
    if fits {
        Ok((bucket, prefix))
    } else {
        Err(Error::invalid(format!(
            "\"{}\" should be s3://BUCKET or s3://BUCKET/PREFIX: a bucket's name is 3 to 63 of a-z, \
             0-9, '.' and '-', and a prefix has no strange characters",
            without_secret(&format!("s3://{place}"))
        )))
    }
}

#[async_trait]
impl ObjectStore for S3Objects {
    async fn put_all(&self, batch: Vec<Put>) -> Result<Vec<Outcome>> {
        check_batch(&batch)?;
        self.put_each(batch).await
    }

    async fn put_stream(
        &self,
        name: &ObjectName,
        stream: BoxStream<'_, Result<Bytes>>,
    ) -> Result<Streamed> {
        self.put_parts(name, stream).await
    }

    async fn get(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Bytes> {
        match range {
            None => self.read_whole(name).await,
            Some(range) => self.read_range(name, range).await,
        }
    }

    async fn head(&self, name: &ObjectName) -> Result<ObjectInfo> {
        self.info(name).await
    }

    async fn delete_all(&self, names: &[ObjectName]) -> Result<()> {
        if names.len() > MAX_LIST {
            return Err(Error::invalid(format!("at most {MAX_LIST} objects are deleted at once")));
        }
        self.remove(names).await
    }

    async fn list(&self, prefix: &str, cursor: Option<String>, limit: usize) -> Result<ListPage> {
        if !(1..=MAX_LIST).contains(&limit) {
            return Err(Error::invalid(format!("a page lists 1 to {MAX_LIST} objects")));
        }
        self.page(prefix, cursor.as_deref(), limit).await
    }

    async fn probe(&self) -> Result<()> {
        self.look_at_bucket().await
    }

    async fn presign_get(&self, name: &ObjectName, valid: Duration) -> Result<String> {
        self.signed_get(name, valid).await
    }

    async fn presign_put(
        &self,
        name: &ObjectName,
        sha256: Sha256,
        len: u64,
        valid: Duration,
    ) -> Result<PresignedPut> {
        self.signed_put(name, sha256, len, valid).await
    }
}

#[cfg(test)]
mod tests;
