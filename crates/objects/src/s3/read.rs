//! Bytes out of the bucket: one request for what is small, several at a time for what is large.

use super::{S3Objects, error, limits::Limits, put::sum_like};
use crate::ObjectName;
use aws::Tries;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use model::{ByteRange, Error, ErrorKind, Result};
use tokio::{task::spawn_blocking, time::timeout};

/// Bytes of one request of a large read.
const SPAN: usize = 8 << 20;
/// Requests of one large read at the same time.
const SPANS: usize = 4;
/// No object is longer (S3 has 50 TB): a range that begins behind is asked for here, where nothing is.
const LONGEST: u64 = 1 << 50;

/// Part of an object, or all of it.
struct Fetched {
    bytes: Bytes,
    /// Of the whole object.
    len: u64,
    /// The sum of the whole object, as S3 keeps and writes it, where all of it was asked for.
    sum: Option<String>,
}

impl S3Objects {
    pub(super) async fn read_whole(&self, name: &ObjectName) -> Result<Bytes> {
        let Fetched { bytes, len, sum } = self.fetch(name, None).await?;
        if bytes.len() as u64 == len {
            return Ok(bytes);
        }
        let bytes = self.read_spans(name, BytesMut::new(), ByteRange::new(0, len)).await?;
        verified(bytes, sum).await
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
        let Fetched { bytes, len, .. } = self.fetch(name, Some(first)).await?;
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

    /// Asks once, and again where that may help: the SDK leaves answers that break off to its caller.
    /// Without a range, S3's sum of the whole is verified, and once more where it was wrong; of an object
    /// longer than [`SPAN`] only length and sum are read then.
    async fn fetch(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Fetched> {
        let (this, name) = (self.clone(), name.clone());
        let read = async move {
            let mut tries = Tries::within(this.limits.total).at_most(this.limits.attempts);
            let mut was_wrong = false;
            loop {
                let error = match this.ask(&name, range, &tries).await {
                    Err(error) if error.kind().is_retryable() => error,
                    Err(error) if error.kind() == ErrorKind::Damaged && !was_wrong => {
                        was_wrong = true;
                        error
                    }
                    read => return read,
                };
                tries.again(error).await?;
            }
        };
        self.in_turn(read).await
    }

    async fn ask(
        &self,
        name: &ObjectName,
        range: Option<ByteRange>,
        tries: &Tries,
    ) -> Result<Fetched> {
        let get = self
            .client
            .get_object()
            .bucket(&*self.bucket)
            .key(self.key(name))
            .set_range(range.map(|range| format!("bytes={}-{}", range.start, range.end - 1)))
            .customize()
            .config_override(self.limits.once(tries))
            .mutate_request(move |request| {
                if range.is_none() {
                    request.headers_mut().insert("x-amz-checksum-mode", "ENABLED");
                }
            });
        let answer = get.send().await.map_err(|error| error::error(&self.bucket, error))?;
        // The answer has begun in time; its bytes have as long as they may be on their way, besides.
        let way = Limits::way(range.map_or(SPAN as u64, |range| range.len()));
        let time = tries.left().min(self.limits.attempt) + way;
        timeout(time, body(answer, range)).await.unwrap_or_else(|late| {
            let sentence = "the store of objects takes too long for an object";
            Err(Error::with_source(ErrorKind::Unavailable, sentence, late))
        })
    }
}

/// `bytes` if they have the sum that S3 keeps of them. A store that tells none is believed.
async fn verified(bytes: Bytes, sum: Option<String>) -> Result<Bytes> {
    let Some(sum) = sum else { return Ok(bytes) };
    let check = move || if sum_like(&sum, &bytes) == sum { Some(bytes) } else { None };
    let checked = spawn_blocking(check).await.map_err(|panic| {
        Error::with_source(ErrorKind::Internal, "hashing an object ended unexpectedly", panic)
    })?;
    checked.ok_or_else(|| {
        let sentence = "an object in the store of objects is not what was put there";
        Error::new(ErrorKind::Damaged, sentence)
    })
}

async fn body(answer: GetObjectOutput, range: Option<ByteRange>) -> Result<Fetched> {
    let told = u64::try_from(answer.content_length().unwrap_or(-1)).ok();
    let told = told.ok_or_else(|| Error::internal("the store of objects tells no length"))?;
    let sum = answer.checksum_sha256.clone().filter(|_| range.is_none());
    let len = match range {
        None if told > SPAN as u64 => return Ok(Fetched { bytes: Bytes::new(), len: told, sum }),
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
    let bytes = verified(bytes, sum).await?;
    Ok(Fetched { bytes, len, sum: None })
}

/// The object's length, where an answer's `Content-Range` (`bytes 0-9/100`) begins as `asked`.
fn whole_len(content_range: Option<&str>, asked: ByteRange) -> Option<u64> {
    let (range, len) = content_range?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    let len = len.parse().ok()?;
    (first.parse() == Ok(asked.start) && asked.start < len).then_some(len)
}
