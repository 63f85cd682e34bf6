//! `/v1/session`: who is signed in, signing in with a key, signing out.

use crate::openapi::Refused;
use access::{Access, Caller, Policy, session_token, set_cookie};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use model::{OwnerId, Timestamp};
use serde::{Deserialize, Serialize};
use service::{Problem, extract::Json};
use utoipa::ToSchema;

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    #[schema(value_type = String)]
    owner: OwnerId,
    /// Whether keys are demanded.
    accounts: bool,
}

/// What a browser signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// An API key.
    key: String,
}

/// Says in whose name the caller acts.
#[utoipa::path(get, path = "/v1/session", tag = "session",
    responses((status = 200, body = SessionView), Refused))]
pub(crate) async fn read(State(access): State<Access>, caller: Caller) -> Json<SessionView> {
    Json(SessionView { owner: caller.owner, accounts: access.policy() == Policy::Keys })
}

/// Trades an API key for a session cookie.
#[utoipa::path(post, path = "/v1/session", tag = "session", request_body = SignIn,
    responses((status = 200, body = SessionView), Refused))]
pub(crate) async fn sign_in(
    State(access): State<Access>,
    headers: HeaderMap,
    Json(wanted): Json<SignIn>,
) -> Result<Response, Problem> {
    let session = access.sign_in(&wanted.key, Timestamp::now()).await?;
    let cookie = set_cookie(Some(&session.token), is_secure(&headers));
    let view = SessionView { owner: session.owner, accounts: true };
    Ok(([(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

/// Ends the caller's session, if there is one.
#[utoipa::path(delete, path = "/v1/session", tag = "session",
    responses((status = 204, description = "Signed out"), Refused))]
pub(crate) async fn sign_out(
    State(access): State<Access>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Another site's page cannot send the cookie, which is for our own pages alone.
    if let Some(token) = session_token(&headers) {
        access.sign_out(token).await?;
    }
    let cookie = set_cookie(None, is_secure(&headers));
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Whether the browser talks TLS, which only it knows: a proxy may end it.
fn is_secure(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}
