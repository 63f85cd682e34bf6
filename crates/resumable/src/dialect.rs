//! Which protocol a request speaks, and the way to that protocol's parser and writer.
//!
//! POST: `Tus-Resumable` or any tus `Upload-*` header means tus, none a plain upload. PATCH: tus says so
//! by its content type. HEAD and DELETE: the dialect the upload was created in. `Upload-Complete`
//! announces IETF resumable uploads, which are not spoken here yet: such a request is refused by name, so
//! that its client does not believe it may resume.

use crate::{Command, Limits, Outcome, Refusal, ResponseHead, header, plain, tus};
use http::{
    HeaderMap, HeaderName, Method, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use model::{Error, ErrorKind};

/// Replaces the request's method, for clients that cannot send PATCH or DELETE.
pub const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

const UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");

/// A protocol for uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// tus 1.0.
    Tus,
    /// A whole file in one POST.
    Plain,
}

/// What this crate needs of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method as sent.
    pub method: &'a Method,
    /// What follows the `?` of its address.
    pub query: Option<&'a str>,
    /// All its headers.
    pub headers: &'a HeaderMap,
    /// Bytes in its body where the framing tells: `Some(0)` without a body, `None` where only its end
    /// tells (chunked, or HTTP/2 without a length).
    pub body: Option<u64>,
}

/// What a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `/uploads`
    Collection,
    /// `/uploads/{id}`, an upload created in this dialect.
    Upload(Dialect),
}

/// A request, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The protocol to answer in.
    pub dialect: Dialect,
    /// What it wants.
    pub command: Command,
}

/// Understands a request.
///
/// # Errors
/// A [`Refusal`] with everything the protocol wants in the response, for whatever is not exactly right.
pub fn parse(head: &RequestHead<'_>, target: Target, limits: &Limits) -> Result<Request, Refusal> {
    let method = method(head).map_err(|error| refuse(spoken(head), error))?;
    let dialect = dialect(&method, head, target)?;
    let command = match dialect {
        _ if method == Method::OPTIONS => Ok(Command::Options),
        Dialect::Tus => tus::parse(&method, head, limits),
        Dialect::Plain => plain::parse(&method, head, limits),
    };
    match command {
        Ok(command) => Ok(Request { dialect, command }),
        Err(refusal) => Err(dress(dialect, refusal)),
    }
}

/// The dialect that a request's own headers tell, for an answer given before it is understood: to an
/// upload that does not exist, or a caller who is not known.
#[must_use]
pub fn spoken(head: &RequestHead<'_>) -> Dialect {
    let tus = head.method == Method::OPTIONS
        || tus::REQUEST_HEADERS.iter().any(|name| head.headers.contains_key(name))
        || has_content_type(head.headers, tus::OFFSET_OCTET_STREAM);
    if tus { Dialect::Tus } else { Dialect::Plain }
}

/// The head of a successful response.
#[must_use]
pub fn respond(dialect: Dialect, outcome: &Outcome, limits: &Limits) -> ResponseHead {
    match dialect {
        Dialect::Tus => tus::respond(outcome, limits),
        Dialect::Plain => plain::respond(outcome),
    }
}

/// An error of carrying out a command, as the dialect wants it said.
#[must_use]
pub fn refuse(dialect: Dialect, error: Error) -> Refusal {
    dress(dialect, Refusal::new(error))
}

fn dress(dialect: Dialect, refusal: Refusal) -> Refusal {
    match dialect {
        Dialect::Tus => tus::refuse(refusal),
        Dialect::Plain => refusal,
    }
}

/// The method that counts.
fn method(head: &RequestHead<'_>) -> Result<Method, Error> {
    let Some(text) = header::single(head.headers, &METHOD_OVERRIDE)? else {
        return Ok(head.method.clone());
    };
    Method::from_bytes(text.as_bytes()).map_err(|cause| {
        Error::with_source(ErrorKind::Invalid, "X-HTTP-Method-Override is a method", cause)
    })
}

fn dialect(method: &Method, head: &RequestHead<'_>, target: Target) -> Result<Dialect, Refusal> {
    let ietf = head.headers.contains_key(UPLOAD_COMPLETE)
        || (method == Method::PATCH
            && has_content_type(head.headers, "application/partial-upload"));
    if ietf && *method != Method::OPTIONS {
        return Err(Refusal::dictated(
            StatusCode::BAD_REQUEST,
            ErrorKind::Unsupported,
            "IETF resumable uploads (Upload-Complete) are not supported by this server; use tus 1.0, or \
             send the whole file in one POST without Upload-Complete",
        ));
    }
    match (target, method) {
        (_, &Method::OPTIONS) => Ok(Dialect::Tus),
        (Target::Collection, &Method::POST) => Ok(spoken(head)),
        (Target::Upload(created), &Method::HEAD | &Method::DELETE | &Method::PATCH) => Ok(created),
        (Target::Collection, _) => Err(not_allowed(head, "POST, OPTIONS")),
        (Target::Upload(_), _) => Err(not_allowed(head, "HEAD, PATCH, DELETE, OPTIONS")),
    }
}

fn not_allowed(head: &RequestHead<'_>, allowed: &'static str) -> Refusal {
    let message = format!("this address takes {allowed} only");
    let refusal =
        Refusal::dictated(StatusCode::METHOD_NOT_ALLOWED, ErrorKind::Unsupported, message);
    dress(spoken(head), refusal.header(ALLOW, allowed))
}

fn has_content_type(headers: &HeaderMap, wanted: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|sent| sent.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
}
