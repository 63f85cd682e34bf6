//! Who may: owners, API keys, sessions, and the checks that keep other people's pages away from a server
//! without accounts.
//!
//! A handler that reads or writes anything of somebody's takes a [`Caller`], and asks the catalog in the
//! name of `caller.owner`; there is no other way to an owner. Keys are made, listed and revoked with
//! [`Keys`]; a browser trades its key for a session with [`Access::sign_in`].

mod authenticate;
mod caller;
mod keys;
mod origin;
mod policy;
mod secret;

pub use authenticate::{Access, SESSION_LIFE, Session};
pub use caller::{Caller, SESSION_COOKIE, session_token, set_cookie};
pub use keys::{KeyInfo, Keys, MAX_NAME_LEN};
pub use policy::Policy;
pub use secret::{ApiKeyText, SessionToken};
