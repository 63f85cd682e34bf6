//! What is in the bucket: heads, pages, deletions.

use super::{S3Objects, error};
use crate::{ListPage, ObjectInfo, ObjectName, name::may_begin};
use aws::Tries;
use aws_sdk_s3::{
    operation::RequestId as _,
    primitives::DateTime,
    types::{Delete, ObjectIdentifier},
};
use model::{Error, ErrorKind, Result, Timestamp};

/// Keys that an error names.
const NAMED: usize = 5;

impl S3Objects {
    pub(super) async fn info(&self, name: &ObjectName) -> Result<ObjectInfo> {
        let head = self.client.head_object().bucket(&*self.bucket).key(self.key(name));
        let bucket = self.bucket.clone();
        let head =
            async move { head.send().await.map_err(|error| error::head_error(&bucket, error)) };
        let head = self.in_turn(head).await?;
        info(name.clone(), head.content_length(), head.last_modified())
    }

    pub(super) async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ListPage> {
        if !may_begin(prefix) {
            return Ok(ListPage { objects: Vec::new(), cursor: None });
        }
        let page = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(format!("{}{prefix}", self.prefix))
            .set_start_after(after.map(|after| format!("{}{after}", self.prefix)))
            .max_keys(i32::try_from(limit).unwrap_or(i32::MAX));
        let bucket = self.bucket.clone();
        let page = async move { page.send().await.map_err(|error| error::error(&bucket, error)) };
        let page = self.in_turn(page).await?;
        let mut objects = Vec::with_capacity(page.contents().len());
        let mut last = None;
        for object in page.contents() {
            let Some(name) = object.key().and_then(|key| key.strip_prefix(&*self.prefix)) else {
                continue;
            };
            last = Some(name);
            // What could not have been put is none of ours.
            if let Ok(name) = ObjectName::new(name) {
                objects.push(info(name, object.size(), object.last_modified())?);
            }
        }
        // Names and not S3's tokens, which end with what they stand at.
        let cursor = last.filter(|_| page.is_truncated() == Some(true)).map(str::to_owned);
        Ok(ListPage { objects, cursor })
    }

    pub(super) async fn remove(&self, names: &[ObjectName]) -> Result<()> {
        match names {
            [] => Ok(()),
            // Costs nothing, unlike the request for many.
            [name] => self.remove_one(name).await,
            names => self.remove_many(names).await,
        }
    }

    async fn remove_one(&self, name: &ObjectName) -> Result<()> {
        let delete = self.client.delete_object().bucket(&*self.bucket).key(self.key(name));
        let bucket = self.bucket.clone();
        let delete = async move {
            delete.send().await.map(drop).map_err(|error| error::error(&bucket, error))
        };
        self.in_turn(delete).await
    }

    /// What S3 does not delete at once is tried again; what is left then is told by its keys.
    async fn remove_many(&self, names: &[ObjectName]) -> Result<()> {
        let mut left: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        let mut refused = Vec::new();
        let mut tries = Tries::within(self.limits.total);
        loop {
            let again = match self.try_to_remove(left.clone(), &tries).await {
                Ok(kept) => {
                    let is_passing = |(_, error): &(_, Error)| error.kind().is_retryable();
                    let (mut later, never): (Vec<_>, Vec<_>) =
                        kept.into_iter().partition(is_passing);
                    refused.extend(never);
                    left = later.iter().map(|(key, _)| String::clone(key)).collect();
                    let Some((_, error)) = later.pop() else { break };
                    error
                }
                Err(error) if error.kind().is_retryable() => error,
                Err(error) => return Err(error),
            };
            if let Err(error) = tries.again(again).await {
                return Err(not_removed(&left, error));
            }
        }
        let keys: Vec<String> = refused.iter().map(|(key, _)| key.clone()).collect();
        refused.pop().map_or(Ok(()), |(_, error)| Err(not_removed(&keys, error)))
    }

    /// The keys that are still there, each with the reason.
    async fn try_to_remove(
        &self,
        keys: Vec<String>,
        tries: &Tries,
    ) -> Result<Vec<(String, Error)>> {
        let keys = keys.into_iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let keys = keys.collect::<Result<Vec<_>, _>>().map_err(not_made)?;
        // Quiet: only what could not be deleted is named.
        let delete = Delete::builder().set_objects(Some(keys)).quiet(true).build();
        let delete = delete.map_err(not_made)?;
        let delete = self.client.delete_objects().bucket(&*self.bucket).delete(delete);
        let once = self.limits.once(tries);
        let (delete, bucket) = (delete.customize().config_override(once), self.bucket.clone());
        let delete =
            async move { delete.send().await.map_err(|error| error::error(&bucket, error)) };
        let answer = self.in_turn(delete).await?;
        let refused = answer.errors().iter().map(|refused| {
            let error = error::refused(&self.bucket, refused.code().unwrap_or_default());
            (refused.key().unwrap_or_default().to_owned(), error)
        });
        Ok(refused.collect())
    }

    /// One real call that costs nothing and waits for no other.
    pub(super) async fn look_at_bucket(&self) -> Result<()> {
        let look = self.client.head_bucket().bucket(&*self.bucket);
        let answer = look.customize().config_override(self.limits.probing()).send().await;
        let answer = answer.map_err(|error| error::bucket_error(&self.bucket, error))?;
        // There is no body to tell S3 from any other server by.
        answer.request_id().map(drop).ok_or_else(error::not_s3)
    }
}

/// The error for objects that could not be deleted, with the keys of the first of them.
fn not_removed(keys: &[String], error: Error) -> Error {
    let named = keys.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = keys.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let sentence = format!("{named}{more} could not be deleted: {error}");
    error.context(sentence)
}

fn not_made(error: aws_sdk_s3::error::BuildError) -> Error {
    Error::with_source(ErrorKind::Internal, "a request to delete objects cannot be made", error)
}

/// Times are in whole seconds: all that the answer to HEAD has.
fn info(name: ObjectName, len: Option<i64>, modified: Option<&DateTime>) -> Result<ObjectInfo> {
    let wrong =
        || Error::internal(format!("the store of objects tells no length or time of {name}"));
    let len = len.and_then(|len| u64::try_from(len).ok()).ok_or_else(wrong)?;
    let modified = modified.and_then(|at| Timestamp::from_second(at.secs()).ok());
    let modified = modified.ok_or_else(wrong)?;
    Ok(ObjectInfo { name, len, modified })
}
