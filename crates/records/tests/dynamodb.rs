//! The suite over DynamoDB, and what is this back end's own: answers that are lost, settings that are
//! wrong. It needs what `./dev localstack up` prints in the environment.

#![allow(clippy::unwrap_used, missing_docs)]

use aws_sdk_dynamodb::{
    Client,
    config::{self, Config},
    types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use model::ErrorKind;
use records::{
    Condition, Consistency, Key, Record, RecordStore, Version, Write, conformance,
    dynamodb::DynamoRecords,
};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use testkit::{
    localstack::{self, setting},
    proxy::LosingProxy,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

/// Where DynamoDB Local is.
fn endpoint() -> SocketAddr {
    localstack::endpoint("AWS_ENDPOINT_URL_DYNAMODB").1
}

fn table() -> String {
    endpoint();
    setting("HASHREEL_RECORDS").trim_start_matches("dynamodb://").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_every_promise_of_the_port() {
    let url = format!("dynamodb://{}", table());
    conformance::suite(records::open(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_on_one_table_keep_every_promise_together() {
    let table = table();
    let (one, other) = tokio::join!(DynamoRecords::open(&table), DynamoRecords::open(&table));
    conformance::suite_on(vec![Arc::new(one.unwrap()), Arc::new(other.unwrap())]).await;
}

/// A store that may lose answers, and one beside it that does not.
struct Losing {
    proxy: LosingProxy,
    store: DynamoRecords,
    beside: DynamoRecords,
    partition: String,
}

impl Losing {
    async fn new(case: &str) -> Self {
        let proxy = LosingProxy::to(endpoint()).await.unwrap();
        Self {
            store: DynamoRecords::with(config_at(proxy.url()).await, &table()).await.unwrap(),
            beside: DynamoRecords::open(&table()).await.unwrap(),
            partition: format!("lost#{case}#{}", fresh()),
            proxy,
        }
    }

    fn key(&self, sort: &str) -> Key {
        Key::new(&self.partition, sort)
    }

    async fn read(&self, sort: &str) -> Option<Record> {
        self.beside.get(&self.key(sort), Consistency::Strong).await.unwrap()
    }

    async fn put(&self, sort: &str) -> Version {
        let put = Write::put(self.key(sort), Condition::Any, json!({ "before": true }));
        self.beside.write(vec![put]).await.unwrap()[0].unwrap()
    }
}

/// The environment's settings, but for the endpoint.
async fn config_at(url: String) -> Config {
    config::Builder::from(&aws::config().await.unwrap()).endpoint_url(url).build()
}

fn fresh() -> u64 {
    getrandom::u64().unwrap()
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_is_known_by_its_version() {
    let losing = Losing::new("put").await;
    let before = losing.put("there").await;
    for (sort, condition) in [
        ("new", Condition::Absent),
        ("any", Condition::Any),
        ("there", Condition::VersionIs(before)),
    ] {
        losing.proxy.lose(1);
        let put = Write::put(losing.key(sort), condition, json!({ "after": true }));
        let version = losing.store.write(vec![put]).await.unwrap()[0];
        assert_eq!(losing.proxy.left(), 0, "{sort}: an answer was lost");
        let found = losing.read(sort).await.unwrap();
        assert_eq!((Some(found.version), found.value), (version, json!({ "after": true })));
    }
}

#[tokio::test]
async fn a_batch_whose_answers_are_lost_happens_once() {
    let losing = Losing::new("batch").await;
    let (gone, guard) = (losing.put("gone").await, losing.put("guard").await);
    losing.proxy.lose(2);
    let batch = vec![
        Write::put(losing.key("new"), Condition::Absent, json!({ "n": 1 })),
        Write::delete(losing.key("gone"), Condition::VersionIs(gone)),
        Write::check(losing.key("guard"), Condition::VersionIs(guard)),
    ];
    let versions = losing.store.write(batch).await.unwrap();
    assert_eq!(losing.proxy.left(), 0, "two answers were lost");
    assert_eq!(losing.read("new").await.unwrap().version, versions[0].unwrap());
    assert_eq!(losing.read("gone").await, None);
}

#[tokio::test]
async fn a_write_whose_answer_breaks_off_has_happened_once() {
    let losing = Losing::new("broken").await;
    for sorts in [&["one"][..], &["two", "three"]] {
        losing.proxy.break_off(1);
        let put = |sort: &&str| Write::put(losing.key(sort), Condition::Absent, json!({ "n": 1 }));
        let versions = losing.store.write(sorts.iter().map(put).collect()).await.unwrap();
        assert_eq!(losing.proxy.left(), 0, "an answer broke off");
        for (sort, version) in sorts.iter().zip(versions) {
            assert_eq!(Some(losing.read(sort).await.unwrap().version), version);
        }
    }
}

#[tokio::test]
async fn a_delete_whose_answer_is_lost_is_no_success_and_no_conflict() {
    let losing = Losing::new("delete").await;
    let version = losing.put("gone").await;
    losing.proxy.lose(1);
    let delete = Write::delete(losing.key("gone"), Condition::VersionIs(version));
    // Nobody can tell whose deletion it was that made the record go.
    let error = losing.store.write(vec![delete]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert_eq!(losing.read("gone").await, None);
}

#[tokio::test]
async fn a_table_that_is_not_one_of_ours_is_named_with_its_setting() {
    let missing = format!("dynamodb://missing-{}", fresh());
    let error = records::open(&missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().contains("HASHREEL_RECORDS"), "{error}");

    let other = format!("other-{}", fresh());
    let client = Client::new(&aws::config().await.unwrap());
    let id = |name| AttributeDefinition::builder().attribute_name(name);
    client
        .create_table()
        .table_name(&other)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(id("id").attribute_type(ScalarAttributeType::S).build().unwrap())
        .key_schema(
            KeySchemaElement::builder()
                .attribute_name("id")
                .key_type(KeyType::Hash)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
    let error = records::open(&format!("dynamodb://{other}")).await.unwrap_err();
    client.delete_table().table_name(&other).send().await.unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("other keys"), "{error}");
}

#[tokio::test]
async fn an_endpoint_that_speaks_something_else_is_named_with_its_setting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let _ = client.read(&mut [0; 4096]).await;
            let page = "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>";
            client.write_all(page.as_bytes()).await.unwrap();
        }
    });
    let error = DynamoRecords::with(config_at(url).await, &table()).await.unwrap_err();
    server.abort();
    assert_eq!(error.kind(), ErrorKind::Internal, "{}", error.chain());
    assert!(error.to_string().contains("AWS_ENDPOINT_URL"), "{error}");
}

/// What answers in the place of DynamoDB: `says` gets the operation and how often it was asked for.
async fn fake(says: fn(&str, usize) -> (u16, String)) -> (DynamoRecords, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let log = asked.clone();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let log = log.clone();
            tokio::spawn(async move {
                let mut client = BufReader::new(client);
                loop {
                    let (mut operation, mut len) = (String::new(), 0);
                    loop {
                        let mut line = String::new();
                        if client.read_line(&mut line).await.unwrap() == 0 {
                            return;
                        }
                        match line.trim().split_once(": ") {
                            Some(("x-amz-target", target)) => {
                                operation = target.rsplit('.').next().unwrap().to_owned();
                            }
                            Some(("content-length", text)) => len = text.parse().unwrap(),
                            Some(_) => {}
                            None if line.trim().is_empty() => break,
                            None => {}
                        }
                    }
                    client.read_exact(&mut vec![0; len]).await.unwrap();
                    let before = log.lock().unwrap().iter().filter(|o| **o == operation).count();
                    let (status, body) = says(&operation, before);
                    log.lock().unwrap().push(operation);
                    let head =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                    client.write_all((head + &body).as_bytes()).await.unwrap();
                }
            });
        }
    });
    (DynamoRecords::with(config_at(url).await, "fake").await.unwrap(), asked)
}

/// A table of ours.
fn described() -> (u16, String) {
    let table = json!({ "Table": {
        "KeySchema": [
            { "AttributeName": "partition", "KeyType": "HASH" },
            { "AttributeName": "sort", "KeyType": "RANGE" },
        ],
        "AttributeDefinitions": [
            { "AttributeName": "partition", "AttributeType": "S" },
            { "AttributeName": "sort", "AttributeType": "S" },
        ],
    } });
    (200, table.to_string())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, json!({ "__type": code }).to_string())
}

