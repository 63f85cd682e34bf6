//! The extractor that every handler of somebody's things takes.

use crate::{Access, Policy, SESSION_LIFE, SessionToken, origin};
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use model::{Error, ErrorKind, OwnerId, Result};
use service::Problem;
use std::collections::HashSet;

/// The cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "hashreel_session";

/// Who asks, as the server's policy has it. Where it is there, all checks have passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// In whose name everything is read and written.
    pub owner: OwnerId,
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Access: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let owner = Access::from_ref(state).identify(parts).await?;
        service::note_owner(&parts.extensions, &owner);
        Ok(Self { owner })
    }
}

impl Access {
    /// The owner in whose name a request acts.
    ///
    /// # Errors
    /// `Unauthenticated` without a valid key or session where they are demanded; `Forbidden` for a request
    /// that another site's page has made, or, without accounts, one to a name that is not this machine's or
    /// one that a proxy passed on.
    pub async fn identify(&self, parts: &Parts) -> Result<OwnerId> {
        if self.policy() == Policy::Open {
            origin::check_direct(parts)?;
            origin::check_host(parts)?;
            origin::check_origin(parts, &self.origins)?;
            return Ok(OwnerId::local());
        }
        if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
            return self.key_owner(bearer(value.to_str().unwrap_or_default())?).await;
        }
        let token = session_token(&parts.headers).ok_or_else(|| {
            Error::new(
                ErrorKind::Unauthenticated,
                "sign in, or send an API key as `Authorization: Bearer hr_...`; \
                 `hashreel keys create` makes one",
            )
        })?;
        // A browser adds its cookie to whatever page's request; only our own pages may use it.
        origin::check_origin(parts, &HashSet::new())?;
        self.session_owner(token).await
    }
}

fn bearer(value: &str) -> Result<&str> {
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
        _ => Err(Error::new(
            ErrorKind::Unauthenticated,
            "send the API key as `Authorization: Bearer hr_...`",
        )),
    }
}

/// The `Set-Cookie` that makes a browser keep `token` (or, for `None`, forget it): out of reach of
/// scripts, never sent on another site's behalf, and, with `secure`, over TLS alone.
#[must_use]
pub fn set_cookie(token: Option<&SessionToken>, secure: bool) -> HeaderValue {
    let value = token.map_or("", SessionToken::expose);
    let age = token.map_or(0, |_| SESSION_LIFE.as_secs());
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!(
        "{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}"
    );
    #[expect(clippy::expect_used, reason = "hex digits and the text above are a header value")]
    HeaderValue::try_from(cookie).expect("visible ASCII")
}

/// The session's token that a request's cookies hold.
#[must_use]
pub fn session_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == SESSION_COOKIE).then_some(value)
    })
}
