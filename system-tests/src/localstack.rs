//! Resources on LocalStack, made for one test from the template that makes them on AWS.

use crate::program::sibling;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};
use testkit::localstack::endpoint;

/// A bucket, queues and a table that nobody else uses. Dropping it takes them away.
#[derive(Debug)]
pub struct Resources {
    stack: String,
    /// What a program needs in its environment to use them.
    environment: BTreeMap<String, String>,
}

impl Resources {
    /// Makes them where `./dev localstack up` has printed that LocalStack is.
    #[must_use]
    pub fn make() -> Self {
        let stack = format!("test-{:08x}", getrandom::u32().unwrap());
        run(&stack, "make");
        let environment = run(&stack, "environment")
            .lines()
            .map(|line| line.trim_start_matches("export ").split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { stack, environment }
    }

    /// What the setting `name` must be, as `HASHREEL_OBJECTS`.
    #[must_use]
    pub fn setting(&self, name: &str) -> &str {
        &self.environment[name]
    }

    /// What a program needs in its environment to use them.
    #[must_use]
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The command that runs one of our programs on them.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(sibling(program));
        command.envs(&self.environment).env_remove("HASHREEL_REQUIRE_KEYS");
        command
    }
}

impl Drop for Resources {
    fn drop(&mut self) {
        // While a test fails, a second panic would hide the first.
        if !std::thread::panicking() {
            run(&self.stack, "remove");
        }
    }
}

/// What `localstack/resources.py` says to `action`.
fn run(stack: &str, action: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python: PathBuf = root.join("target/localstack/venv/bin/python");
    let output = Command::new(&python)
        .arg(root.join("localstack/resources.py"))
        .arg(action)
        .env("HASHREEL_STACK", stack)
        .env("LOCALSTACK_URL", endpoint("AWS_ENDPOINT_URL").0)
        .env("DYNAMODB_URL", endpoint("AWS_ENDPOINT_URL_DYNAMODB").0)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}: run ./dev localstack up", python.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "resources.py {action}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
