//! The back end against a server that answers as a test says, and counts what it was asked.

use super::*;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use axum::{extract::State, http::HeaderMap, routing::any};
use model::ErrorKind;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{net::TcpListener, task::AbortHandle};

/// What was asked: the operation's name and its input.
type Asked = (String, Value);
/// Gives the body of the answer to request `n` of an operation, counted from zero.
type Answers = fn(&str, usize, &Value) -> Value;

#[derive(Clone)]
struct Fake {
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Answers,
}

struct Server {
    fake: Fake,
    queue: SqsQueue,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(fake): State<Fake>, head: HeaderMap, body: String) -> String {
    let operation = head["x-amz-target"].to_str().unwrap().split_once('.').unwrap().1.to_owned();
    let input: Value = serde_json::from_str(&body).unwrap();
    let n = {
        let mut asked = fake.asked.lock().unwrap();
        asked.push((operation.clone(), input.clone()));
        asked.iter().filter(|(other, _)| *other == operation).count() - 1
    };
    let policy = json!({"deadLetterTargetArn": "arn:aws:sqs:x:0:dead", "maxReceiveCount": 5});
    let is_dead = input["QueueUrl"].as_str().is_some_and(|url| url.ends_with("/dead"));
    let said = match &*operation {
        "GetQueueUrl" => {
            json!({"QueueUrl": format!("http://queue/{}", input["QueueName"].as_str().unwrap())})
        }
        "GetQueueAttributes" if is_dead => json!({"Attributes": {}}),
        "GetQueueAttributes" => json!({"Attributes": {"RedrivePolicy": policy.to_string()}}),
        _ => (fake.answers)(&operation, n, &input),
    };
    said.to_string()
}

impl Server {
    async fn start(answers: Answers) -> Self {
        let fake = Fake { asked: Arc::default(), answers };
        let app = axum::Router::new().fallback(any(answer)).with_state(fake.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let keys = Credentials::new("key", "secret", None, None, "the test");
        let config = aws::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws::http())
            .endpoint_url(endpoint)
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .build();
        let queue = SqsQueue::open_with(&config, "jobs").await.unwrap();
        Self { fake, queue, task: task.abort_handle() }
    }

    /// The entries of each request of an operation.
    fn entries(&self, operation: &str) -> Vec<Vec<Value>> {
        let asked = self.fake.asked.lock().unwrap();
        let asked = asked.iter().filter(|(name, _)| name == operation);
        asked.map(|(_, input)| input["Entries"].as_array().unwrap().clone()).collect()
    }
}

