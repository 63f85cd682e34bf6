//! Whole objects into the bucket: a request each, many at a time.

use super::{S3Objects, error, stream::PART};
use crate::{Outcome, Put};
use aws_sdk_s3::primitives::ByteStream;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use model::{Error, ErrorKind, Result, Sha256};
use tokio::task::spawn_blocking;

/// Objects of one batch that are put at the same time: about as many as a batch has, since most of a put
/// is waiting. What all batches together may do is bounded by the store's limits.
const PUTS: usize = 32;

/// An object never changes under its name: whoever gets it straight from the bucket may keep it.
pub(super) const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

impl S3Objects {
    pub(super) async fn put_each(&self, batch: Vec<Put>) -> Result<Vec<Outcome>> {
        stream::iter(batch).map(|put| self.put_one(put)).buffered(PUTS).try_collect().await
    }

    pub(super) async fn put_one(&self, Put { name, bytes, sha256 }: Put) -> Result<Outcome> {
        let sum = match sha256 {
            Some(known) => written(known),
            None => checksum(bytes.clone()).await?,
        };
        let media_type = name.media_type();
        let limits = self.limits.carrying(bytes.len());
        let put = self
            .client
            .put_object()
            .bucket(&*self.bucket)
            .key(self.key(&name))
            .if_none_match("*")
            .checksum_sha256(sum)
            .set_content_type(media_type.map(str::to_owned))
            .set_cache_control(media_type.map(|_| CACHE_CONTROL.to_owned()))
            .body(ByteStream::from(bytes));
        // The signature covers the checksum, which covers the bytes: they need not be hashed once more.
        let put = put.customize().config_override(limits).disable_payload_signing();
        let bucket = self.bucket.clone();
        let put = async move {
            match put.send().await {
                Ok(_) => Ok(Outcome::Created),
                Err(error) if error::is_taken(&error) => Ok(Outcome::Existed),
                Err(error) => Err(error::error(&bucket, error)),
            }
        };
        self.in_turn(put).await
    }
}

/// The SHA-256 of `bytes` as S3 writes it.
pub(super) async fn checksum(bytes: Bytes) -> Result<String> {
    let hash = spawn_blocking(move || Sha256::of(&bytes)).await;
    let hash = hash.map_err(|panic| {
        Error::with_source(ErrorKind::Internal, "hashing an object ended unexpectedly", panic)
    })?;
    Ok(written(hash))
}

/// The sum that S3 keeps of an object with these bytes, written in the form of `like`: of one that was put
/// in parts, the digest of their digests, and their number.
pub(super) fn sum_like(like: &str, bytes: &[u8]) -> String {
    let Some((_, parts)) = like.split_once('-') else { return written(Sha256::of(bytes)) };
    let digests: Vec<u8> =
        bytes.chunks(PART).flat_map(|part| *Sha256::of(part).as_bytes()).collect();
    format!("{}-{parts}", written(Sha256::of(&digests)))
}

/// A SHA-256 as S3 writes it.
pub(super) fn written(hash: Sha256) -> String {
    BASE64_STANDARD.encode(hash.as_bytes())
}
