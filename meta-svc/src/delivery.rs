//! Where players get segments: from this service, from an edge that gets each of them here once, or
//! straight from the bucket.
//!
//! An edge is told by its address in the manifests. A bucket is not: its addresses are signed and expire,
//! so a manifest of them would be long, kept by nobody, and useless before a film is over. There, manifests
//! name segments as ever, and each request is sent on to an address that was signed for it.

use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use cmaf::manifest::Uris;
use model::{Error, ErrorKind, FileId, Result, without_secret};
use objects::{ObjectName, ObjectStore};
use std::{fmt, str::FromStr, time::Duration};

/// How long a signed address is valid, for a request to begin.
const SIGNED: Duration = Duration::from_secs(300);
/// How long a player may use it again, so that seeking back costs nothing: far below [`SIGNED`], because
/// what signed it may expire before.
const AGAIN: HeaderValue = HeaderValue::from_static("private, max-age=60");

/// Where players get segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// From this service.
    Here,
    /// From the store of objects, by signed addresses.
    Presigned,
    /// From an edge in front of this service.
    Edge(Edge),
}

/// The address of an edge: `{address}play/r/...` is there what `/play/r/...` is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Scheme, name and port.
    origin: String,
    /// Begins and ends with `/`.
    path: String,
}

impl Delivery {
    /// Where the manifests of `file` point.
    pub(crate) fn uris(&self, file: FileId) -> Uris {
        let local = Uris::local(file);
        match self {
            Self::Here | Self::Presigned => local,
            Self::Edge(edge) => Uris { segments: format!("{edge}play/r/"), ..local },
        }
    }

    /// The origin besides ours that the page's player gets segments from.
    ///
    /// # Errors
    /// `Invalid` for signed addresses of a store that has none; those of the store.
    pub(crate) async fn origin(&self, objects: &dyn ObjectStore) -> Result<Option<String>> {
        match self {
            Self::Here => Ok(None),
            Self::Edge(edge) => Ok(Some(edge.origin.clone())),
            Self::Presigned => {
                // Signing asks nobody, and whether an object is there is not looked at.
                let any = ObjectName::new("renditions")?;
                let signed = objects.presign_get(&any, SIGNED).await.map_err(no_addresses)?;
                Ok(Some(origin(&signed.parse().map_err(strange)?)?))
            }
        }
    }
}

fn no_addresses(error: Error) -> Error {
    if error.kind() != ErrorKind::Unsupported {
        return error;
    }
    let sentence = "objects in files have no signed addresses: say `--delivery here` or the address of \
                    an edge, or keep objects in S3";
    Error::with_source(ErrorKind::Invalid, sentence, error)
}

fn strange(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with_source(ErrorKind::Internal, "the store of objects signs strange addresses", error)
}

fn origin(uri: &Uri) -> Result<String> {
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => Ok(format!("{scheme}://{authority}")),
        _ => Err(Error::internal("the store of objects signs addresses without an origin")),
    }
}

/// Sends the client on to where the store has the object.
///
/// # Errors
/// Those of the store.
pub(crate) async fn redirect(objects: &dyn ObjectStore, name: &ObjectName) -> Result<Response> {
    let signed = objects.presign_get(name, SIGNED).await?;
    let location = HeaderValue::try_from(signed).map_err(strange)?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, AGAIN)];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

impl FromStr for Delivery {
    type Err = Error;

    /// # Errors
    /// `Invalid` for anything else.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "here" => Ok(Self::Here),
            "presigned" => Ok(Self::Presigned),
            address => Edge::parse(address).map(Self::Edge).ok_or_else(|| {
                Error::invalid(format!(
                    "`{}` is no way of delivery: say `here`, `presigned`, or the address of an edge \
                     as https://cdn.example/",
                    without_secret(text)
                ))
            }),
        }
    }
}

impl Edge {
    /// Of what stands in manifests and in the page's policy, nothing may be read as more than an address.
    /// (That policy has no words for an IPv6 address.)
    fn parse(text: &str) -> Option<Self> {
        let is_fit = |c: u8| c.is_ascii_alphanumeric() || b"-._~:/".contains(&c);
        let uri: Uri = text.bytes().all(is_fit).then(|| text.parse().ok())??;
        let authority = uri.authority()?;
        let has_port = authority.as_str() != authority.host();
        let fits = matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.host().is_empty()
            && (!has_port || authority.port_u16().is_some());
        let mut path = uri.path().to_owned();
        if !path.ends_with('/') {
            path.push('/');
        }
        let origin = origin(&uri).ok()?;
        fits.then_some(Self { origin, path })
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("here"),
            Self::Presigned => f.write_str("presigned"),
            Self::Edge(edge) => edge.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_an_address_and_nothing_more() {
        for (text, written) in [
            ("here", "here"),
            ("presigned", "presigned"),
            ("https://cdn.example", "https://cdn.example/"),
            ("http://127.0.0.1:8090/", "http://127.0.0.1:8090/"),
            ("https://cdn.example/films", "https://cdn.example/films/"),
        ] {
            assert_eq!(text.parse::<Delivery>().unwrap().to_string(), written, "{text}");
        }
        for wrong in [
            "",
            "there",
            "Here",
            "cdn.example",
            "/segments/",
            "ftp://cdn.example/",
            "https://",
            "https:///films",
            "https://:443/",
            "https://cdn.example:/",
            "https://cdn.example:x/",
            "https://cdn.example:99999/",
            "https://me:secret@cdn.example/",
            "https://cdn.example/?x",
            "https://cdn.example/#x",
            "https://cdn.example; script-src *",
            "https://*.example/",
            "https://cdn.example/a\"b",
            "https://[::1]:8090/",
        ] {
            let refused = wrong.parse::<Delivery>();
            let error = refused.expect_err(wrong);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}");
            assert!(error.to_string().contains("https://cdn.example/"), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_segments_are_elsewhere() {
        let file = FileId::new(model::Timestamp::now());
        let edge: Delivery = "https://cdn.example/films".parse().unwrap();
        let uris = edge.uris(file);
        assert_eq!(uris.segments, "https://cdn.example/films/play/r/");
        assert_eq!(uris.playlists, Uris::local(file).playlists);
        for ours in [Delivery::Here, Delivery::Presigned] {
            assert_eq!(ours.uris(file), Uris::local(file));
        }
    }
}
