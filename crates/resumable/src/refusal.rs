//! A request that is not carried out, as the protocol wants it said.

use http::{HeaderName, HeaderValue, StatusCode};
use model::{Error, ErrorKind};

/// An error, the status where the protocol dictates one, and the headers that go with it. The body is
/// the caller's: a problem document made from `error`.
#[derive(Debug)]
pub struct Refusal {
    /// What is wrong and what to do.
    pub error: Error,
    /// Overrides the status that the error's kind would have.
    pub status: Option<StatusCode>,
    /// Added to the response; no name comes twice.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with the status of the error's kind.
    #[must_use]
    pub fn new(error: Error) -> Self {
        Self { error, status: None, headers: Vec::new() }
    }

    /// A refusal with a status of the protocol's.
    pub(crate) fn dictated(
        status: StatusCode,
        kind: ErrorKind,
        message: impl Into<String>,
    ) -> Self {
        Self { status: Some(status), ..Self::new(Error::new(kind, message)) }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}
