//! API keys and sessions: `keys` / `<id>` holds a key's hash, never the key; `session#<hash>` a
//! browser's session.

use crate::{
    Catalog, keys,
    row::{self, Row},
};
use model::{Error, ErrorKind, KeyId, OwnerId, Result, Sha256, Timestamp};
use records::{Condition, Consistency, Query, Write};
use serde::{Deserialize, Serialize};

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its public half.
    pub id: KeyId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What its maker calls it.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// SHA-256 of its secret half.
    pub hash: Sha256,
    /// When it ceased to be valid.
    pub revoked: Option<Timestamp>,
}

impl Row for ApiKey {
    const WHAT: &'static str = "an API key";
}

/// A browser's session: its token's hash is its key.
#[derive(Serialize, Deserialize)]
struct Session {
    key: KeyId,
    expires: Timestamp,
}

impl Row for Session {
    const WHAT: &'static str = "a session";
}

impl Catalog {
    /// Stores a new key.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn create_key(&self, key: &ApiKey) -> Result<()> {
        let write = row::put(keys::api_key(key.id), Condition::Absent, key)?;
        self.records.write(vec![write]).await.map(drop)
    }

    /// A key by its public half, revoked or not.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn key(&self, id: KeyId) -> Result<Option<ApiKey>> {
        let record = self.records.get(&keys::api_key(id), Consistency::Strong).await?;
        record.map(|record| row::decode(record.value)).transpose()
    }

    /// Keys, oldest first, at most `limit`, and the cursor to go on with.
    ///
    /// # Errors
    /// `Invalid` for a cursor that was not given out.
    pub async fn list_keys(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<ApiKey>, Option<String>)> {
        let query = Query::prefix(keys::API_KEYS, "")
            .limit(limit)
            .cursor(cursor.map(str::to_owned))
            .consistency(Consistency::Strong);
        let page = self.records.query(query).await?;
        let found = page.records.into_iter().map(|record| row::decode(record.value));
        Ok((found.collect::<Result<_>>()?, page.cursor))
    }

    /// Makes a key invalid. A key that is revoked already keeps its first time.
    ///
    /// # Errors
    /// `NotFound` for a key that does not exist.
    pub async fn revoke_key(&self, id: KeyId, now: Timestamp) -> Result<ApiKey> {
        let record = self.records.get(&keys::api_key(id), Consistency::Strong).await?;
        let record = record.ok_or_else(|| Error::not_found("there is no such key"))?;
        let version = record.version;
        let mut key: ApiKey = row::decode(record.value)?;
        if key.revoked.is_some() {
            return Ok(key);
        }
        key.revoked = Some(now);
        let write = row::put(keys::api_key(id), Condition::VersionIs(version), &key)?;
        match self.records.write(vec![write]).await {
            // Whoever came between has revoked it too: nothing else changes a key.
            Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
            _ => Ok(key),
        }
    }

    /// Opens a session for the holder of `key`; `token` is the hash of what the browser keeps.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn create_session(
        &self,
        token: Sha256,
        key: KeyId,
        expires: Timestamp,
    ) -> Result<()> {
        let session = Session { key, expires };
        let write = row::put(keys::session(token), Condition::Absent, &session)?.expires(expires);
        self.records.write(vec![write]).await.map(drop)
    }

    /// The key whose holder opened a session, unless the session is over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn session(&self, token: Sha256, now: Timestamp) -> Result<Option<KeyId>> {
        let record = self.records.get(&keys::session(token), Consistency::Strong).await?;
        let session = record.map(|record| row::decode::<Session>(record.value)).transpose()?;
        Ok(session.filter(|session| now < session.expires).map(|session| session.key))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn end_session(&self, token: Sha256) -> Result<()> {
        let write = Write::delete(keys::session(token), Condition::Any);
        self.records.write(vec![write]).await.map(drop)
    }
}
