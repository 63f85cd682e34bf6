//! A program whose ways to S3, DynamoDB and SQS can be cut, each by itself.

use crate::{localstack::Resources, programs::Service};
use std::path::Path;
use testkit::{gate::Gate, localstack::endpoint};

/// A back end, as /readyz names it, and the way to it.
#[derive(Debug)]
pub struct BackEnd {
    /// `objects`, `records` or `queue`.
    pub name: &'static str,
    /// The way that the program takes.
    pub gate: Gate,
}

/// Starts `program` on `resources`, with a gate before each back end that it uses, in the order of these
/// names; what it says is added to `log`.
pub async fn start(program: &str, resources: &Resources, log: &Path) -> (Service, Vec<BackEnd>) {
    let mut command = resources.command(program);
    if program == "transcode-worker" {
        command.args(["--workers", "1"]);
    }
    let mut back_ends = Vec::new();
    for (name, ours, theirs) in [
        ("objects", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        ("records", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB"),
        ("queue", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"),
    ] {
        if (program, name) == ("meta-svc", "queue") {
            continue;
        }
        let gate = Gate::to(endpoint(theirs).1).await.unwrap();
        command.env(ours, gate.url());
        back_ends.push(BackEnd { name, gate });
    }
    let log = log.to_owned();
    // Which waits, while the gates must work.
    let service = tokio::task::spawn_blocking(move || Service::start(command, &log));
    (service.await.unwrap(), back_ends)
}
