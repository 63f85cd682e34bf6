//! How the SDK is set up: TLS, time-outs, tries, and what it finds in the environment.

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use model::{Error, ErrorKind, Result};
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one try of a call may take.
pub const ATTEMPT: Duration = Duration::from_secs(5);
/// How long a call may take with all its tries. Below it a client's own time-out seldom strikes.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// Tries of a call that the SDK itself may repeat, with jitter between them.
const TRIES: u32 = 6;
/// The longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the SDK's own variables and files say: endpoint, region, credentials. They are looked at here,
/// once, since a call without them tells little.
///
/// # Errors
/// `Internal` where there is no region or there are no credentials.
pub async fn config() -> Result<SdkConfig> {
    let retries = RetryConfig::standard().with_max_attempts(TRIES).with_max_backoff(LONGEST_PAUSE);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(DEADLINE)
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http())
        .retry_config(retries)
        .timeout_config(timeouts)
        .load()
        .await;
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(Error::internal(
            "AWS's region is not known: set AWS_REGION, or region in the AWS configuration file",
        ));
    }
    let none = "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                AWS_PROFILE, or give the machine a role";
    let provider = config.credentials_provider().ok_or_else(|| Error::internal(none))?;
    match provider.provide_credentials().await {
        Ok(_) => Ok(config),
        Err(error) => Err(Error::with_source(ErrorKind::Internal, none, error)),
    }
}

/// A client with the TLS of the rest of the house; its connections are kept and used again.
#[must_use]
pub fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// For the configuration of a client, `whose` tries have no quota over all its calls, as the SDK's have:
/// under many failures that would leave single calls without any.
#[must_use]
pub fn no_quota(whose: &'static str) -> RetryPartition {
    RetryPartition::custom(whose).token_bucket(TokenBucket::unlimited()).build()
}
