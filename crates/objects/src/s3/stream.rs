//! Objects of any length into the bucket: in parts of one size, which become the object together.

use super::{
    S3Objects, error,
    put::{CACHE_CONTROL, checksum},
};
use crate::{ObjectName, Outcome, Put, Streamed};
use aws::Answer;
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use bytes::{Bytes, BytesMut};
use futures::{
    Stream, StreamExt, TryStreamExt, ready,
    stream::{self, BoxStream},
};
use model::{Error, ErrorKind, Result};
use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::runtime::Handle;

/// Bytes of every part but the last. What fits into one is put like any other object.
pub(super) const PART: usize = 16 << 20;
/// Parts of one object that are on their way at the same time; as many bytes are in memory, and one part
/// more that is being filled.
const PARTS: usize = 2;
/// S3's own limit.
const MOST_PARTS: i32 = 10_000;

impl S3Objects {
    pub(super) async fn put_parts(
        &self,
        name: &ObjectName,
        stream: BoxStream<'_, Result<Bytes>>,
    ) -> Result<Streamed> {
        let mut parts = Parts { stream, rest: Bytes::new(), part: BytesMut::new() };
        let first = parts.next().await.transpose()?.unwrap_or_default();
        let Some(second) = parts.next().await.transpose()? else {
            let len = first.len() as u64;
            let outcome = self.put_one(Put::new(name.clone(), first)).await?;
            return Ok(Streamed { outcome, len });
        };
        let upload = Upload::begin(self, name).await?;
        let mut len = 0;
        let stored = stream::iter([Ok(first), Ok(second)])
            .chain(parts)
            .zip(stream::iter(1..))
            .inspect(|(part, _)| len += part.as_ref().map_or(0, Bytes::len) as u64)
            .map(|(part, number)| {
                let upload = &upload;
                async move { upload.part(number, part?).await }
            })
            .buffered(PARTS)
            .try_collect()
            .await?;
        Ok(Streamed { outcome: upload.complete(stored).await?, len })
    }
}

/// A stream's bytes in parts of [`PART`], the last of them shorter.
struct Parts<'a> {
    stream: BoxStream<'a, Result<Bytes>>,
    /// What of the last piece belongs to the next part.
    rest: Bytes,
    /// The next part, as far as it is there.
    part: BytesMut,
}

impl Stream for Parts<'_> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let room = PART - this.part.len();
            let more = this.rest.split_to(room.min(this.rest.len()));
            this.part.extend_from_slice(&more);
            if this.part.len() < PART {
                match ready!(this.stream.poll_next_unpin(context)) {
                    Some(piece) => this.rest = piece?,
                    None if this.part.is_empty() => return Poll::Ready(None),
                    None => return Poll::Ready(Some(Ok(mem::take(&mut this.part).freeze()))),
                }
            } else {
                return Poll::Ready(Some(Ok(mem::take(&mut this.part).freeze())));
            }
        }
    }
}

/// A multipart upload; dropped before it is complete, it is aborted. What a crash leaves is the
/// lifecycle rule's.
struct Upload {
    store: S3Objects,
    name: ObjectName,
    key: String,
    id: String,
    is_complete: bool,
}

impl Upload {
    async fn begin(store: &S3Objects, name: &ObjectName) -> Result<Self> {
        let (key, media_type) = (store.key(name), name.media_type());
        let begin = store
            .client
            .create_multipart_upload()
            .bucket(&*store.bucket)
            .key(&key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_type(ChecksumType::Composite)
            .set_content_type(media_type.map(str::to_owned))
            .set_cache_control(media_type.map(|_| CACHE_CONTROL.to_owned()));
        let bucket = store.bucket.clone();
        let begin = async move { begin.send().await.map_err(|error| error::error(&bucket, error)) };
        let begun = store.in_turn(begin).await?;
        let id = begun.upload_id.ok_or_else(|| Error::internal("an upload to S3 has no name"))?;
        Ok(Self { store: store.clone(), name: name.clone(), key, id, is_complete: false })
    }

    async fn part(&self, number: i32, bytes: Bytes) -> Result<CompletedPart> {
        if number > MOST_PARTS {
            let most = (PART as u64 * u64::from(MOST_PARTS.unsigned_abs())) >> 30;
            let sentence = format!("an object in S3 has at most {most} GiB");
            return Err(Error::new(ErrorKind::TooLarge, sentence));
        }
        let sum = checksum(bytes.clone()).await?;
        let limits = self.store.limits.carrying(bytes.len());
        let part = self
            .store
            .client
            .upload_part()
            .bucket(&*self.store.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_sha256(&sum)
            .body(ByteStream::from(bytes));
        let part = part.customize().config_override(limits).disable_payload_signing();
        let bucket = self.store.bucket.clone();
        let part = async move { part.send().await.map_err(|error| error::error(&bucket, error)) };
        let stored = self.store.in_turn(part).await?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(stored.e_tag)
            .checksum_sha256(sum)
            .build())
    }

    async fn complete(mut self, parts: Vec<CompletedPart>) -> Result<Outcome> {
        let store = self.store.clone();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = store
            .client
            .complete_multipart_upload()
            .bucket(&*store.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .if_none_match("*")
            .multipart_upload(parts)
            .customize()
            .config_override(store.limits.completing());
        // What it fails with is looked at here, outside of the turn: another request may be needed.
        let unclear = match store.in_turn(async move { Ok(complete.send().await) }).await? {
            // Every object has one; an answer that broke off may have none.
            Ok(done) if done.e_tag.is_some() => {
                self.is_complete = true;
                return Ok(Outcome::Created);
            }
            Ok(_) => Error::new(ErrorKind::Unavailable, NOT_COMPLETE),
            Err(error) if error::is_taken(&error) => return Ok(Outcome::Existed),
            // Another writer came between, and the parts are void; or an answer was lost, and an earlier
            // try has completed it; or somebody has aborted it; or the answer broke off.
            Err(error)
                if matches!(
                    Answer::of(&error),
                    Answer { status: 409, .. }
                        | Answer { code: "NoSuchUpload", .. }
                        | Answer { status: 200, code: "", .. }
                ) =>
            {
                Error::with_source(ErrorKind::Unavailable, NOT_COMPLETE, error)
            }
            Err(error) => error::error(&store.bucket, error),
        };
        if !unclear.kind().is_retryable() {
            return Err(unclear);
        }
        match store.info(&self.name).await {
            Ok(_) => Ok(Outcome::Existed),
            Err(absent) if absent.kind() == ErrorKind::NotFound => Err(unclear),
            Err(other) => Err(other),
        }
    }
}

const NOT_COMPLETE: &str = "an object did not come about in the store of objects; put it again";

impl Drop for Upload {
    fn drop(&mut self) {
        // Without a runtime the process is ending, as in a crash.
        let (false, Ok(runtime)) = (self.is_complete, Handle::try_current()) else { return };
        let (store, key) = (self.store.clone(), self.key.clone());
        let abort = store
            .client
            .abort_multipart_upload()
            .bucket(&*store.bucket)
            .key(&key)
            .upload_id(&self.id);
        // Bounded by the deadlines of a turn and of a request.
        runtime.spawn(async move {
            let bucket = store.bucket.clone();
            let abort =
                async move { abort.send().await.map_err(|error| error::error(&bucket, error)) };
            if let Err(error) = store.in_turn(abort).await {
                let cause = error.chain();
                tracing::warn!(key, cause, "parts of an object are left to the lifecycle rule");
            }
        });
    }
}
