//! From a credential to an owner.
//!
//! What was verified is remembered for a few seconds, so that the requests of one upload do not each read
//! the tables; a key that is revoked is therefore valid for so long and no longer.

use crate::{ApiKeyText, Policy, SessionToken};
use axum::http::HeaderValue;
use catalog::Catalog;
use model::{Error, ErrorKind, OwnerId, Result, Sha256, Timestamp};
use moka::future::Cache;
use std::{collections::HashSet, sync::Arc, time::Duration};
use subtle::ConstantTimeEq as _;

/// How long a verified credential is believed.
const CACHE_AGE: Duration = Duration::from_secs(5);
/// How many are remembered.
const CACHE_LEN: u64 = 10_000;
/// How long a browser stays signed in.
pub const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Who may use a server, and as whom. Cheap to clone; part of every service's state.
#[derive(Debug, Clone)]
pub struct Access {
    catalog: Catalog,
    policy: Policy,
    /// Origins of other sites whose pages may act on a server without accounts.
    pub(crate) origins: Arc<HashSet<HeaderValue>>,
    /// By SHA-256 of the credential, so that no secret stays in memory.
    verified: Cache<Sha256, OwnerId>,
}

/// A browser's session, just opened.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose it is.
    pub owner: OwnerId,
    /// For the cookie.
    pub token: SessionToken,
    /// Until when it is valid.
    pub expires: Timestamp,
}

fn refused() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "this key or session is not valid (any more); `hashreel keys create` makes a key",
    )
}

impl Access {
    /// Access by `policy` to what `catalog` holds.
    #[must_use]
    pub fn new(catalog: Catalog, policy: Policy) -> Self {
        let verified = Cache::builder().max_capacity(CACHE_LEN).time_to_live(CACHE_AGE).build();
        Self { catalog, policy, origins: Arc::default(), verified }
    }

    /// Lets pages of these origins (`https://app.example.com`) act on a server without accounts. With
    /// keys they need no permission: their key is it.
    #[must_use]
    pub fn allow_origins(self, origins: impl IntoIterator<Item = HeaderValue>) -> Self {
        Self { origins: Arc::new(origins.into_iter().collect()), ..self }
    }

    /// How callers are told apart.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The owner whose key this is.
    ///
    /// # Errors
    /// `Unauthenticated` for a key that does not exist, does not fit, or was revoked.
    pub async fn key_owner(&self, text: &str) -> Result<OwnerId> {
        let key: ApiKeyText = text.parse()?;
        self.remember(Sha256::of(text.as_bytes()), self.verify_key(&key)).await
    }

    /// The owner whose session this is.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that is over, or whose key was revoked.
    pub async fn session_owner(&self, token: &str) -> Result<OwnerId> {
        let token: SessionToken = token.parse()?;
        self.remember(token.hash(), self.verify_session(&token)).await
    }

    /// Opens a session for the holder of a key.
    ///
    /// # Errors
    /// As [`Self::key_owner`]; `Conflict` on a server without accounts.
    pub async fn sign_in(&self, text: &str, now: Timestamp) -> Result<Session> {
        if self.policy == Policy::Open {
            return Err(Error::conflict("this server has no accounts; nobody needs to sign in"));
        }
        let key: ApiKeyText = text.trim().parse()?;
        let owner = self.verify_key(&key).await?;
        let token = SessionToken::generate()?;
        let expires = now.checked_add(SESSION_LIFE).unwrap_or(Timestamp::MAX);
        self.catalog.create_session(token.hash(), key.id, expires).await?;
        Ok(Session { owner, token, expires })
    }

    /// Ends a session. One that is over already is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sign_out(&self, token: &str) -> Result<()> {
        let Ok(token) = token.parse::<SessionToken>() else { return Ok(()) };
        self.catalog.end_session(token.hash()).await?;
        self.verified.invalidate(&token.hash()).await;
        Ok(())
    }

    /// One look-up for many requests with the same credential; what fails is not remembered.
    async fn remember(
        &self,
        credential: Sha256,
        verify: impl Future<Output = Result<OwnerId>>,
    ) -> Result<OwnerId> {
        let verified = self.verified.try_get_with(credential, verify).await;
        // Several may have waited for the one failure, which has one owner.
        verified.map_err(|error| match Arc::try_unwrap(error) {
            Ok(error) => error,
            Err(shared) => Error::with_source(shared.kind(), shared.to_string(), shared),
        })
    }

    async fn verify_key(&self, presented: &ApiKeyText) -> Result<OwnerId> {
        let key = self.catalog.key(presented.id).await?.ok_or_else(refused)?;
        let fits: bool = key.hash.as_bytes().ct_eq(presented.hash().as_bytes()).into();
        if fits && key.revoked.is_none() { Ok(key.owner) } else { Err(refused()) }
    }

    async fn verify_session(&self, token: &SessionToken) -> Result<OwnerId> {
        let id = self.catalog.session(token.hash(), Timestamp::now()).await?.ok_or_else(refused)?;
        let key = self.catalog.key(id).await?.ok_or_else(refused)?;
        if key.revoked.is_none() { Ok(key.owner) } else { Err(refused()) }
    }
}
