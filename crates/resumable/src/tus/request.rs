//! A tus request's head, in the order in which the protocol wants it judged: version, content type,
//! headers, sizes. Offsets are judged where the upload is known.

use super::{
    Metadata, OFFSET_OCTET_STREAM, TUS_RESUMABLE, TUS_VERSION, UPLOAD_CHECKSUM, UPLOAD_CONCAT,
    UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET, VERSION,
};
use crate::{Append, Command, Create, Limits, Refusal, RequestHead, header, limits::fits};
use http::{HeaderMap, HeaderName, Method, StatusCode, header::CONTENT_TYPE};
use model::{Error, ErrorKind};

/// The command of a tus request.
pub fn parse(method: &Method, head: &RequestHead<'_>, limits: &Limits) -> Result<Command, Refusal> {
    check_version(head.headers)?;
    match *method {
        Method::POST => create(head, limits).map(Command::Create),
        Method::HEAD => Ok(Command::Status),
        Method::DELETE => Ok(Command::Abort),
        _ => append(head).map(Command::Append),
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    if header::single(headers, &TUS_RESUMABLE)? == Some(VERSION) {
        return Ok(());
    }
    let refusal = Refusal::dictated(
        StatusCode::PRECONDITION_FAILED,
        ErrorKind::Unsupported,
        "this server speaks tus 1.0.0; send Tus-Resumable: 1.0.0",
    );
    Err(refusal.header(TUS_VERSION, VERSION))
}

fn create(head: &RequestHead<'_>, limits: &Limits) -> Result<Create, Refusal> {
    let has_body = head.body != Some(0);
    if has_body {
        check_content_type(head.headers)?;
    }
    not_announced(
        head.headers,
        &UPLOAD_DEFER_LENGTH,
        "send Upload-Length when the upload is created",
    )?;
    not_announced(head.headers, &UPLOAD_CONCAT, "send the file as one upload")?;
    not_announced(head.headers, &UPLOAD_CHECKSUM, "leave it out")?;
    let length = header::bytes(head.headers, &UPLOAD_LENGTH)?
        .ok_or_else(|| Error::invalid("a new upload needs Upload-Length, its size in bytes"))?;
    let metadata = header::single(head.headers, &UPLOAD_METADATA)?;
    let about = metadata.map_or_else(|| Ok(Metadata::default()), Metadata::parse)?.about()?;
    limits.check(length)?;
    fits(0, head.body, length)?;
    let metadata = metadata.map(str::to_owned);
    Ok(Create { length: Some(length), about, metadata, has_body, whole: false })
}

fn append(head: &RequestHead<'_>) -> Result<Append, Refusal> {
    check_content_type(head.headers)?;
    not_announced(head.headers, &UPLOAD_CHECKSUM, "leave it out")?;
    let offset = header::bytes(head.headers, &UPLOAD_OFFSET)?
        .ok_or_else(|| Error::invalid("an append needs Upload-Offset, where its bytes begin"))?;
    Ok(Append { offset, length: header::bytes(head.headers, &UPLOAD_LENGTH)?, body: head.body })
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    match header::single(headers, &CONTENT_TYPE)? {
        Some(sent) if sent.eq_ignore_ascii_case(OFFSET_OCTET_STREAM) => Ok(()),
        _ => Err(Refusal::dictated(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorKind::Unsupported,
            "a tus body has the content type application/offset+octet-stream",
        )),
    }
}

fn not_announced(headers: &HeaderMap, name: &HeaderName, instead: &str) -> Result<(), Error> {
    if !headers.contains_key(name) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{name} belongs to an extension that Tus-Extension does not announce; {instead}"
    )))
}
