//! The suite over SQS, and what is this back end's own. It needs what `./dev localstack up` prints in the
//! environment. Here time is waited for, since nobody can move the clock of another program.

#![allow(clippy::unwrap_used, missing_docs)]

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use model::ErrorKind;
use queue::{
    JobQueue, Outgoing,
    conformance::{self, Subject},
    sqs::SqsQueue,
};
use std::{env, net::SocketAddr, sync::Arc, time::Duration};

const MAX_RECEIVES: u32 = 5;

/// What LocalStack needs besides, to make jobs visible again: it looks once a second.
const LAG: Duration = Duration::from_millis(1500);

/// The client of LocalStack; only there is written.
async fn client() -> Client {
    let url = env::var("AWS_ENDPOINT_URL").unwrap_or_else(|_| {
        panic!("AWS_ENDPOINT_URL is not set: run `./dev localstack up` and export what it prints")
    });
    let address: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
    assert!(address.ip().is_loopback(), "{url} is not on this machine");
    Client::new(&aws::config().await.unwrap())
}

async fn make(client: &Client, name: &str, attribute: Option<(QueueAttributeName, String)>) {
    let mut call = client.create_queue().queue_name(name);
    if let Some((name, value)) = attribute {
        call = call.attributes(name, value);
    }
    call.send().await.unwrap();
}

/// The name of a queue that nobody else has, with its dead letters.
async fn fresh(client: &Client) -> String {
    let dead = format!("test-{:016x}-dead", getrandom::u64().unwrap());
    make(client, &dead, None).await;
    queue_with_dead(client, MAX_RECEIVES, &dead).await
}

/// The same with the queue `dead` for its dead letters.
async fn queue_with_dead(client: &Client, max_receives: u32, dead: &str) -> String {
    let name = format!("test-{:016x}", getrandom::u64().unwrap());
    let policy = format!(
        r#"{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{dead}","maxReceiveCount":{max_receives}}}"#
    );
    make(client, &name, Some((QueueAttributeName::RedrivePolicy, policy))).await;
    name
}

async fn subject(client: &Client, handles: usize) -> Subject {
    let name = fresh(client).await;
    let mut opened: Vec<Arc<dyn JobQueue>> = Vec::new();
    for _ in 0..handles {
        opened.push(Arc::new(SqsQueue::open(&name).await.unwrap()));
    }
    Subject {
        handles: opened,
        max_receives: MAX_RECEIVES,
        hidden: Duration::from_secs(8),
        notices_lapse: false,
        pass: Box::new(|time| Box::pin(tokio::time::sleep(time + LAG))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_every_promise_of_the_port() {
    let client = client().await;
    conformance::suite(async || subject(&client, 1).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_on_one_queue_keep_every_promise_together() {
    let client = client().await;
    conformance::suite(async || subject(&client, 2).await).await;
}

#[tokio::test]
async fn a_receipt_and_a_dead_letter_outlive_the_process() {
    const HOUR: Duration = Duration::from_secs(3600);
    let client = client().await;
    let name = fresh(&client).await;
    let open = async || SqsQueue::open(&name).await.unwrap();
    let longest = "x".repeat(queue::MAX_BODY_BYTES);
    open().await.send(vec![Outgoing::now(&longest)]).await.unwrap();
    let job = open().await.receive(1, HOUR, Duration::ZERO).await.unwrap().remove(0);
    // The longest job has room for the longest reason.
    let reason = "\u{1f980}".repeat(queue::MAX_REASON);
    open().await.bury(&job.receipt, &reason).await.unwrap();
    let dead = open().await.dead_letters(None, 1).await.unwrap().letters.remove(0);
    assert!(dead.body == longest && dead.reason == Some(reason));
    assert_eq!(open().await.redrive(&[dead.id]).await.unwrap(), []);
    assert_eq!(open().await.depth().await.unwrap().dead, 0);
    let again = open().await.receive(1, HOUR, Duration::ZERO).await.unwrap().remove(0);
    assert!(again.body == longest);
}

#[tokio::test]
async fn a_queue_that_is_not_one_of_ours_is_named_with_its_setting() {
    let client = client().await;
    let name = format!("test-{:016x}", getrandom::u64().unwrap());
    let missing = queue::open(&format!("sqs://{name}")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Internal);
    assert!(missing.to_string().contains("HASHREEL_QUEUE"), "{}", missing.chain());
    make(&client, &name, None).await;
    let alone = queue::open(&format!("sqs://{name}")).await.unwrap_err();
    assert_eq!(alone.kind(), ErrorKind::Invalid);
    assert!(alone.to_string().contains("redrive policy"), "{alone}");
    // Jobs that are put aside before a worker could say why.
    let hasty = queue_with_dead(&client, MAX_RECEIVES - 1, &name).await;
    let hasty = queue::open(&format!("sqs://{hasty}")).await.unwrap_err();
    assert_eq!(hasty.kind(), ErrorKind::Invalid);
    assert!(hasty.to_string().contains("maxReceiveCount"), "{hasty}");
    // Dead letters that are dead letters of others.
    let beside = queue_with_dead(&client, MAX_RECEIVES, &name).await;
    let losing = queue_with_dead(&client, MAX_RECEIVES, &beside).await;
    let losing = queue::open(&format!("sqs://{losing}")).await.unwrap_err();
    assert_eq!(losing.kind(), ErrorKind::Invalid);
    assert!(losing.to_string().contains("policy of its own"), "{losing}");
}
