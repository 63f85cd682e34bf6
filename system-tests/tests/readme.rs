//! The commands in README.md that a reader would type, typed.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{env, fs, path::Path, process::Command};
use system_tests::{clips, program::hashreel, server::Server};

#[test]
fn the_commands_of_the_readme_work() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let blocks: Vec<&str> =
        readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 3, "the README has commands to type");

    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    fs::copy(clips::small(), dir.path().join("clip.mp4")).unwrap();
    let programs = hashreel().parent().unwrap().to_owned();
    let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap());
    for block in blocks {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", block])
            .current_dir(dir.path())
            .env("PATH", &path)
            .env("HASHREEL_SERVER", server.url())
            .env("HASHREEL_DATA", &data)
            .env("XDG_STATE_HOME", dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\nended with {}: {said}", output.status);
    }
}
