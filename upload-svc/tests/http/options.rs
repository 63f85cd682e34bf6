//! OPTIONS: what this server can do.

use crate::server::Server;
use access::Policy;
use upload_svc::Settings;

#[tokio::test]
async fn anyone_may_ask_what_is_spoken() {
    let settings = Settings { max_size: 1 << 30, ..Settings::default() };
    let server = Server::with(settings, Policy::Keys).await;
    for path in ["/uploads", "/uploads/", "/uploads/anything"] {
        for headers in [&[][..], &[("tus-resumable", "9.9.9")]] {
            let answer = server.ask("OPTIONS", path, headers, "").await;
            assert_eq!(answer.status, 204);
            assert_eq!(answer.header("tus-version"), "1.0.0");
            assert_eq!(answer.header("tus-extension"), "creation,creation-with-upload,termination");
            assert_eq!(answer.header("tus-max-size"), "1073741824");
        }
    }
}
