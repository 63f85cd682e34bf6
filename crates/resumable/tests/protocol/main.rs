//! The protocols as tables: one file per method, each row a request head and what must come of it.
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod any;
mod delete;
mod head;
mod options;
mod patch;
mod plain;
mod post;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use resumable::{Command, Limits, Refusal, Request, RequestHead, Target};

const LIMITS: Limits = Limits { max_size: 1000 };

/// The version header every tus request has.
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");

/// The content type of a tus body.
const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
}

fn ask(
    method: &Method,
    target: Target,
    pairs: &[(&str, &str)],
    body: Option<u64>,
) -> Result<Request, Refusal> {
    let headers = headers(pairs);
    let head = RequestHead { method, query: None, headers: &headers, body };
    resumable::parse(&head, target, &LIMITS)
}

/// The command of a request that must be understood.
fn command(method: &Method, target: Target, pairs: &[(&str, &str)], body: Option<u64>) -> Command {
    ask(method, target, pairs, body)
        .unwrap_or_else(|refusal| panic!("{pairs:?}: {refusal:?}"))
        .command
}

/// A request's headers, the framing of its body, and the status it must be refused with.
type Row<'a> = (&'a [(&'a str, &'a str)], Option<u64>, u16);

/// Checks that each row is refused with its status, in words, and dressed as tus.
fn refused(method: &Method, target: Target, rows: &[Row<'_>]) {
    for (pairs, body, status) in rows {
        let refusal = ask(method, target, pairs, *body).expect_err(&format!("{pairs:?}"));
        assert_eq!(status_of(&refusal), *status, "{pairs:?}: {}", refusal.error);
        assert_eq!(header(&refusal, "tus-resumable"), Some("1.0.0"), "{pairs:?}");
        assert!(refusal.error.to_string().len() > 20, "{}", refusal.error);
    }
}

/// The value of a refusal's header, which comes once.
fn header<'a>(refusal: &'a Refusal, name: &str) -> Option<&'a str> {
    let mut values = refusal.headers.iter().filter(|(known, _)| known == name);
    let value = values.next().map(|(_, value)| value.to_str().unwrap());
    assert!(values.next().is_none(), "{name} comes twice");
    value
}

/// The status a refusal dictates, or the one of a request that is simply wrong.
fn status_of(refusal: &Refusal) -> u16 {
    refusal.status.map_or(400, |status| status.as_u16())
}
