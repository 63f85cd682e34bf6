//! Jobs that are put aside, and `hashreel jobs` as an operator runs it.

use crate::program::hashreel;
use catalog::jobs::Job;
use queue::Outgoing;
use std::{
    collections::BTreeMap,
    process::{Command, Output},
    time::{Duration, Instant},
};

/// How long a job may take to come, or to be put aside.
const PATIENCE: Duration = Duration::from_secs(60);

/// `hashreel jobs` on one deployment.
#[derive(Debug)]
pub struct Jobs {
    at: Vec<String>,
    environment: BTreeMap<String, String>,
}

impl Jobs {
    /// With the options `at`, and `environment`.
    #[must_use]
    pub fn new(at: &[&str], environment: &BTreeMap<String, String>) -> Self {
        let at = at.iter().map(|&part| part.to_owned()).collect();
        Self { at, environment: environment.clone() }
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(hashreel());
        // The tests' own environment may name a deployment, too.
        for setting in ["HASHREEL_DATA", "HASHREEL_RECORDS", "HASHREEL_QUEUE"] {
            command.env_remove(setting);
        }
        command.arg("jobs").args(args).args(&self.at).envs(&self.environment);
        command.output().unwrap()
    }

    /// What it prints, where it must succeed.
    #[must_use]
    pub fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The line of the first letter whose id begins with `prefix`, once there is one.
    pub async fn wait_for(&self, prefix: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.succeed(&["dead"]);
            if let Some(line) = said.lines().find(|line| line.starts_with(prefix)) {
                return line.to_owned();
            }
            assert!(Instant::now() < deadline, "nothing was put aside: {said}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Sends a message to the queue that `url` names.
pub async fn send(url: &str, body: &str) {
    queue::open(url).await.unwrap().send(vec![Outgoing::now(body)]).await.unwrap();
}

/// Puts aside the next job of the queue that `url` names, as a worker does that cannot do it.
pub async fn bury_one(url: &str, reason: &str) -> Job {
    Job::decode(&bury_any(url, reason).await).unwrap()
}

/// The same with whatever it is, as it was sent.
pub async fn bury_any(url: &str, reason: &str) -> String {
    let queue = queue::open(url).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let jobs = queue.receive(1, PATIENCE, Duration::from_secs(1)).await.unwrap();
        if let Some(job) = jobs.first() {
            queue.bury(&job.receipt, reason).await.unwrap();
            return job.body.clone();
        }
        assert!(Instant::now() < deadline, "no job comes");
    }
}
