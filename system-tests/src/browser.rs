//! The steps of `browser/`, in a real Chromium. They are in JavaScript, since the driver is.

use crate::site::Site;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Runs steps against `site`, with options as `browser/run.mjs` has them, and gives its report.
///
/// `HASHREEL_SHOTS` names a folder for pictures of what it saw.
///
/// # Panics
/// Where a step fails: what it said is on stderr and in the panic.
#[must_use]
pub fn steps(site: &Site, options: &[&str]) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = here.join("../web/node_modules/playwright-core");
    assert!(modules.is_dir(), "the browser's driver is missing: run `npm ci` in web/");
    let dir = tempfile::tempdir().unwrap();
    let shots = std::env::var("HASHREEL_SHOTS").map_or(dir.path().join("shots"), PathBuf::from);
    let output = Command::new("node")
        .arg(here.join("browser/run.mjs"))
        .args(["--base", &site.url()])
        .args(["--shots", shots.to_str().unwrap()])
        .args(options)
        .stderr(Stdio::inherit())
        .output()
        .expect("node is missing: `./dev doctor` says what to install");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "a step failed; stderr says which. The report:\n{report}");
    report.into_owned()
}
