//! The uploads' routes, described. One route answers several protocols, told apart by headers, so the
//! description stands beside the handlers instead of on them; `tests/http` asks every operation of it.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hashreel: uploads",
        description = "tus 1.0 (core, creation, creation-with-upload, termination) and plain uploads in \
                       one request. Refusals are RFC 9457 problem documents."
    ),
    paths(capabilities, create, status, append, abort)
)]
struct Description;

/// What this server can do (tus).
#[utoipa::path(options, path = "/uploads", tag = "uploads", responses(
    (status = 204, description = "Tus-Version, Tus-Extension, Tus-Max-Size")))]
#[expect(dead_code, reason = "describes the route")]
fn capabilities() {}

/// Makes an upload: with `Tus-Resumable` a resumable one, else a whole file in one request.
#[utoipa::path(post, path = "/uploads", tag = "uploads",
    params(
        ("Tus-Resumable" = Option<String>, Header, description = "1.0.0 for tus, absent for a plain upload"),
        ("Upload-Length" = Option<u64>, Header, description = "tus: bytes of the whole"),
        ("Upload-Metadata" = Option<String>, Header, description = "tus: filename, filetype, relativePath"),
        ("name" = Option<String>, Query, description = "Plain: the file's name")),
    responses(
        (status = 201, description = "Location; Upload-Offset (tus); Hashreel-File once complete"),
        (status = "4XX", content_type = "application/problem+json", description = "Refused"),
        (status = 507, content_type = "application/problem+json", description = "No space left")))]
#[expect(dead_code, reason = "describes the route")]
fn create() {}

/// Where an upload stands (tus).
#[utoipa::path(head, path = "/uploads/{id}", tag = "uploads", params(("id" = String, Path)), responses(
    (status = 200, description = "Upload-Offset, Upload-Length; Hashreel-File once complete"),
    (status = 404, description = "Unknown, or another's"),
    (status = 410, description = "Ended or expired")))]
#[expect(dead_code, reason = "describes the route")]
fn status() {}

/// Appends bytes at an upload's offset (tus).
#[utoipa::path(patch, path = "/uploads/{id}", tag = "uploads",
    params(
        ("id" = String, Path),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "Where the upload stands")),
    responses(
        (status = 204, description = "Upload-Offset; Hashreel-File once complete"),
        (status = 409, content_type = "application/problem+json",
            description = "Another offset, or taken over: ask with HEAD and go on"),
        (status = "4XX", content_type = "application/problem+json", description = "Refused")))]
#[expect(dead_code, reason = "describes the route")]
fn append() {}

/// Ends an upload that is not complete (tus).
#[utoipa::path(delete, path = "/uploads/{id}", tag = "uploads", params(("id" = String, Path)), responses(
    (status = 204, description = "Ended"),
    (status = 403, content_type = "application/problem+json", description = "Complete: delete its file"),
    (status = "4XX", content_type = "application/problem+json", description = "Refused")))]
#[expect(dead_code, reason = "describes the route")]
fn abort() {}

/// The description of the routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
