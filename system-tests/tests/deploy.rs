//! The commands of docs/deploy.md for one machine, typed as they stand there, but for the build and for
//! LocalStack, which are there. Needs what `./dev localstack up` prints in the environment.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{collections::BTreeMap, env, fs, os::unix::fs::symlink, path::Path, process::Command};
use system_tests::{clips, localstack::Resources, program::hashreel, site::free_address};

/// Lines that are not typed: what they do was done before.
const DONE: [&str; 2] = ["./dev localstack", "export PATH="];

#[test]
fn the_commands_of_the_guide_to_deployment_work() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let guide = fs::read_to_string(root.join("docs/deploy.md")).unwrap();
    let blocks = guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let blocks: Vec<_> = blocks.filter(|block| !block.contains("cargo build")).collect();
    assert!(blocks.len() >= 5, "the guide has commands to type");
    let mut script: String = blocks
        .concat()
        .lines()
        .filter(|line| !DONE.iter().any(|done| line.contains(done)))
        .flat_map(|line| [line, "\n"])
        .collect();
    // Its ports may be somebody's: what says them in words is changed, and nothing else.
    let ports: BTreeMap<u16, u16> =
        (8080..=8084).map(|port| (port, free_address().port())).collect();
    for (port, free) in &ports {
        let says = if *port == 8080 { "127.0.0.1:8080".to_owned() } else { port.to_string() };
        assert!(script.contains(&says), "the guide says {says}");
        script = script.replace(&says, &says.replace(&port.to_string(), &free.to_string()));
    }

    let dir = tempfile::tempdir().unwrap();
    fs::copy(clips::small(), dir.path().join("clip.mp4")).unwrap();
    symlink(root.join("localstack"), dir.path().join("localstack")).unwrap();
    let resources = Resources::make();
    let program = hashreel();
    let programs = program.parent().unwrap().display();
    // In a process group of its own, all of which ends when the time is over.
    let mut bash = Command::new("timeout");
    let output = bash
        .args(["--kill-after=10", "300", "bash", "-euo", "pipefail", "-c"])
        .arg(format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"))
        .current_dir(dir.path())
        .envs(resources.environment())
        .env("PATH", format!("{programs}:{}", env::var("PATH").unwrap()))
        .env("HASHREEL_SERVER", format!("http://127.0.0.1:{}", ports[&8080]))
        .env("XDG_STATE_HOME", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\nended with {}: {said}", output.status);
    let listed = String::from_utf8_lossy(&output.stdout);
    assert!(listed.contains("clip.mp4"), "`hashreel ls` lists what was put: {listed}");
}
