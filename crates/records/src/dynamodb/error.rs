//! What DynamoDB's refusals mean for the caller.

use super::DynamoRecords;
use aws::{Answer, Service};
use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use model::{Error, ErrorKind};
use std::error::Error as StdError;

const SERVICE: Service = Service {
    name: "the store of records",
    protocol: "DynamoDB",
    setting: "HASHREEL_RECORDS",
    endpoint: "AWS_ENDPOINT_URL_DYNAMODB",
};

impl DynamoRecords {
    /// The error that the SDK's error is.
    pub(super) fn error<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match Answer::of(&error).code {
            "ResourceNotFoundException" => {
                let table = &self.table;
                let sentence =
                    format!("there is no table {table}: make it, or correct HASHREEL_RECORDS");
                Error::with_source(ErrorKind::Internal, sentence, error)
            }
            // The same again may succeed: others were writing the same records, or this is being written.
            "TransactionConflictException" | "TransactionInProgressException" => contended(error),
            _ => SERVICE.error(error),
        }
    }
}

/// Others write the same records all the time.
pub(super) fn contended(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::with_source(ErrorKind::Busy, "too many write this at once; try again later", error)
}
