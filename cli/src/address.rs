//! The server's address, as people write it.

use reqwest::Url;
use std::net::IpAddr;

/// What `text` says is the server. One on this machine needs no `http://`; of any other it must be said
/// whether keys travel to it in the open.
///
/// # Errors
/// One sentence with the form that would do, for the command line to say.
pub fn server(text: &str) -> Result<Url, String> {
    let form = "write an address like http://127.0.0.1:8080";
    if text.contains("://") {
        let url = Url::parse(text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        return url.filter(|url| url.host_str().is_some()).ok_or_else(|| form.to_owned());
    }
    if let Ok(port) = text.trim_start_matches(':').parse::<u16>() {
        return Err(format!("write http://127.0.0.1:{port} for a server on this machine"));
    }
    let url = Url::parse(&format!("http://{text}")).ok().filter(|url| url.host_str().is_some());
    let url = url.ok_or_else(|| form.to_owned())?;
    if is_loopback(&url) {
        return Ok(url);
    }
    Err(format!("write https://{text}, or http://{text} where no TLS is in front of it"))
}

/// Whether a server is on this machine.
pub fn is_loopback(server: &Url) -> bool {
    let host = server.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
        || host == "localhost"
        || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_this_machine_is_told_from_others() {
        for (server, loopback) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://LOCALHOST", true),
            ("http://a.localhost:1", true),
            ("http://192.0.2.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&server.parse().unwrap()), loopback, "{server}");
        }
    }

    #[test]
    fn a_server_on_this_machine_needs_no_scheme_and_others_are_told_which_there_are() {
        for (text, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("localhost:8080", "http://localhost:8080/"),
            ("[::1]:8080", "http://[::1]:8080/"),
            ("https://example.org", "https://example.org/"),
        ] {
            assert_eq!(server(text).unwrap().as_str(), url, "{text}");
        }
        for (text, form) in [
            ("example.org:8080", "https://example.org:8080, or http://example.org:8080"),
            ("192.0.2.1:8080", "https://192.0.2.1:8080"),
            ("8080", "http://127.0.0.1:8080"),
            (":8081", "http://127.0.0.1:8081"),
            ("ftp://127.0.0.1", "http://127.0.0.1:8080"),
            ("http://", "http://127.0.0.1:8080"),
            ("", "http://127.0.0.1:8080"),
        ] {
            assert!(server(text).unwrap_err().contains(form), "{text}");
        }
    }
}
