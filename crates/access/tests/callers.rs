//! Who gets in, and as whom: every kind of credential against both policies.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use access::{Access, Caller, Keys, Policy, SESSION_COOKIE};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::FromRef,
    http::{HeaderValue, Request, StatusCode},
    routing::any,
};
use catalog::Catalog;
use model::{ErrorKind, Timestamp};
use tempfile::TempDir;
use tower::ServiceExt as _;

type Header<'a> = (&'a str, &'a str);

#[derive(Clone)]
struct State(Access);

impl FromRef<State> for Access {
    fn from_ref(state: &State) -> Self {
        state.0.clone()
    }
}

async fn catalog() -> (Catalog, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("records.db").display());
    (Catalog::new(records::open(&url).await.unwrap()), dir)
}

/// Status and body of what a server that echoes its caller answers.
async fn ask(access: &Access, method: &str, headers: &[Header<'_>]) -> (StatusCode, String) {
    let echo = any(async |caller: Caller| caller.owner.to_string());
    let router = Router::new().route("/", echo).with_state(State(access.clone()));
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn without_accounts_everybody_on_this_machine_is_local() {
    let (catalog, _dir) = catalog().await;
    let origin = HeaderValue::from_static("https://app.example.com");
    let access = Access::new(catalog, Policy::Open).allow_origins([origin]);
    let host = ("host", "127.0.0.1:8080");
    assert_eq!(ask(&access, "GET", &[host]).await, (StatusCode::OK, "local".into()));
    let listed = ("origin", "https://app.example.com");
    assert_eq!(ask(&access, "POST", &[host, listed]).await.0, StatusCode::OK);
    let cases: [(&str, &[Header]); 3] = [
        ("GET", &[("host", "evil.example")]),
        ("POST", &[host, ("origin", "https://evil.example")]),
        ("GET", &[host, ("upgrade", "websocket"), ("origin", "https://evil.example")]),
    ];
    for (method, headers) in cases {
        let (status, body) = ask(&access, method, headers).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {headers:?} {body}");
    }
    let refused = access.sign_in("hr_x", Timestamp::now()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn with_keys_a_caller_is_the_owner_of_the_key_and_nobody_else() {
    let (catalog, _dir) = catalog().await;
    let access = Access::new(catalog.clone(), Policy::Keys);
    let keys = Keys::new(catalog);
    let now = Timestamp::now();
    let (_, alice) = keys.create("alice".parse().unwrap(), "laptop", now).await.unwrap();
    let (_, bob) = keys.create("bob".parse().unwrap(), "", now).await.unwrap();
    // The id of one key with the secret of another.
    let (bob_text, alice_text) = (bob.expose(), alice.expose());
    let forged = format!("{}{}", &bob_text[..36], &alice_text[36..]);
    let bearer = |key: &str| format!("Bearer {key}");
    let cases = [
        (bearer(&alice_text), 200, "alice"),
        (bearer(&bob_text), 200, "bob"),
        (format!("bearer  {bob_text}"), 200, "bob"),
        (bearer(&forged), 401, ""),
        (bearer("hr_"), 401, ""),
        (alice_text.clone(), 401, ""),
        (format!("Basic {alice_text}"), 401, ""),
    ];
    for (value, status, owner) in cases {
        let (found, body) = ask(&access, "GET", &[("authorization", &value)]).await;
        assert_eq!(found.as_u16(), status, "{value}");
        assert!(status != 200 || body == owner);
        assert!(!body.contains(&alice_text[36..]), "a refusal repeats no secret");
    }
    assert_eq!(ask(&access, "GET", &[]).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&access, "GET", &[("host", "127.0.0.1")]).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_is_a_key_that_scripts_and_other_sites_cannot_use() {
    let (catalog, _dir) = catalog().await;
    let access = Access::new(catalog.clone(), Policy::Keys);
    let now = Timestamp::now();
    let (_, key) = Keys::new(catalog).create("alice".parse().unwrap(), "", now).await.unwrap();
    let session = access.sign_in(&key.expose(), now).await.unwrap();
    let set = access::set_cookie(Some(&session.token), true);
    let set = set.to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = format!("a=b; {SESSION_COOKIE}={}; c", session.token.expose());
    let (cookie, host) = (("cookie", cookie.as_str()), ("host", "reel.example"));
    let ours = ("origin", "https://reel.example");
    let cases: [(&str, &[Header], u16); 5] = [
        ("GET", &[host, cookie], 200),
        ("POST", &[host, cookie, ours], 200),
        ("POST", &[host, cookie, ("origin", "https://evil.example")], 403),
        ("GET", &[host, cookie, ("upgrade", "websocket"), ("origin", "https://evil.example")], 403),
        ("GET", &[host, ("cookie", "hashreel_session=00")], 401),
    ];
    for (method, headers, status) in cases {
        let (found, _) = ask(&access, method, headers).await;
        assert_eq!(found.as_u16(), status, "{method} {headers:?}");
    }
    access.sign_out(session.token.expose()).await.unwrap();
    assert_eq!(ask(&access, "GET", &[host, cookie]).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_revoked_key_and_its_sessions_are_worth_nothing() {
    let (catalog, _dir) = catalog().await;
    let keys = Keys::new(catalog.clone());
    let now = Timestamp::now();
    let (info, key) = keys.create("alice".parse().unwrap(), "lost", now).await.unwrap();
    let access = Access::new(catalog.clone(), Policy::Keys);
    let session = access.sign_in(&key.expose(), now).await.unwrap();
    keys.revoke(info.id, now).await.unwrap();
    // Another server, which has not verified them a moment ago.
    let access = Access::new(catalog, Policy::Keys);
    let refusals = [
        access.key_owner(&key.expose()).await.unwrap_err(),
        access.session_owner(session.token.expose()).await.unwrap_err(),
        access.sign_in(&key.expose(), now).await.map(drop).unwrap_err(),
    ];
    assert!(refusals.iter().all(|error| error.kind() == ErrorKind::Unauthenticated));
    let (listed, _) = keys.list(10, None).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].revoked, Some(now));
}
