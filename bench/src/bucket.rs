//! A bucket by S3's own API and nothing else: the peer of what keeps blocks in it.

use std::env;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, Delete, ObjectIdentifier};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use model::Sha256;

use crate::Result;

/// What is put, and its SHA-256 as S3 writes it.
pub struct Object {
    bytes: Bytes,
    sha256: String,
}

impl Object {
    pub fn new(bytes: Bytes) -> Self {
        let sha256 = BASE64_STANDARD.encode(Sha256::of(&bytes).as_bytes());
        Self { bytes, sha256 }
    }
}

/// The checksum that S3 checks an object by, and who works it out.
#[derive(Clone, Copy)]
pub enum Checksum {
    /// What the SDK puts in by itself, a CRC. Its signature covers the body's SHA-256 as well.
    Sdk,
    /// SHA-256, by the SDK, beside the one for its signature.
    Sha256,
    /// SHA-256, known before the first request, and the only one: the client only sends.
    KnownSha256,
}

/// What the environment says of the bucket; `./dev bench` has LocalStack's.
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket of `HASHREEL_OBJECTS`.
    pub async fn of_the_environment() -> Result<Self> {
        let config = aws::config().await?;
        let client = Client::from_conf(Builder::from(&config).force_path_style(true).build());
        Ok(Self { client, name: name()? })
    }

    /// One `PutObject` for each of `objects`, so many at a time.
    pub async fn put(
        &self,
        prefix: &str,
        objects: &[Object],
        (at_a_time, checksum): (usize, Checksum),
    ) -> Result<()> {
        let puts = objects.iter().enumerate().map(|(n, Object { bytes, sha256 })| async move {
            let call = self.client.put_object().bucket(&self.name).key(format!("{prefix}/{n}"));
            let call = call.body(ByteStream::from(bytes.clone()));
            match checksum {
                Checksum::Sdk => call.send().await,
                Checksum::Sha256 => call.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await,
                Checksum::KnownSha256 => {
                    let call = call.checksum_sha256(sha256).customize().disable_payload_signing();
                    call.send().await
                }
            }
        });
        let mut puts = stream::iter(puts).buffer_unordered(at_a_time);
        while puts.try_next().await?.is_some() {}
        Ok(())
    }

    /// Removes all that is below `prefix`, and says how many objects and bytes it was.
    pub async fn clear(&self, prefix: &str) -> Result<(usize, u64)> {
        let (mut count, mut bytes) = (0, 0);
        loop {
            let call = self.client.list_objects_v2().bucket(&self.name);
            let page = call.prefix(format!("{prefix}/")).send().await?;
            let found = page.contents();
            if found.is_empty() {
                return Ok((count, bytes));
            }
            let mut delete = Delete::builder().quiet(true);
            for object in found {
                count += 1;
                bytes += u64::try_from(object.size().unwrap_or(0))?;
                let key = object.key().ok_or("an object without a key")?;
                delete = delete.objects(ObjectIdentifier::builder().key(key).build()?);
            }
            let call = self.client.delete_objects().bucket(&self.name);
            call.delete(delete.build()?).send().await?;
        }
    }
}

/// The bucket's name.
pub fn name() -> Result<String> {
    let objects = env::var("HASHREEL_OBJECTS");
    let name = objects.as_ref().ok().and_then(|url| url.strip_prefix("s3://"));
    let name = name.ok_or("there is no bucket: `./dev bench ingest-s3 costs` starts LocalStack")?;
    Ok(name.split('/').next().unwrap_or(name).to_owned())
}
