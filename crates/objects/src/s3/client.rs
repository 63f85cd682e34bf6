//! How the SDK is set up for objects: they are larger than what other services are asked, and take longer.

use super::limits::Limits;
use aws::SdkConfig;
use aws_sdk_s3::{
    Client,
    config::{
        Builder, IdentityCache, ResponseChecksumValidation, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
};
use std::time::Duration;

/// How long before their end credentials are used no more: a signed address is void with what signed it.
/// A role's new ones are there five minutes before.
const USED_NO_MORE: Duration = Duration::from_secs(180);

/// A client that keeps to `limits`.
pub(super) fn new(config: &SdkConfig, limits: &Limits) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(limits.attempts)
        .with_initial_backoff(limits.pause)
        .with_max_backoff(limits.attempt);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits.connect)
        .operation_attempt_timeout(limits.attempt)
        .operation_timeout(limits.total)
        .build();
    // At an endpoint of one's own, buckets are rarely names in the DNS.
    let own = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    let config = Builder::from(config)
        .interceptor(aws::bill::counting())
        .retry_config(retries)
        .retry_partition(aws::no_quota("objects"))
        .timeout_config(timeouts)
        .identity_cache(IdentityCache::lazy().buffer_time(USED_NO_MORE).build())
        .force_path_style(own)
        // Whole objects are verified where they are read.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    Client::from_conf(config)
}
