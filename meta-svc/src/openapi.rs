//! The routes and their description, from one list: what is served is what is described.

use crate::{Meta, download, events, files, jobs, play, segments, session, web};
use axum::{Router, extract::DefaultBodyLimit, routing::get};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoResponses, OpenApi, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The largest JSON body, in bytes.
const MAX_BODY: usize = 64 << 10;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hashreel: files, playback and events",
        description = "Times are RFC 3339, sizes in bytes, ids UUIDs in lower case. Refusals are RFC 9457 \
                   problem documents."
    ),
    components(schemas(ProblemDocument))
)]
struct Description;

/// RFC 9457, as `service::Problem` writes it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// `about:blank`: no more is meant than the status says.
    r#type: String,
    title: String,
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// Names the server's log line of a fault on its side.
    instance: Option<String>,
}

/// Any refusal.
#[derive(IntoResponses)]
#[response(status = "4XX", content_type = "application/problem+json")]
#[expect(dead_code, reason = "describes what `service::Problem` writes")]
pub(crate) struct Refused(ProblemDocument);

/// What happened: `model::event::Event`.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// Sorts by time.
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// `upload.created`, `upload.progress`, `upload.aborted`, `upload.expired`, `file.stored`,
    /// `file.renamed`, `file.deleted` or `video.changed`.
    r#type: String,
    /// The file it is about, once there is one.
    #[schema(format = "uuid")]
    file: Option<String>,
    /// The upload it is about.
    #[schema(format = "uuid")]
    upload: Option<String>,
    /// What the type adds.
    data: Value,
}

fn described() -> OpenApiRouter<Meta> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(files::list))
        .routes(routes!(files::read, files::rename, files::delete))
        .routes(routes!(download::content))
        .routes(routes!(events::events))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::retry))
        .routes(routes!(session::read, session::sign_in, session::sign_out))
        .routes(routes!(play::master))
        .routes(routes!(play::mpd))
        .routes(routes!(play::poster))
        .routes(routes!(play::media))
        .routes(routes!(segments::segment))
}

/// All routes of this service; `/openapi.json` is the program's, which may join services.
pub fn router(meta: Meta) -> Router {
    let (routes, _) = described().split_for_parts();
    routes
        .route("/", get(web::page))
        .route("/watch/{id}", get(web::page))
        .route("/assets/{*path}", get(web::asset))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(meta)
}

/// The description of the routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}
