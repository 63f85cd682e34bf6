//! A whole file in one POST, for programs that speak no protocol: `curl --data-binary @clip.mp4
//! 'http://.../uploads?name=clip.mp4'`.
//!
//! The name comes from `Content-Disposition`, else from `?name=`; the length from the body's framing,
//! else from its end. Such an upload cannot be resumed.

use crate::{
    About, Command, Create, HASHREEL_FILE, Limits, Outcome, Refusal, RequestHead, ResponseHead,
    Standing, disposition, header, name, tus,
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION},
};
use model::{Error, ErrorKind};

/// The command of a request to the collection or to an upload that was made this way.
pub fn parse(method: &Method, head: &RequestHead<'_>, limits: &Limits) -> Result<Command, Refusal> {
    match *method {
        Method::POST => create(head, limits).map(Command::Create),
        Method::HEAD => Ok(Command::Status),
        Method::DELETE => Ok(Command::Abort),
        _ => Err(Refusal::new(Error::new(
            ErrorKind::Forbidden,
            "this upload was sent in one request and takes no more bytes; start a new one",
        ))),
    }
}

fn create(head: &RequestHead<'_>, limits: &Limits) -> Result<Create, Refusal> {
    if let Some(length) = head.body {
        limits.check(length)?;
    }
    let media_type = match header::single(head.headers, &CONTENT_TYPE)? {
        Some(form) if is(form, "multipart/form-data") => {
            return Err(Refusal::new(Error::new(
                ErrorKind::Unsupported,
                "forms are not taken apart here; send the file itself as the body, or use tus",
            )));
        }
        // What curl says of any --data: it tells nothing about the file.
        Some(form) if is(form, "application/x-www-form-urlencoded") => name::OCTETS.to_owned(),
        Some(sent) => name::media_type(sent),
        None => name::OCTETS.to_owned(),
    };
    let about = About { name: file_name(head)?, media_type, relative_path: None, file: None };
    Ok(Create {
        length: head.body,
        about,
        metadata: None,
        has_body: head.body != Some(0),
        whole: true,
    })
}

fn file_name(head: &RequestHead<'_>) -> Result<String, Refusal> {
    let disposed =
        header::single(head.headers, &CONTENT_DISPOSITION)?.and_then(disposition::filename);
    let sent = disposed.or_else(|| {
        form_urlencoded::parse(head.query.unwrap_or_default().as_bytes())
            .find_map(|(key, value)| (key == "name").then(|| value.into_owned()))
    });
    Ok(name::display_name(&sent.unwrap_or_default()))
}

fn is(content_type: &str, essence: &str) -> bool {
    content_type.split(';').next().is_some_and(|sent| sent.trim().eq_ignore_ascii_case(essence))
}

/// The head of a successful response.
pub fn respond(outcome: &Outcome) -> ResponseHead {
    let mut headers = HeaderMap::new();
    let mut say = |standing: &Standing| {
        headers.insert(tus::UPLOAD_OFFSET, standing.offset.into());
        if let Some(length) = standing.length {
            headers.insert(tus::UPLOAD_LENGTH, length.into());
        }
        if let Some(file) = standing.file.and_then(|file| header::value(&file.to_string())) {
            headers.insert(HASHREEL_FILE, file);
        }
    };
    let status = match outcome {
        Outcome::Created { location, standing } => {
            say(standing);
            headers.extend(header::value(location).map(|location| (LOCATION, location)));
            StatusCode::CREATED
        }
        Outcome::Status(standing) => {
            say(standing);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            StatusCode::OK
        }
        Outcome::Appended(standing) => {
            say(standing);
            StatusCode::NO_CONTENT
        }
        Outcome::Capabilities | Outcome::Aborted => StatusCode::NO_CONTENT,
    };
    ResponseHead { status, headers }
}
