//! Programs that the tests run, and what they answer.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The program `hashreel`.
#[must_use]
pub fn hashreel() -> PathBuf {
    sibling("hashreel")
}

/// A program of this workspace, beside the tests' own executables.
#[must_use]
pub fn sibling(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let profile = exe.parent().and_then(Path::parent).unwrap();
    let program = profile.join(name);
    assert!(
        program.is_file(),
        "{} is missing: build it with `cargo build --workspace`",
        program.display()
    );
    program
}

/// Runs a program to its end.
pub fn run<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Output {
    let program = program.as_ref();
    Command::new(program).args(args).output().unwrap_or_else(|error| {
        panic!("cannot run {}: {error}; `./dev doctor` says what to install", program.display())
    })
}

/// Runs a program that must succeed, and gives its stdout.
pub fn succeed<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> String {
    let program = program.as_ref();
    let output = run(program, args);
    assert!(
        output.status.success(),
        "{} failed: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
