//! The commands in README.md that a reader would type, typed as they stand there, in a shell that knows
//! no variable of ours.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};
use system_tests::{clips, program::hashreel, server::Server};

/// Where a server listens unless one says otherwise.
const DEFAULT: &str = "http://127.0.0.1:8080";

#[test]
fn the_commands_of_the_readme_work() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let blocks: Vec<&str> =
        readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 3, "the README has commands to type");
    assert!(blocks.iter().any(|block| block.contains(DEFAULT)), "one says where the server is");

    // The reader's folder has the data in it, as after `./dev up`.
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    fs::copy(clips::small(), dir.path().join("clip.mp4")).unwrap();
    let programs = program_at(&server.url(), dir.path());
    let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap());
    for block in blocks {
        // 8080 may be somebody's: what says so in words is changed, and nothing else.
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &block.replace(DEFAULT, &server.url())])
            .current_dir(dir.path())
            .env_remove("HASHREEL_SERVER")
            .env_remove("HASHREEL_DATA")
            .env("PATH", &path)
            .env("XDG_STATE_HOME", dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\nended with {}: {said}", output.status);
    }
}

/// A folder with a `hashreel` whose default server is the one at `url`.
fn program_at(url: &str, dir: &Path) -> PathBuf {
    let programs = dir.join("bin");
    fs::create_dir(&programs).unwrap();
    let script = programs.join("hashreel");
    let program = hashreel();
    let text = format!("#!/bin/sh\nHASHREEL_SERVER={url} exec '{}' \"$@\"\n", program.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    programs
}
