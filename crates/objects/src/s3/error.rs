//! What only S3 says when it refuses; the rest it has in common with all of AWS.

use aws::{Answer, Service};
use aws_sdk_s3::{
    config::{
        http::HttpResponse,
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction},
    },
    error::{ProvideErrorMetadata, SdkError},
};
use model::{Error, ErrorKind};
use std::error::Error as StdError;

const OBJECTS: Service = Service {
    name: "the store of objects",
    protocol: "S3",
    setting: "HASHREEL_OBJECTS",
    endpoint: "AWS_ENDPOINT_URL_S3",
};

/// S3's answer to one of two puts of one name that come at the same moment: neither of the two outcomes.
const RACE: &str = "ConditionalRequestConflict";

/// Whether a put was refused because somebody has put an object of this name before.
pub(super) fn is_taken<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    Answer::of(error).status == 412
}

/// The error that the SDK's error is, for a request to `bucket`.
pub(super) fn error<E>(bucket: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match meaning(bucket, Answer::of(&error)) {
        Some((kind, sentence)) => Error::with_source(kind, sentence, error),
        None => OBJECTS.error(error),
    }
}

/// As [`error`] for HEAD of an object, whose refusals have no body.
pub(super) fn head_error<E>(bucket: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    if Answer::of(&error).status == 404 {
        return Error::with_source(ErrorKind::NotFound, NOT_FOUND, error);
    }
    self::error(bucket, error)
}

/// As [`error`] for HEAD of the bucket.
pub(super) fn bucket_error<E>(bucket: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    if Answer::of(&error).status == 404 {
        return Error::with_source(ErrorKind::Internal, no_bucket(bucket), error);
    }
    self::error(bucket, error)
}

/// For an answer that is well and is not S3's.
pub(super) fn not_s3() -> Error {
    let (kind, sentence) = OBJECTS.meaning(Answer { status: 404, code: "", message: "" });
    Error::new(kind, sentence)
}

/// The error of one object of many that was refused within an answer that is otherwise well.
pub(super) fn refused(bucket: &str, code: &str) -> Error {
    let answer = Answer { status: 400, code, message: "" };
    let (kind, sentence) = meaning(bucket, answer).unwrap_or_else(|| OBJECTS.meaning(answer));
    Error::new(kind, sentence)
}

const NOT_FOUND: &str = "there is no such object";

fn no_bucket(bucket: &str) -> String {
    format!("there is no bucket {bucket}: make it, or correct HASHREEL_OBJECTS")
}

fn meaning(bucket: &str, answer: Answer<'_>) -> Option<(ErrorKind, String)> {
    let (kind, sentence) = match (answer.status, answer.code) {
        (_, "NoSuchKey") => (ErrorKind::NotFound, NOT_FOUND.to_owned()),
        (_, "NoSuchBucket") => (ErrorKind::Internal, no_bucket(bucket)),
        (416, _) => {
            (ErrorKind::RangeNotSatisfiable, "no byte of this range is in the object".into())
        }
        (301 | 307, _)
        | (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => (
            ErrorKind::Internal,
            format!("the bucket {bucket} is in another region: set AWS_REGION to that one"),
        ),
        (_, "InvalidToken" | "TokenRefreshRequired") => (
            ErrorKind::Internal,
            "the store of objects does not take this session: correct AWS_SESSION_TOKEN, or the \
             profile or role in its place"
                .into(),
        ),
        (_, "SlowDown" | RACE) => {
            (ErrorKind::Busy, "the store of objects is overloaded; try again later".into())
        }
        // Also within an answer that began well.
        (_, "InternalError" | "ServiceUnavailable") => {
            (ErrorKind::Unavailable, "the store of objects is in trouble; try again later".into())
        }
        (501, _) | (_, "NotImplemented") => (
            ErrorKind::Internal,
            "the store of objects lacks a part of S3 that Hashreel needs, conditional writes or SHA-256 \
             checksums: keep objects where both are (docs/deploy.md)"
                .into(),
        ),
        (507, _) => (ErrorKind::NoSpace, "the store of objects has no space left".into()),
        (_, "BadDigest" | "RequestTimeout" | "IncompleteBody") => (
            ErrorKind::Unavailable,
            "the store of objects did not get all bytes of an object; try again".into(),
        ),
        _ => return None,
    };
    Some((kind, sentence))
}

/// Has a put tried again that met another one, which the SDK would not do by itself. For no other request:
/// of an upload whose completion meets a put, the parts are void.
#[derive(Debug)]
pub(super) struct Races;

impl ClassifyRetry for Races {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let conflict = context.response().is_some_and(|answer| answer.status().as_u16() == 409);
        if conflict { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "puts that meet"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_caller_can_do_and_which_setting_is_wrong() {
        use ErrorKind::*;
        let cases = [
            (
                404,
                "NoSuchBucket",
                Internal,
                "no bucket reels: make it, or correct HASHREEL_OBJECTS",
            ),
            (404, "NoSuchKey", NotFound, "no such object"),
            (416, "InvalidRange", RangeNotSatisfiable, "no byte"),
            (301, "PermanentRedirect", Internal, "AWS_REGION"),
            (400, "AuthorizationHeaderMalformed", Internal, "AWS_REGION"),
            (400, "InvalidToken", Internal, "AWS_SESSION_TOKEN"),
            (503, "SlowDown", Busy, "overloaded"),
            (409, "ConditionalRequestConflict", Busy, "try again later"),
            (501, "NotImplemented", Internal, "conditional writes"),
            (507, "", NoSpace, "no space"),
            (400, "BadDigest", Unavailable, "try again"),
            (400, "RequestTimeout", Unavailable, "try again"),
        ];
        for (status, code, kind, says) in cases {
            let (found, sentence) = meaning("reels", Answer { status, code, message: "" }).unwrap();
            assert_eq!(found, kind, "{status} {code}");
            assert!(sentence.contains(says), "{status} {code}: {sentence}");
        }
    }

    #[test]
    fn one_refusal_among_many_has_the_same_meaning() {
        let kinds =
            ["InternalError", "SlowDown", "AccessDenied"].map(|c| refused("reels", c).kind());
        assert_eq!(kinds, [ErrorKind::Unavailable, ErrorKind::Busy, ErrorKind::Internal]);
    }
}
