//! What a refusal means for the caller, and which setting is wrong where one is.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use model::{Error, ErrorKind};
use std::error::Error as StdError;

/// What one of AWS's services is to us, for sentences.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// As in "the store of records".
    pub name: &'static str,
    /// The protocol it should speak, as "DynamoDB".
    pub protocol: &'static str,
    /// What names it, as "HASHREEL_RECORDS".
    pub setting: &'static str,
    /// What says where it is, before AWS_ENDPOINT_URL does, as "AWS_ENDPOINT_URL_DYNAMODB".
    pub endpoint: &'static str,
}

/// What came back in the place of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Zero where nothing came back.
    pub status: u16,
    /// The service's word for it, empty where it says none.
    pub code: &'a str,
    /// Its sentence, empty where it says none.
    pub message: &'a str,
}

impl<'a> Answer<'a> {
    /// What `error` came with.
    pub fn of<E: ProvideErrorMetadata>(error: &'a SdkError<E, HttpResponse>) -> Self {
        let status = error.raw_response().map_or(0, |answer| answer.status().as_u16());
        let said = error.as_service_error();
        Self {
            status,
            code: said.and_then(ProvideErrorMetadata::code).unwrap_or(""),
            message: said.and_then(ProvideErrorMetadata::message).unwrap_or(""),
        }
    }
}

/// Whether the call may have had its effect, or may have it a moment later.
pub fn may_have_happened<E>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(refused) => refused.raw().status().is_server_error(),
        _ => true,
    }
}

impl Service {
    /// The error that the SDK's error is.
    pub fn error<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let answer = Answer::of(&error);
        let (kind, sentence) = match &error {
            SdkError::ConstructionFailure(_) => {
                (ErrorKind::Internal, format!("a request to {} cannot be made", self.name))
            }
            // The connection broke in its middle: what had come of it says nothing.
            SdkError::ResponseError(came) if came.raw().body().bytes().is_none() => {
                self.meaning(Answer { status: 0, code: "", message: "" })
            }
            // It came whole, and makes no sense.
            SdkError::ResponseError(_) if answer.status < 500 => {
                (ErrorKind::Unavailable, self.speaks_something_else())
            }
            _ => self.meaning(answer),
        };
        Error::with_source(kind, sentence, error)
    }

    /// What the caller can do about a refusal, and the sentence that says so. What only one service
    /// says is for its back end to look at first.
    #[must_use]
    pub fn meaning(&self, answer: Answer<'_>) -> (ErrorKind, String) {
        let (Self { name, setting, endpoint, .. }, Answer { status, code, message }) =
            (self, answer);
        match (status, code) {
            (_, "RequestTimeTooSkewed") => self.clock(),
            (_, "InvalidSignatureException" | "SignatureDoesNotMatch")
                if message.contains("expired") || message.contains("not yet current") =>
            {
                self.clock()
            }
            (
                _,
                "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidAccessKeyId"
                | "InvalidSignatureException"
                | "SignatureDoesNotMatch"
                | "IncompleteSignature"
                | "MissingAuthenticationToken"
                | "MissingAuthenticationTokenException"
                | "ExpiredToken"
                | "ExpiredTokenException",
            ) => (
                ErrorKind::Internal,
                format!(
                    "{name} does not take these credentials ({code}): correct AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY, or the profile or role in their place"
                ),
            ),
            (_, "AccessDenied" | "AccessDeniedException" | "OptInRequired") | (403, _) => (
                ErrorKind::Internal,
                format!(
                    "{name} is not open to these credentials: either it is somebody else's, then \
                     correct {setting}, or their policy lacks a permission"
                ),
            ),
            (
                _,
                "ThrottlingException"
                | "Throttling"
                | "RequestThrottled"
                | "RequestLimitExceeded"
                | "ProvisionedThroughputExceededException"
                | "OverLimit",
            )
            | (429, _) => (ErrorKind::Busy, format!("{name} is overloaded; try again later")),
            (0 | 500.., _) => (
                ErrorKind::Unavailable,
                format!(
                    "{name} does not answer as it should: wait until it does, or correct {endpoint} or \
                     AWS_ENDPOINT_URL, which say where it is if it is not AWS's"
                ),
            ),
            (_, "") => (ErrorKind::Internal, self.speaks_something_else()),
            _ => (ErrorKind::Internal, format!("{name} refuses a request: {status} {code}")),
        }
    }

    fn clock(&self) -> (ErrorKind, String) {
        let sentence =
            format!("this machine's clock is too wrong for {}: set the clock", self.name);
        (ErrorKind::Internal, sentence)
    }

    fn speaks_something_else(&self) -> String {
        let Self { name, protocol, endpoint, .. } = self;
        format!(
            "what answers in the place of {name} does not speak {protocol}'s protocol: correct \
             {endpoint} or AWS_ENDPOINT_URL"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    const STORE: Service = Service {
        name: "the store",
        protocol: "DynamoDB",
        setting: "HASHREEL_RECORDS",
        endpoint: "AWS_ENDPOINT_URL_DYNAMODB",
    };

    #[test]
    fn an_answer_that_broke_off_is_told_from_one_of_something_else() {
        let cases = [
            (SdkBody::taken(), "does not answer as it should"),
            (SdkBody::from("<html>"), "does not speak DynamoDB's protocol"),
            (SdkBody::from(""), "does not speak DynamoDB's protocol"),
        ];
        for (body, says) in cases {
            let came = HttpResponse::new(200.try_into().unwrap(), body);
            let error = SdkError::<ErrorMetadata, _>::response_error("half of it", came);
            let error = STORE.error(error);
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_caller_can_do_and_which_setting_is_wrong() {
        use ErrorKind::*;
        let cases = [
            (400, "UnrecognizedClientException", "", Internal, "AWS_ACCESS_KEY_ID"),
            (403, "InvalidClientTokenId", "", Internal, "AWS_ACCESS_KEY_ID"),
            (400, "InvalidSignatureException", "do not match", Internal, "AWS_SECRET_ACCESS_KEY"),
            (400, "InvalidSignatureException", "Signature expired: now", Internal, "set the clock"),
            (403, "SignatureDoesNotMatch", "Signature not yet current", Internal, "set the clock"),
            (400, "ExpiredTokenException", "", Internal, "profile or role"),
            (400, "AccessDeniedException", "", Internal, "correct HASHREEL_RECORDS"),
            (403, "", "", Internal, "their policy lacks"),
            (400, "ThrottlingException", "", Busy, "overloaded"),
            (400, "ProvisionedThroughputExceededException", "", Busy, "overloaded"),
            (429, "", "", Busy, "overloaded"),
            (500, "InternalServerError", "", Unavailable, "AWS_ENDPOINT_URL_DYNAMODB"),
            (503, "", "", Unavailable, "does not answer"),
            (0, "", "", Unavailable, "does not answer"),
            (404, "", "", Internal, "does not speak DynamoDB's protocol"),
            (400, "ValidationException", "", Internal, "400 ValidationException"),
        ];
        for (status, code, message, kind, says) in cases {
            let (found, sentence) = STORE.meaning(Answer { status, code, message });
            assert_eq!(found, kind, "{status} {code}");
            assert!(sentence.contains(says), "{status} {code}: {sentence}");
        }
    }
}