/// All entries went well, but those that `failed` gives a code for: whether it is the sender's fault.
fn answered(input: &Value, failed: impl Fn(&str) -> Option<(&'static str, bool)>) -> Value {
    let (mut well, mut bad) = (Vec::new(), Vec::new());
    for entry in input["Entries"].as_array().unwrap() {
        let id = &entry["Id"];
        let of = entry["ReceiptHandle"].as_str().or(entry["MessageBody"].as_str());
        match failed(of.unwrap_or_default()) {
            Some((code, fault)) => bad.push(json!({"Id": id, "Code": code, "SenderFault": fault})),
            None => well.push(json!({"Id": id, "MessageId": "m", "MD5OfMessageBody": "x"})),
        }
    }
    json!({"Successful": well, "Failed": bad})
}

fn receipt(n: usize) -> Receipt {
    let held = Held { handle: format!("handle {n}"), body: "x".into(), receives: 1, sent_at: 0 };
    Receipt::from(message::json(&held).unwrap())
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_due_at_the_same_time_is_one_request_for_ten() {
    let server = Server::start(|_, _, input| answered(input, |_| None)).await;
    let queue = &server.queue;
    let extends = (0..25).map(|n| async move { queue.extend(&receipt(n), MINUTE).await.unwrap() });
    let deletes = (0..25).map(|n| async move { queue.delete(&receipt(n)).await.unwrap() });
    let sends = (0..25).map(|n| async move {
        queue.send(vec![Outgoing::now(format!("job {n}"))]).await.unwrap();
    });
    let all = futures::future::join3(
        futures::future::join_all(extends),
        futures::future::join_all(deletes),
        futures::future::join_all(sends),
    );
    all.await;
    // One at a time these were 25 requests of each kind.
    for operation in ["ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessageBatch"] {
        let lots: Vec<usize> = server.entries(operation).iter().map(Vec::len).collect();
        assert_eq!(lots.iter().sum::<usize>(), 25, "{operation}");
        assert_eq!(lots.len(), 3, "{operation}: {lots:?}");
    }
}

#[tokio::test]
async fn each_caller_hears_of_its_own_entry_and_what_was_refused_for_a_time_is_asked_again() {
    let server = Server::start(|_, n, input| {
        answered(input, |handle| match (handle, n) {
            ("handle 1", _) => Some(("ReceiptHandleIsInvalid", true)),
            ("handle 2", _) => Some(("AWS.SimpleQueueService.MessageNotInflight", true)),
            ("handle 3", 0) => Some(("InternalError", false)),
            ("handle 4", 0..=1) => Some(("ServiceUnavailable", false)),
            _ => None,
        })
    })
    .await;
    let queue = &server.queue;
    let kinds = |answers: Vec<Result<()>>| -> Vec<Option<ErrorKind>> {
        answers.iter().map(|answer| answer.as_ref().err().map(Error::kind)).collect()
    };
    let extends = (0..5).map(|n| async move { queue.extend(&receipt(n), MINUTE).await });
    let told = kinds(futures::future::join_all(extends).await);
    let (invalid, lost) = (Some(ErrorKind::Invalid), Some(ErrorKind::Conflict));
    assert_eq!(told, [None, invalid, lost, None, None]);
    let lots = server.entries("ChangeMessageVisibilityBatch");
    assert_eq!(lots.iter().map(Vec::len).collect::<Vec<_>>(), [5, 2, 1]);
    assert_eq!(lots[2][0]["ReceiptHandle"], "handle 4");
    // A deletion that comes too late is no error.
    let deletes = (0..5).map(|n| async move { queue.delete(&receipt(n)).await });
    let told = kinds(futures::future::join_all(deletes).await);
    assert_eq!(told, [None, invalid, None, None, None]);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_sent() {
    let server = Server::start(|_, _, input| answered(input, |_| None)).await;
    let given_up = server.queue.hides.add(ToHide { handle: "given up".into(), visibility: 60 });
    drop(given_up);
    server.queue.extend(&receipt(1), MINUTE).await.unwrap();
    let lots = server.entries("ChangeMessageVisibilityBatch");
    assert_eq!(lots.len(), 1);
    assert_eq!(lots[0][0]["ReceiptHandle"], "handle 1");
}

#[tokio::test]
async fn jobs_that_are_too_large_for_one_request_are_two() {
    let server = Server::start(|_, _, input| answered(input, |_| None)).await;
    let large = "x".repeat(crate::MAX_BODY_BYTES / 2 + 1);
    let send = || server.queue.send(vec![Outgoing::now(&large)]);
    let (one, two) = futures::future::join(send(), send()).await;
    one.and(two).unwrap();
    assert_eq!(server.entries("SendMessageBatch").len(), 2);
}

/// Dead letters that come once each: the first receive gives three, of which one cannot be read.
fn letters(operation: &str, n: usize, input: &Value) -> Value {
    let letter = |id: &str, note: Option<&str>| {
        let id = format!("0190f1d2-0000-7000-8000-00000000000{id}");
        let mut letter = json!({
            "MessageId": id, "ReceiptHandle": id, "Body": id,
            "Attributes": {"SentTimestamp": "1", "ApproximateReceiveCount": "1"},
        });
        if let Some(note) = note {
            let note = json!({"DataType": "String", "StringValue": note});
            letter["MessageAttributes"] = json!({ message::BURIED: note });
        }
        letter
    };
    match (operation, n) {
        ("ReceiveMessage", 0) => json!({"Messages": [
            letter("1", None), letter("2", Some("from another world")), letter("3", None),
        ]}),
        ("ReceiveMessage", _) => json!({}),
        _ => answered(input, |_| None),
    }
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_hides_no_other_and_says_so() {
    let server = Server::start(letters).await;
    let page = server.queue.dead_letters(None, 10).await.unwrap();
    let reasons: Vec<_> = page.letters.iter().map(|letter| letter.reason.as_deref()).collect();
    assert_eq!(reasons, [None, Some(message::UNREADABLE), None]);
    assert!(page.is_whole);
    let given_back = server.entries("ChangeMessageVisibilityBatch");
    assert_eq!(given_back.iter().map(Vec::len).sum::<usize>(), 3);
    assert!(given_back.iter().flatten().all(|entry| entry["VisibilityTimeout"] == 0));
}

/// The dead letter that [`letters`] gives as number `n`.
fn id(n: usize) -> DeadId {
    DeadId::from(format!("0190f1d2-0000-7000-8000-00000000000{n}"))
}

/// The receipts in all requests of an operation.
fn handles(server: &Server, operation: &str) -> Vec<String> {
    let entries = server.entries(operation).into_iter().flatten();
    let mut handles: Vec<_> =
        entries.map(|entry| entry["ReceiptHandle"].as_str().unwrap().to_owned()).collect();
    handles.sort();
    handles
}

#[tokio::test]
async fn a_letter_that_cannot_be_sent_again_stays_one_and_the_others_are_jobs() {
    let server = Server::start(|operation, n, input| match operation {
        "SendMessageBatch" => {
            answered(input, |body| body.ends_with('2').then_some(("InvalidMessageContents", true)))
        }
        _ => letters(operation, n, input),
    })
    .await;
    server.queue.redrive(&[id(1), id(2), id(9)]).await.unwrap_err();
    assert_eq!(handles(&server, "DeleteMessageBatch"), [id(1).as_str()]);
    // At once the one that was not named, then the one that failed.
    assert_eq!(handles(&server, "ChangeMessageVisibilityBatch"), [id(2).as_str(), id(3).as_str()]);
}

#[tokio::test]
async fn a_letter_that_cannot_be_deleted_is_given_back() {
    let server = Server::start(|operation, n, input| match operation {
        "DeleteMessageBatch" => {
            answered(input, |handle| handle.ends_with('1').then_some(("SomethingElse", true)))
        }
        _ => letters(operation, n, input),
    })
    .await;
    server.queue.discard(&[id(1), id(2), id(3)]).await.unwrap_err();
    assert_eq!(handles(&server, "ChangeMessageVisibilityBatch"), [id(1).as_str()]);
}

#[tokio::test]
async fn of_a_letter_that_comes_twice_the_newer_receipt_is_the_right_to_it() {
    let server = Server::start(|operation, n, input| match (operation, n) {
        ("ReceiveMessage", 1) => {
            let mut again = letters(operation, 0, input);
            again["Messages"].as_array_mut().unwrap().truncate(1);
            again["Messages"][0]["ReceiptHandle"] = json!("newer");
            again
        }
        _ => letters(operation, n, input),
    })
    .await;
    assert_eq!(server.queue.discard(&[id(1), id(9)]).await.unwrap(), [id(9)]);
    assert_eq!(handles(&server, "DeleteMessageBatch"), ["newer"]);
    assert_eq!(handles(&server, "ChangeMessageVisibilityBatch"), [id(2).as_str(), id(3).as_str()]);
}

#[tokio::test]
async fn what_is_not_found_is_said_and_holds_up_no_other() {
    let server = Server::start(letters).await;
    assert_eq!(server.queue.discard(&[id(9), id(2)]).await.unwrap(), [id(9)]);
    assert_eq!(handles(&server, "DeleteMessageBatch"), [id(2).as_str()]);
    assert_eq!(handles(&server, "ChangeMessageVisibilityBatch"), [id(1).as_str(), id(3).as_str()]);
}

#[tokio::test]
async fn a_look_that_is_given_up_or_fails_gives_back_what_it_has_hidden() {
    // It fails at the second receive, with an answer that is none; or is dropped while it waits for it.
    for is_dropped in [false, true] {
        let server = Server::start(|operation, n, input| match (operation, n) {
            ("ReceiveMessage", 1..) => json!({"Messages": "none"}),
            _ => letters(operation, n, input),
        })
        .await;
        let asked = |operation: &str| {
            let asked = server.fake.asked.lock().unwrap();
            asked.iter().filter(|(name, _)| name == operation).count()
        };
        if is_dropped {
            let mut look = std::pin::pin!(server.queue.dead_letters(None, 10));
            let second = async {
                while asked("ReceiveMessage") < 2 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                () = second => {}
                look = &mut look => panic!("the look was to be dropped, and ended: {look:?}"),
            }
        } else {
            server.queue.dead_letters(None, 10).await.unwrap_err();
        }
        tokio::time::timeout(MINUTE, async {
            while server.entries("ChangeMessageVisibilityBatch").iter().flatten().count() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn a_look_at_very_many_ends_and_says_that_there_are_more() {
    let server = Server::start(|operation, n, input| match operation {
        "ReceiveMessage" => {
            let letters = (0..10).map(|k| {
                let id = format!("0190f1d2-0000-7000-8000-{:012}", n * 10 + k);
                json!({"MessageId": id, "ReceiptHandle": id, "Body": "job",
                    "Attributes": {"SentTimestamp": "1"}})
            });
            json!({"Messages": letters.collect::<Vec<_>>()})
        }
        _ => answered(input, |_| None),
    })
    .await;
    let page = server.queue.dead_letters(None, 100).await.unwrap();
    assert_eq!((page.letters.len(), page.is_whole), (100, false));
    let given_back = server.entries("ChangeMessageVisibilityBatch");
    assert_eq!(given_back.iter().flatten().count(), dead::MOST);
    let unseen = DeadId::from("0190f1d2-0000-7000-8000-999999999999".to_owned());
    assert_eq!(server.queue.redrive(std::slice::from_ref(&unseen)).await.unwrap(), [unseen]);
}

#[test]
fn times_are_rounded_up_to_whole_seconds() {
    let cases = [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (43_200_000, 43_200)];
    for (millis, expected) in cases {
        assert_eq!(seconds(Duration::from_millis(millis)), expected);
    }
}
