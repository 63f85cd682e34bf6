//! The page in a real Chromium: upload, pause, reload, play, switch, seek, and sound that keeps step with
//! the picture.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use system_tests::{browser::steps, clips, server::Server};

#[test]
fn the_page_does_what_it_promises_in_chromium() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    println!("{}", steps(&server, &["--video", clips::full().to_str().unwrap()]));
}
