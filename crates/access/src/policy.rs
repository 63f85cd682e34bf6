//! When keys are demanded.

use std::net::SocketAddr;

/// How callers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Without accounts: everybody who reaches the server is the owner `local`. Only for a server that
    /// listens on loopback, where Host and Origin are checked against rebinding and other sites' pages.
    Open,
    /// An API key, or a session that was opened with one.
    Keys,
}

impl Policy {
    /// The policy for a server that listens on `address`: open on loopback unless `require_keys`, keys
    /// on every other.
    #[must_use]
    pub fn of(address: SocketAddr, require_keys: bool) -> Self {
        let loopback = address.ip().to_canonical().is_loopback();
        if loopback && !require_keys { Self::Open } else { Self::Keys }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_open() {
        for (address, require_keys, policy) in [
            ("127.0.0.1:8080", false, Policy::Open),
            ("127.9.9.9:1", false, Policy::Open),
            ("[::1]:8080", false, Policy::Open),
            ("[::ffff:127.0.0.1]:80", false, Policy::Open),
            ("127.0.0.1:8080", true, Policy::Keys),
            ("0.0.0.0:8080", false, Policy::Keys),
            ("[::]:8080", false, Policy::Keys),
            ("192.0.2.7:80", false, Policy::Keys),
        ] {
            assert_eq!(Policy::of(address.parse().unwrap(), require_keys), policy, "{address}");
        }
    }
}
