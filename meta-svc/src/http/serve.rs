//! A GET or HEAD of bytes that never change under their tag: conditions, then ranges, then the bytes.

use super::{
    conditions::{Verdict, judge, range_applies},
    ranges::{self, Wanted},
};
use crate::cache::ObjectCache;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use content::Reader;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use model::{ByteRange, Result};
use objects::ObjectName;
use service::Problem;
use uuid::Uuid;

/// What is known of the bytes without reading them.
#[derive(Debug, Clone)]
pub(crate) struct Representation {
    /// Strong.
    pub(crate) tag: HeaderValue,
    pub(crate) media_type: HeaderValue,
    pub(crate) len: u64,
}

/// Where the bytes are. Holds none of them: what a slow client has not taken yet is not in memory.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// In blocks.
    Blocks(Reader),
    /// In one object.
    Object(ObjectCache, ObjectName),
}

/// Bytes of an object that a response has at hand at a time.
const PIECE: u64 = 256 << 10;

impl Source {
    fn stream(&self, range: ByteRange) -> Result<BoxStream<'static, Result<Bytes>>> {
        Ok(match self {
            Self::Blocks(reader) => reader.stream(range)?.boxed(),
            Self::Object(cache, name) => {
                let object = (cache.clone(), name.clone());
                stream::try_unfold((object, range), async |((cache, name), rest)| {
                    if rest.is_empty() {
                        return Ok(None);
                    }
                    let end = rest.end.min(rest.start.saturating_add(PIECE));
                    let piece = cache.part(&name, ByteRange::new(rest.start, end)).await?;
                    Ok(Some((piece, ((cache, name), ByteRange::new(end, rest.end)))))
                })
                .boxed()
            }
        })
    }
}

/// Answers a request for `what`. Nothing is read for a HEAD, nor where the client has it already.
pub(crate) async fn serve(
    method: &Method,
    headers: &HeaderMap,
    what: &Representation,
    source: &Source,
) -> Result<Response, Problem> {
    let wanted = match judge(headers, &what.tag) {
        Verdict::NotModified => return Ok(not_modified(what)),
        Verdict::Failed => {
            let detail =
                "this is not the version that you asked for; read it again without If-Match";
            return Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail));
        }
        // RFC 9110, 14.2: of other methods a range is ignored.
        Verdict::Proceed if method == Method::GET && range_applies(headers, &what.tag) => {
            ranges::wanted(headers.get(header::RANGE), what.len)
        }
        Verdict::Proceed => Wanted::Whole,
    };
    let mut response = match wanted {
        Wanted::Unsatisfiable => return Ok(unsatisfiable(what)),
        Wanted::Whole => whole(method, what, source).await?,
        Wanted::Parts(parts) => match parts.as_slice() {
            [part] => one(what, source, *part).await?,
            _ => many(what, source, parts).await?,
        },
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, what.tag.clone());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

fn not_modified(what: &Representation) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, what.tag.clone())]).into_response()
}

fn unsatisfiable(what: &Representation) -> Response {
    let detail = format!(
        "no byte of this range is there: these are {} bytes; at most {} ranges are served at once",
        what.len,
        ranges::MAX_RANGES
    );
    let mut response = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail).into_response();
    let complete = header_value(format!("bytes */{}", what.len));
    response.headers_mut().insert(header::CONTENT_RANGE, complete);
    response
}

async fn whole(
    method: &Method,
    what: &Representation,
    source: &Source,
) -> Result<Response, Problem> {
    let body = match what.len {
        0 => Body::empty(),
        _ if method == Method::HEAD => Body::empty(),
        len => Body::from_stream(open(source, ByteRange::new(0, len)).await?),
    };
    Ok(response(StatusCode::OK, what.len, what.media_type.clone(), body))
}

async fn one(what: &Representation, source: &Source, part: ByteRange) -> Result<Response, Problem> {
    let body = Body::from_stream(open(source, part).await?);
    let media_type = what.media_type.clone();
    let mut response = response(StatusCode::PARTIAL_CONTENT, part.len(), media_type, body);
    response
        .headers_mut()
        .insert(header::CONTENT_RANGE, header_value(content_range(part, what.len)));
    Ok(response)
}

/// RFC 9110, 14.6.
async fn many(
    what: &Representation,
    source: &Source,
    parts: Vec<ByteRange>,
) -> Result<Response, Problem> {
    // Random, so that no bytes of a file can look like it.
    let boundary = Uuid::new_v4().simple().to_string();
    let media_type = String::from_utf8_lossy(what.media_type.as_bytes());
    let head = |part: &ByteRange| {
        format!(
            "\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {}\r\n\r\n",
            content_range(*part, what.len)
        )
    };
    let heads: Vec<_> = parts.iter().map(head).collect();
    let end = format!("\r\n--{boundary}--\r\n");
    let text = heads.iter().map(String::len).sum::<usize>() + end.len();
    let len = parts.iter().map(ByteRange::len).sum::<u64>() + text as u64;
    // The first bytes are there before we promise any.
    let first = parts.first().copied().unwrap_or(ByteRange::new(0, 0));
    let mut opened = Some(open(source, first).await?);
    let source = source.clone();
    let pieces = heads.into_iter().zip(parts).map(move |(head, part)| {
        let bytes = opened.take().map_or_else(|| source.stream(part), Ok);
        let bytes = bytes.unwrap_or_else(|error| stream::once(async { Err(error) }).boxed());
        stream::once(async { Ok(Bytes::from(head)) }).chain(bytes)
    });
    let end = stream::once(async { Ok(Bytes::from(end)) });
    let body = Body::from_stream(stream::iter(pieces).flatten().chain(end));
    let media_type = header_value(format!("multipart/byteranges; boundary={boundary}"));
    Ok(response(StatusCode::PARTIAL_CONTENT, len, media_type, body))
}

/// The bytes of `range`, once the first of them are there: what is damaged at once is refused with a
/// problem document, what is damaged later breaks the body off.
async fn open(
    source: &Source,
    range: ByteRange,
) -> Result<BoxStream<'static, Result<Bytes>>, Problem> {
    let mut bytes = source.stream(range)?;
    let first = bytes.next().await.transpose()?;
    Ok(stream::iter(first.map(Ok)).chain(bytes).boxed())
}

fn response(status: StatusCode, len: u64, media_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, len.into());
    headers.insert(header::CONTENT_TYPE, media_type);
    response
}

fn content_range(part: ByteRange, len: u64) -> String {
    format!("bytes {}-{}/{len}", part.start, part.end.saturating_sub(1))
}

fn header_value(text: String) -> HeaderValue {
    #[expect(clippy::expect_used, reason = "numbers, ids and the text above are a header value")]
    HeaderValue::try_from(text).expect("visible ASCII")
}
