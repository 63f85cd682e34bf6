//! The page in a real Chromium: upload, pause, reload, play, switch, seek, and sound that keeps step with
//! the picture. What is done is in `browser/`, in JavaScript, since the driver is; here it gets a server.
//!
//! `HASHREEL_SHOTS` names a folder for pictures of what it saw.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use system_tests::{clips, server::Server};

#[test]
fn the_page_does_what_it_promises_in_chromium() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = here.join("../web/node_modules/playwright-core");
    assert!(modules.is_dir(), "the browser's driver is missing: run `npm ci` in web/");
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let shots = std::env::var("HASHREEL_SHOTS").map_or(dir.path().join("shots"), PathBuf::from);
    let output = Command::new("node")
        .arg(here.join("browser/run.mjs"))
        .args(["--base", &server.url()])
        .args(["--video", clips::full().to_str().unwrap()])
        .args(["--shots", shots.to_str().unwrap()])
        .stderr(Stdio::inherit())
        .output()
        .expect("node is missing: `./dev doctor` says what to install");
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}");
    assert!(output.status.success(), "a step failed; stderr and the report above say which");
}
