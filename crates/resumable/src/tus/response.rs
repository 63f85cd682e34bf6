//! The heads of tus responses.

use super::{
    EXTENSIONS, TUS_EXTENSION, TUS_MAX_SIZE, TUS_RESUMABLE, TUS_VERSION, UPLOAD_LENGTH,
    UPLOAD_METADATA, UPLOAD_OFFSET, VERSION,
};
use crate::{HASHREEL_FILE, Limits, Outcome, Refusal, ResponseHead, Standing, header};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, LOCATION},
};
use model::ErrorKind;

/// The head of a successful response.
pub fn respond(outcome: &Outcome, limits: &Limits) -> ResponseHead {
    let mut headers = HeaderMap::new();
    headers.insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    let status = match outcome {
        Outcome::Capabilities => {
            headers.insert(TUS_VERSION, HeaderValue::from_static(VERSION));
            headers.insert(TUS_EXTENSION, HeaderValue::from_static(EXTENSIONS));
            headers.insert(TUS_MAX_SIZE, limits.max_size.into());
            StatusCode::NO_CONTENT
        }
        Outcome::Created { location, standing } => {
            headers.extend(header::value(location).map(|location| (LOCATION, location)));
            progress(&mut headers, standing);
            StatusCode::CREATED
        }
        Outcome::Appended(standing) => {
            progress(&mut headers, standing);
            StatusCode::NO_CONTENT
        }
        Outcome::Status(standing) => {
            progress(&mut headers, standing);
            if let Some(length) = standing.length {
                headers.insert(UPLOAD_LENGTH, length.into());
            }
            if let Some(metadata) = standing.metadata.as_deref().and_then(header::value) {
                headers.insert(UPLOAD_METADATA, metadata);
            }
            // "The Server MUST prevent the client and/or proxies from caching the response."
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            StatusCode::OK
        }
        Outcome::Aborted => StatusCode::NO_CONTENT,
    };
    ResponseHead { status, headers }
}

fn progress(headers: &mut HeaderMap, standing: &Standing) {
    headers.insert(UPLOAD_OFFSET, standing.offset.into());
    if let Some(file) = standing.file.and_then(|file| header::value(&file.to_string())) {
        headers.insert(HASHREEL_FILE, file);
    }
}

/// Adds what tus wants in every response that is an error.
pub fn refuse(refusal: Refusal) -> Refusal {
    let mut refusal = refusal.header(TUS_RESUMABLE, VERSION);
    let dictated = match refusal.error.kind() {
        // A request whose upload was taken over: clients go on after a 409, and ask for the offset first.
        ErrorKind::Conflict | ErrorKind::Cancelled => Some(StatusCode::CONFLICT),
        ErrorKind::Gone => Some(StatusCode::GONE),
        ErrorKind::NotFound => Some(StatusCode::NOT_FOUND),
        ErrorKind::TooLarge => Some(StatusCode::PAYLOAD_TOO_LARGE),
        ErrorKind::Forbidden => Some(StatusCode::FORBIDDEN),
        // Clients try again after 409, 423 and what is ours (5xx), and give up on any other 4xx.
        ErrorKind::Busy => Some(StatusCode::SERVICE_UNAVAILABLE),
        _ => None,
    };
    refusal.status = refusal.status.or(dictated);
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Error;

    #[test]
    fn what_may_succeed_later_has_a_status_that_clients_try_again_after() {
        for kind in [ErrorKind::Busy, ErrorKind::Conflict, ErrorKind::Cancelled] {
            let status = refuse(Refusal::new(Error::new(kind, "not now"))).status.unwrap();
            // The rule of tus-js-client.
            let tries_again = status.is_server_error() || [409, 423].contains(&status.as_u16());
            assert!(tries_again, "{kind:?}: {status}");
        }
    }
}
