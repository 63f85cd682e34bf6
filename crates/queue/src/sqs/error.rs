//! What SQS's refusals mean for the caller.

use aws::{Answer, Service};
use aws_sdk_sqs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use model::{Error, ErrorKind};
use std::error::Error as StdError;

pub(super) const SERVICE: Service = Service {
    name: "the queue of jobs",
    protocol: "SQS",
    setting: "HASHREEL_QUEUE",
    endpoint: "AWS_ENDPOINT_URL_SQS",
};

/// The error that the SDK's error is.
pub(super) fn refused<E>(error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    SERVICE.error(error)
}

/// Whether there is no such queue. The code is that of the older protocol where whoever answers knows it.
pub(super) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(
        Answer::of(error).code,
        "AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist"
    )
}

/// Whether a receipt was once good and is not any more. SQS has no error of its own for all of this.
pub(super) fn says_stale(code: &str) -> bool {
    code.contains("InvalidParameterValue") || code.contains("MessageNotInflight")
}

/// Whether a receipt was never one of the queue's.
pub(super) fn says_not_ours(code: &str) -> bool {
    code.contains("ReceiptHandleIsInvalid")
}

pub(super) fn lost() -> Error {
    Error::conflict("the job is not held any more: it took too long, or somebody finished it")
}

pub(super) fn of_another_queue() -> Error {
    Error::invalid("this receipt is of another queue")
}

pub(super) fn unsendable(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::with_source(ErrorKind::Internal, "a job cannot be sent", error)
}
