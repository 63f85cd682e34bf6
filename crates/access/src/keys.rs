//! Making, listing and revoking API keys.

use crate::ApiKeyText;
use catalog::{ApiKey, Catalog};
use model::{Error, KeyId, OwnerId, Result, Timestamp};

/// The longest name of a key, in bytes.
pub const MAX_NAME_LEN: usize = 200;

/// A deployment's API keys, for operators' tools: whoever reaches the records may make keys.
#[derive(Debug, Clone)]
pub struct Keys {
    catalog: Catalog,
}

/// A key as it is listed: without its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its public half.
    pub id: KeyId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What its maker calls it.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ceased to be valid.
    pub revoked: Option<Timestamp>,
}

impl From<ApiKey> for KeyInfo {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, owner, name, created, revoked, hash: _ } = key;
        Self { id, owner, name, created, revoked }
    }
}

impl Keys {
    /// The keys in `catalog`.
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog }
    }

    /// Makes a key for `owner`. The text is the only copy of its secret.
    ///
    /// # Errors
    /// `Invalid` for a name longer than [`MAX_NAME_LEN`] or with control characters.
    pub async fn create(
        &self,
        owner: OwnerId,
        name: &str,
        now: Timestamp,
    ) -> Result<(KeyInfo, ApiKeyText)> {
        if name.len() > MAX_NAME_LEN || name.chars().any(char::is_control) {
            return Err(Error::invalid(format!(
                "a key's name has at most {MAX_NAME_LEN} bytes and no control characters"
            )));
        }
        let text = ApiKeyText::generate(KeyId::new(now))?;
        let name = name.to_owned();
        let key =
            ApiKey { id: text.id, owner, name, created: now, hash: text.hash(), revoked: None };
        self.catalog.create_key(&key).await?;
        Ok((key.into(), text))
    }

    /// All keys, oldest first, at most `limit`, and the cursor to go on with.
    ///
    /// # Errors
    /// `Invalid` for a cursor that was not given out.
    pub async fn list(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<KeyInfo>, Option<String>)> {
        let (keys, cursor) = self.catalog.list_keys(limit, cursor).await?;
        Ok((keys.into_iter().map(KeyInfo::from).collect(), cursor))
    }

    /// Makes a key invalid, and with it all sessions opened with it. Servers notice within
    /// [`crate::Access`]'s cache time, 5 seconds.
    ///
    /// # Errors
    /// `NotFound` for a key that does not exist.
    pub async fn revoke(&self, id: KeyId, now: Timestamp) -> Result<KeyInfo> {
        self.catalog.revoke_key(id, now).await.map(KeyInfo::from)
    }
}
