//! The address to listen on, as people write it.

use std::net::{Ipv4Addr, SocketAddr};

/// What `text` says to listen on: an IP address with a port, or `localhost` with one, which is 127.0.0.1.
///
/// # Errors
/// One sentence with the form that would do, for the command line to say.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Some(("localhost", port)) = text.rsplit_once(':')
        && let Ok(port) = port.parse()
    {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    Err(match text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        Ok(port) => format!(
            "write 127.0.0.1:{port} for this machine alone, or 0.0.0.0:{port} for all that reach it"
        ),
        Err(_) => "write an IP address of this machine and a port, like 127.0.0.1:8080".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_where_there_is_no_doubt_and_otherwise_told() {
        for (text, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[::1]:0", "[::1]:0"),
            ("localhost:8381", "127.0.0.1:8381"),
        ] {
            assert_eq!(listen_address(text), Ok(address.parse().unwrap()), "{text}");
        }
        for (text, word) in [
            ("8381", "127.0.0.1:8381"),
            (":8381", "0.0.0.0:8381"),
            ("127.0.0.1", "and a port"),
            ("localhost", "127.0.0.1:8080"),
            ("localhost:99999", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("", "127.0.0.1:8080"),
        ] {
            assert!(listen_address(text).unwrap_err().contains(word), "{text}");
        }
    }
}
