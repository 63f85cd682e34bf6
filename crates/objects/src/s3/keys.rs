//! What is in the bucket: heads, pages, deletions.

use super::{S3Objects, error};
use crate::{ListPage, ObjectInfo, ObjectName, name::may_begin};
use aws_sdk_s3::{
    primitives::DateTime,
    types::{Delete, ObjectIdentifier},
};
use model::{Error, ErrorKind, Result, Timestamp};

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

    async fn remove_many(&self, names: &[ObjectName]) -> Result<()> {
        let keys = names.iter().map(|name| ObjectIdentifier::builder().key(self.key(name)).build());
        let keys = keys.collect::<Result<Vec<_>, _>>().map_err(not_made)?;
        // Quiet: only what could not be deleted is named.
        let delete = Delete::builder().set_objects(Some(keys)).quiet(true).build();
        let delete = delete.map_err(not_made)?;
        let delete = self.client.delete_objects().bucket(&*self.bucket).delete(delete);
        let bucket = self.bucket.clone();
        let delete =
            async move { delete.send().await.map_err(|error| error::error(&bucket, error)) };
        let answer = self.in_turn(delete).await?;
        match answer.errors().first() {
            None => Ok(()),
            Some(refused) => Err(error::refused(&self.bucket, refused.code().unwrap_or_default())),
        }
    }
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
