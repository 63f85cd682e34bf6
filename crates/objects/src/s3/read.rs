//! Bytes out of the bucket: one request for what is small, several at a time for what is large.

use super::{S3Objects, error};
use crate::ObjectName;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use model::{ByteRange, Error, ErrorKind, Result};
use tokio::time::timeout;

/// Bytes of one request of a large read.
const SPAN: usize = 8 << 20;
/// Requests of one large read at the same time.
const SPANS: usize = 4;
/// How often an answer may break off in the middle, which the SDK leaves to its caller.
const BROKEN: usize = 3;
/// No object is longer (S3 has 50 TB): a range that begins behind is asked for here, where nothing is.
const LONGEST: u64 = 1 << 50;

/// Part of an object, or all of it.
struct Fetched {
    bytes: Bytes,
    /// Of the whole object.
    len: u64,
}

impl S3Objects {
    pub(super) async fn read_whole(&self, name: &ObjectName) -> Result<Bytes> {
        let Fetched { bytes, len } = self.fetch(name, None).await?;
        if bytes.len() as u64 == len {
            return Ok(bytes);
        }
        self.read_spans(name, BytesMut::new(), ByteRange::new(0, len)).await
    }

    pub(super) async fn read_range(&self, name: &ObjectName, range: ByteRange) -> Result<Bytes> {
        let start = range.start.min(LONGEST);
        let range = ByteRange::new(start, range.end.max(start));
        if range.is_empty() {
            self.info(name).await?;
            let sentence = "an empty range holds no byte";
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, sentence));
        }
        let first = ByteRange::new(start, range.end.min(start + SPAN as u64));
        let Fetched { bytes, len } = self.fetch(name, Some(first)).await?;
        let rest = ByteRange::new(first.end, range.end.min(len));
        if rest.is_empty() {
            return Ok(bytes);
        }
        self.read_spans(name, BytesMut::from(bytes), rest).await
    }

    /// `range`, which the object has, behind what was read before.
    async fn read_spans(
        &self,
        name: &ObjectName,
        mut bytes: BytesMut,
        range: ByteRange,
    ) -> Result<Bytes> {
        bytes.reserve(usize::try_from(range.len()).unwrap_or(usize::MAX));
        let spans = (range.start..range.end).step_by(SPAN);
        let spans = spans.map(|start| ByteRange::new(start, range.end.min(start + SPAN as u64)));
        let mut read = stream::iter(spans).map(|span| self.fetch(name, Some(span))).buffered(SPANS);
        while let Some(span) = read.try_next().await? {
            bytes.extend_from_slice(&span.bytes);
        }
        Ok(bytes.freeze())
    }

    /// Asks once, and once more where the answer breaks off. Without a range, S3's checksum of the whole
    /// is verified; of an object longer than [`SPAN`] only the length is read then.
    async fn fetch(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Fetched> {
        let (this, name) = (self.clone(), name.clone());
        let tries = async move {
            let mut tries = 0;
            loop {
                tries += 1;
                let answer = this.ask(&name, range).await?;
                match body(answer, range).await {
                    Err(error) if error.kind().is_retryable() && tries < BROKEN => {}
                    read => return read,
                }
            }
        };
        let tries = timeout(self.limits.total, tries);
        let in_time = async move {
            tries.await.unwrap_or_else(|late| {
                let sentence = "the store of objects takes too long for an object";
                Err(Error::with_source(ErrorKind::Unavailable, sentence, late))
            })
        };
        self.in_turn(in_time).await
    }

    async fn ask(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<GetObjectOutput> {
        self.client
            .get_object()
            .bucket(&*self.bucket)
            .key(self.key(name))
            .set_range(range.map(|range| format!("bytes={}-{}", range.start, range.end - 1)))
            .send()
            .await
            .map_err(|error| error::error(&self.bucket, error))
    }
}

async fn body(answer: GetObjectOutput, range: Option<ByteRange>) -> Result<Fetched> {
    let told = u64::try_from(answer.content_length().unwrap_or(-1)).ok();
    let told = told.ok_or_else(|| Error::internal("the store of objects tells no length"))?;
    let len = match range {
        None if told > SPAN as u64 => return Ok(Fetched { bytes: Bytes::new(), len: told }),
        None => told,
        Some(range) => whole_len(answer.content_range(), range).ok_or_else(|| {
            Error::internal("the store of objects answers with another range than was asked for")
        })?,
    };
    let bytes = answer.body.collect().await.map_err(|error| {
        let sentence = "an object broke off on its way from the store of objects; try again";
        Error::with_source(ErrorKind::Unavailable, sentence, error)
    })?;
    let bytes = bytes.into_bytes();
    let expected = range.map_or(len, |range| range.end.min(len) - range.start);
    if bytes.len() as u64 != expected {
        let sentence = "an object came from the store of objects in another length; try again";
        return Err(Error::new(ErrorKind::Unavailable, sentence));
    }
    Ok(Fetched { bytes, len })
}

/// The object's length, where an answer's `Content-Range` (`bytes 0-9/100`) begins as `asked`.
fn whole_len(content_range: Option<&str>, asked: ByteRange) -> Option<u64> {
    let (range, len) = content_range?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    let len = len.parse().ok()?;
    (first.parse() == Ok(asked.start) && asked.start < len).then_some(len)
}
