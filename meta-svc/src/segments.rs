//! `/play/r/{rendition}`: init segments and segments. The rendition's random id is the right to read
//! them, so that edges and proxies may keep them, and pages of any origin; they never change.

use crate::{
    Meta,
    cache::KEPT,
    delivery::{self, Delivery},
    http::{Representation, Source, serve, tag},
    openapi::Refused,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
};
use catalog::Catalog;
use model::{Error, RenditionId, Result};
use moka::future::Cache;
use objects::ObjectName;
use service::{Problem, extract::Path};
use std::{str::FromStr, sync::Arc};

/// Names that are remembered.
const KEPT_NAMES: u64 = 100_000;

/// A part of a rendition, as its name in the address says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// `init.mp4`
    Init,
    /// `{k}.m4s`
    Segment(u32),
}

impl FromStr for Part {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if name == "init.mp4" {
            return Ok(Self::Init);
        }
        let k = name
            .strip_suffix(".m4s")
            .and_then(|k| k.parse().ok().filter(|n: &u32| n.to_string() == k));
        k.map(Self::Segment).ok_or_else(unknown)
    }
}

fn unknown() -> Error {
    Error::not_found("there is no such segment (yet)")
}

/// An init segment (`init.mp4`) or a segment (`{k}.m4s`) of a rendition.
#[utoipa::path(get, path = "/play/r/{rendition}/{part}", tag = "play",
    params(
        ("rendition" = String, Path),
        ("part" = String, Path, description = "`init.mp4` or `{k}.m4s`"),
        ("Range" = Option<String>, Header)),
    responses(
        (status = 200, content_type = "video/mp4"),
        (status = 206, content_type = "video/mp4"),
        (status = 304, description = "The client has it"),
        (status = 307, description = "It is in the bucket: a signed address, valid for minutes"),
        (status = 416, description = "No byte of the range is there"),
        Refused))]
pub(crate) async fn segment(
    State(meta): State<Meta>,
    method: Method,
    headers: HeaderMap,
    Path((rendition, part)): Path<(RenditionId, String)>,
) -> Response {
    let answer = answer(&meta, &method, &headers, rendition, &part).await;
    let mut response = answer.unwrap_or_else(Problem::into_response);
    // Refusals too: a player at an edge is to know a missing segment from a lost connection.
    let anyone = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    response
}

async fn answer(
    meta: &Meta,
    method: &Method,
    headers: &HeaderMap,
    rendition: RenditionId,
    part: &str,
) -> Result<Response, Problem> {
    let name = meta.parts.object(rendition, part.parse()?).await?;
    // What is signed is a GET.
    if meta.delivery == Delivery::Presigned && method == Method::GET {
        return Ok(delivery::redirect(&**meta.store.objects(), &name).await?);
    }
    let what = Representation {
        tag: tag(name.as_str()),
        media_type: HeaderValue::from_static("video/mp4"),
        len: meta.objects.len_for(method, &name).await?,
    };
    let source = Source::Object(meta.objects.clone(), name);
    let mut response = serve(method, headers, &what, &source).await?;
    let ever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, ever);
    Ok(response)
}

/// Which object a part is, remembered: rows of parts are written once and never changed, so that players
/// who watch the same do not each read the tables. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    catalog: Catalog,
    names: Cache<(RenditionId, Part), ObjectName>,
}

impl Parts {
    pub(crate) fn new(catalog: Catalog) -> Self {
        let names = Cache::builder().max_capacity(KEPT_NAMES).time_to_live(KEPT).build();
        Self { catalog, names }
    }

    async fn object(&self, rendition: RenditionId, part: Part) -> Result<ObjectName> {
        let found = self.names.try_get_with((rendition, part), self.find(rendition, part)).await;
        found
            .map_err(|error: Arc<Error>| Error::with_source(error.kind(), error.to_string(), error))
    }

    async fn find(&self, rendition: RenditionId, part: Part) -> Result<ObjectName> {
        let object = match part {
            Part::Init => {
                let rendition = self.catalog.rendition(rendition).await?;
                rendition.and_then(|rendition| rendition.init).map(|init| init.object)
            }
            Part::Segment(k) => {
                let segment = self.catalog.segment(rendition, k).await?;
                segment.and_then(|segment| segment.object)
            }
        };
        ObjectName::new(object.ok_or_else(unknown)?)
    }
}
