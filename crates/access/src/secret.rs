//! The secrets that clients hold: API keys and session tokens, as text. Neither is ever stored, logged or
//! shown by `Debug`.

use model::{Error, ErrorKind, KeyId, Result, Sha256};
use std::{fmt, fmt::Write as _, str::FromStr};

/// Random bytes in the secret half of a key: 160 bits, which nobody can try out.
const KEY_BYTES: usize = 20;
/// Random bytes in a session's token.
const TOKEN_BYTES: usize = 32;

fn random_hex<const N: usize>() -> Result<String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::with_source(ErrorKind::Internal, "the system gives no random bytes", error)
    })?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// An API key as its holder keeps it: `hr_<id>_<secret>`, both in hex. The id finds the key's record; only
/// the hash of the secret is stored there.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText {
    /// The public half.
    pub id: KeyId,
    secret: String,
}

impl ApiKeyText {
    /// A fresh key under `id`.
    ///
    /// # Errors
    /// `Internal` where the system gives no random bytes.
    pub fn generate(id: KeyId) -> Result<Self> {
        Ok(Self { id, secret: random_hex::<KEY_BYTES>()? })
    }

    /// SHA-256 of the secret half: what is stored.
    #[must_use]
    pub fn hash(&self) -> Sha256 {
        Sha256::of(self.secret.as_bytes())
    }

    /// The whole key, to be shown once to whoever made it.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("hr_{}_{}", self.id.to_string().replace('-', ""), self.secret)
    }
}

impl FromStr for ApiKeyText {
    type Err = Error;

    /// # Errors
    /// `Unauthenticated` for what cannot be a key.
    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.strip_prefix("hr_").and_then(|rest| rest.split_once('_')).and_then(
            |(id, secret)| {
                // The id's hyphens are left out so that a double click selects the whole key.
                let fits = is_hex(id, 16) && is_hex(secret, KEY_BYTES);
                let parts =
                    fits.then(|| [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]]);
                let id = parts?.join("-").parse().ok()?;
                Some(Self { id, secret: secret.to_owned() })
            },
        );
        parsed.ok_or_else(|| {
            Error::new(
                ErrorKind::Unauthenticated,
                "this is not an API key, or not the whole of one: it is what `hashreel keys create` \
                 prints, from `hr_` to the last character",
            )
        })
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyText({}, …)", self.id)
    }
}

/// What a signed-in browser keeps in its cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    /// A fresh token.
    ///
    /// # Errors
    /// `Internal` where the system gives no random bytes.
    pub fn generate() -> Result<Self> {
        random_hex::<TOKEN_BYTES>().map(Self)
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }

    /// The token itself, for the cookie.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionToken {
    type Err = Error;

    /// # Errors
    /// `Unauthenticated` for what cannot be a token.
    fn from_str(text: &str) -> Result<Self> {
        if is_hex(text, TOKEN_BYTES) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(ErrorKind::Unauthenticated, "this session is not valid; sign in again"))
        }
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    #[test]
    fn a_key_survives_being_copied_and_pasted() {
        let key = ApiKeyText::generate(KeyId::new(Timestamp::now())).unwrap();
        let text = key.expose();
        assert!(
            text.starts_with("hr_") && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        );
        assert_eq!(text.parse::<ApiKeyText>().unwrap(), key);
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        let good = ApiKeyText::generate(KeyId::new(Timestamp::now())).unwrap().expose();
        let long = format!("{good}0");
        let foreign = good.replace("hr_", "sk_");
        let cut = &good[..good.len() - 1];
        for bad in ["", "hr_", "hr__", "hr_é_é", &long, &foreign, cut, &good.to_uppercase()] {
            let error = bad.parse::<ApiKeyText>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{bad}");
            assert!(!error.to_string().contains(&good));
        }
    }

    #[test]
    fn secrets_are_not_shown_by_debug() {
        let key = ApiKeyText::generate(KeyId::new(Timestamp::now())).unwrap();
        assert!(!format!("{key:?}").contains(&key.secret));
        let token = SessionToken::generate().unwrap();
        assert!(!format!("{token:?}").contains(token.expose()));
    }

    #[test]
    fn no_two_are_alike() {
        let id = KeyId::new(Timestamp::now());
        assert_ne!(ApiKeyText::generate(id).unwrap(), ApiKeyText::generate(id).unwrap());
        assert_ne!(SessionToken::generate().unwrap(), SessionToken::generate().unwrap());
    }
}