fn calls(asked: &Mutex<Vec<String>>, operation: &str) -> usize {
    asked.lock().unwrap().iter().filter(|asked| *asked == operation).count()
}

fn each_condition() -> [Condition; 3] {
    [Condition::Any, Condition::Absent, Condition::VersionIs(Version::from_bits(7))]
}

#[tokio::test]
async fn a_write_that_is_too_much_at_once_is_tried_again() {
    let (store, asked) = fake(|operation, before| match (operation, before % 3) {
        ("DescribeTable", _) => described(),
        (_, 0) => refused(400, "ThrottlingException"),
        (_, 1) => refused(400, "ProvisionedThroughputExceededException"),
        _ => (200, "{}".into()),
    })
    .await;
    for (n, condition) in (1..).zip(each_condition()) {
        let put = Write::put(Key::new("p", "s"), condition, json!({}));
        store.write(vec![put]).await.unwrap();
        store.write(vec![Write::delete(Key::new("p", "s"), condition)]).await.unwrap();
        assert_eq!((calls(&asked, "PutItem"), calls(&asked, "DeleteItem")), (3 * n, 3 * n));
    }
}

#[tokio::test]
async fn of_writes_that_may_have_happened_those_that_name_a_version_are_tried_again() {
    let (store, asked) = fake(|operation, before| match (operation, before) {
        ("DescribeTable", _) => described(),
        ("PutItem" | "DeleteItem", n) if n < 2 => refused(500, "InternalServerError"),
        _ => (200, "{}".into()),
    })
    .await;
    let [any, absent, version] = each_condition();
    for condition in [any, absent] {
        let put = Write::put(Key::new("p", "s"), condition, json!({}));
        let error = store.write(vec![put]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    }
    let (store, _) = (store, asked.lock().unwrap().clear());
    let put = Write::put(Key::new("p", "s"), version, json!({}));
    store.write(vec![put]).await.unwrap();
    store.write(vec![Write::delete(Key::new("p", "s"), version)]).await.unwrap();
    assert_eq!((calls(&asked, "PutItem"), calls(&asked, "DeleteItem")), (3, 3));
}

#[tokio::test]
async fn a_condition_that_fails_after_a_lost_answer_is_no_conflict() {
    let (store, asked) = fake(|operation, before| match (operation, before) {
        ("DescribeTable", _) => described(),
        ("PutItem", 0) => refused(500, "InternalServerError"),
        ("PutItem", _) => refused(400, "ConditionalCheckFailedException"),
        _ => (200, "{}".into()),
    })
    .await;
    let [_, _, version] = each_condition();
    let put = Write::put(Key::new("p", "s"), version, json!({}));
    let error = store.write(vec![put]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert_eq!(calls(&asked, "PutItem"), 2);
}

#[tokio::test]
async fn many_failures_leave_every_read_its_tries() {
    let (store, asked) = fake(|operation, before| match (operation, before % 2) {
        ("DescribeTable", _) => described(),
        (_, 0) => refused(500, "InternalServerError"),
        _ => (200, json!({ "Responses": {} }).to_string()),
    })
    .await;
    for n in 1..=60 {
        let keys = [Key::new("p", "s"), Key::new("p", "t")];
        assert_eq!(store.get_many(&keys, Consistency::Eventual).await.unwrap(), [None, None]);
        assert_eq!(calls(&asked, "BatchGetItem"), 2 * n);
    }
}
