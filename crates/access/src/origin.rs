//! Checks of Host and Origin: against DNS rebinding, and against requests that another site's page makes
//! a browser send.
//!
//! A browser says where a request that changes something comes from (`Origin`, `Sec-Fetch-Site`); what
//! says neither is no browser, and holds no cookie that somebody else could use.

use axum::http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts, uri::Authority};
use model::{Error, ErrorKind, Result};
use std::{collections::HashSet, net::IpAddr};

/// The name that the client believes to talk to.
fn authority(parts: &Parts) -> Option<Authority> {
    let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named.and_then(|host| host.parse().ok()).or_else(|| parts.uri.authority().cloned())
}

/// # Errors
/// `Forbidden` unless the client talks to this machine by a name that only this machine has: a page whose
/// own name was rebound to 127.0.0.1 says that name.
pub(crate) fn check_host(parts: &Parts) -> Result<()> {
    let authority = authority(parts);
    let host = authority.as_ref().map_or("", Authority::host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let name = host.to_ascii_lowercase();
    if address.is_ok_and(|address| address.to_canonical().is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
    {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        format!(
            "this server has no accounts and answers as localhost only, not as `{host}`; start it with \
             --require-keys to reach it by another name"
        ),
    ))
}

/// What reverse proxies add to the requests that they pass on.
const FORWARDED: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// # Errors
/// `Forbidden` for a request that a reverse proxy has passed on: it may come from anywhere, whatever
/// Host the proxy writes.
pub(crate) fn check_direct(parts: &Parts) -> Result<()> {
    let Some(name) = FORWARDED.into_iter().find(|name| parts.headers.contains_key(*name)) else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::Forbidden,
        format!(
            "this server has no accounts and answers this machine only, but `{name}` says that a proxy \
             passed this request on; start it with --require-keys to serve others"
        ),
    ))
}

/// # Errors
/// `Forbidden` for a request that changes something, or opens a WebSocket, from a page of another origin
/// that is not in `allowed`.
pub(crate) fn check_origin(parts: &Parts, allowed: &HashSet<HeaderValue>) -> Result<()> {
    let harmless = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS)
        && !is_websocket(&parts.headers);
    if harmless || is_same_site(parts, allowed) {
        return Ok(());
    }
    let own = authority(parts);
    let own = own.as_ref().map_or("", Authority::as_str);
    let message = match parts.headers.get(header::ORIGIN) {
        Some(origin) => format!(
            "a page of `{}` made this request to `{own}`: open Hashreel's own page instead; if it was \
             that one, the proxy must pass `Host` on as the browser sends it",
            String::from_utf8_lossy(origin.as_bytes())
        ),
        None => "a page of another site made this request; open Hashreel's own page instead".into(),
    };
    Err(Error::new(ErrorKind::Forbidden, message))
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

fn is_same_site(parts: &Parts, allowed: &HashSet<HeaderValue>) -> bool {
    match (parts.headers.get(header::ORIGIN), parts.headers.get("sec-fetch-site")) {
        (Some(origin), _) => allowed.contains(origin) || is_own(origin, parts),
        (None, Some(site)) => site == "same-origin" || site == "none",
        (None, None) => true,
    }
}

/// Whether `origin` is the host and port that the request was sent to. The scheme is not compared: behind
/// a proxy that ends TLS we do not know ours.
fn is_own(origin: &HeaderValue, parts: &Parts) -> bool {
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let (Some(origin), Some(own)) = (origin, authority(parts)) else { return false };
    let Some(host) = origin.host() else { return false };
    let default = if origin.scheme_str() == Some("https") { 443 } else { 80 };
    let port = origin.port_u16().unwrap_or(default);
    host.eq_ignore_ascii_case(own.host()) && port == own.port_u16().unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    type Header<'a> = (&'a str, &'a str);

    fn parts(method: &str, headers: &[Header<'_>]) -> Parts {
        let mut request = Request::builder().method(method).uri("/v1/files");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_rebound_name_is_refused() {
        for good in
            ["localhost", "LocalHost:8080", "127.0.0.1:9", "127.1.2.3", "[::1]:8080", "a.localhost"]
        {
            assert!(check_host(&parts("GET", &[("host", good)])).is_ok(), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "192.0.2.1:8080",
            "127.0.0.1.nip.io",
            "",
            "@",
        ] {
            let refused = check_host(&parts("GET", &[("host", bad)])).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Forbidden, "{bad}");
        }
        assert!(check_host(&parts("GET", &[])).is_err());
    }

    #[test]
    fn what_a_proxy_passed_on_is_not_of_this_machine() {
        let host = ("host", "127.0.0.1:8080");
        assert!(check_direct(&parts("GET", &[host])).is_ok());
        for name in FORWARDED {
            let refused = check_direct(&parts("GET", &[host, (name, "x")])).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Forbidden, "{name}");
            assert!(refused.to_string().contains("--require-keys"), "{refused}");
        }
    }

    #[test]
    fn a_proxy_that_hides_the_host_is_told_of_it() {
        let headers = [("host", "127.0.0.1:8080"), ("origin", "https://reel.example")];
        let refused = check_origin(&parts("POST", &headers), &HashSet::new()).unwrap_err();
        for word in ["https://reel.example", "127.0.0.1:8080", "`Host`"] {
            assert!(refused.to_string().contains(word), "{refused}");
        }
    }

    #[test]
    fn another_sites_page_changes_nothing_and_listens_to_nothing() {
        let ws = ("upgrade", "websocket");
        let host = ("host", "127.0.0.1:8080");
        let allowed: HashSet<_> = [HeaderValue::from_static("https://app.example.com")].into();
        let cases: [(&str, &[Header], bool); 14] = [
            ("POST", &[host], true),
            ("POST", &[host, ("origin", "http://127.0.0.1:8080")], true),
            ("POST", &[host, ("origin", "https://app.example.com")], true),
            ("POST", &[host, ("origin", "http://127.0.0.1:8081")], false),
            ("POST", &[host, ("origin", "http://127.0.0.1")], false),
            ("PATCH", &[host, ("origin", "https://evil.example")], false),
            ("DELETE", &[host, ("origin", "null")], false),
            ("POST", &[host, ("sec-fetch-site", "cross-site")], false),
            ("POST", &[host, ("sec-fetch-site", "same-site")], false),
            ("POST", &[host, ("sec-fetch-site", "same-origin")], true),
            ("GET", &[host, ("origin", "https://evil.example")], true),
            ("GET", &[host, ws, ("origin", "https://evil.example")], false),
            ("GET", &[host, ws, ("origin", "http://127.0.0.1:8080")], true),
            ("GET", &[host, ws], true),
        ];
        for (method, headers, good) in cases {
            let checked = check_origin(&parts(method, headers), &allowed);
            assert_eq!(checked.is_ok(), good, "{method} {headers:?}");
        }
    }

    #[test]
    fn a_default_port_may_be_left_out() {
        let origin = ("origin", "https://reel.example");
        let empty = HashSet::new();
        assert!(check_origin(&parts("POST", &[("host", "reel.example"), origin]), &empty).is_ok());
        assert!(
            check_origin(&parts("POST", &[("host", "reel.example:443"), origin]), &empty).is_ok()
        );
        assert!(
            check_origin(&parts("POST", &[("host", "reel.example:80"), origin]), &empty).is_err()
        );
    }
}
