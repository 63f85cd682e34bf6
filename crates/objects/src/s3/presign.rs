//! Addresses at which somebody without credentials may read or store one object for a while.

use super::{S3Objects, error, put::written};
use crate::{ObjectName, PresignedPut};
use aws_sdk_s3::presigning::PresigningConfig;
use model::{Error, ErrorKind, Result, Sha256};
use std::time::Duration;

/// S3's own limit.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

fn config(valid: Duration) -> Result<PresigningConfig> {
    if valid < Duration::from_secs(1) || valid > LONGEST {
        return Err(Error::invalid("a signed address is valid for 1 second to 7 days"));
    }
    PresigningConfig::expires_in(valid).map_err(|error| {
        Error::with_source(ErrorKind::Internal, "an address cannot be signed", error)
    })
}

impl S3Objects {
    pub(super) async fn signed_get(&self, name: &ObjectName, valid: Duration) -> Result<String> {
        let get = self.client.get_object().bucket(&*self.bucket).key(self.key(name));
        let signed = get.presigned(config(valid)?).await;
        Ok(signed.map_err(|error| error::error(&self.bucket, error))?.uri().to_owned())
    }

    pub(super) async fn signed_put(
        &self,
        name: &ObjectName,
        sha256: Sha256,
        len: u64,
        valid: Duration,
    ) -> Result<PresignedPut> {
        let len = i64::try_from(len).map_err(|error| {
            Error::with_source(ErrorKind::TooLarge, "no object is that long", error)
        })?;
        let put = self
            .client
            .put_object()
            .bucket(&*self.bucket)
            .key(self.key(name))
            .if_none_match("*")
            .checksum_sha256(written(sha256))
            .content_length(len);
        let signed = put
            .presigned(config(valid)?)
            .await
            .map_err(|error| error::error(&self.bucket, error))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(PresignedPut { url: signed.uri().to_owned(), headers: headers.collect() })
    }
}
