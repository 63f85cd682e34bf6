//! The suite over the embedded back end, and what is this one's own.

use super::*;
use crate::{Condition, conformance};
use serde_json::json;
use std::{sync::Arc, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn keeps_every_promise_of_the_port() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/records.db", directory.path().display());
    conformance::suite(crate::open(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_on_one_file_keep_every_promise_together() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("records.db");
    // Both make the file, at the same time.
    let (one, other) = tokio::join!(SqliteRecords::open(&path), SqliteRecords::open(&path));
    conformance::suite_on(vec![Arc::new(one.unwrap()), Arc::new(other.unwrap())]).await;
}

#[tokio::test]
async fn the_table_is_there_for_people_to_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("records.db");
    let store = SqliteRecords::open(&path).await.unwrap();
    let key = Key::new("file#1", "head");
    let put = Write::put(key, Condition::Absent, json!({ "v": 1, "name": "clip.mp4" }));
    store.write(vec![put]).await.unwrap();
    let person = rusqlite::Connection::open(&path).unwrap();
    let row: (String, String, String) = person
        .query_row("SELECT partition, sort, value ->> 'name' FROM record", [], |row| row.try_into())
        .unwrap();
    assert_eq!(row, ("file#1".into(), "head".into(), "clip.mp4".into()));
}

#[tokio::test]
async fn rows_that_expired_go_as_writes_go_by() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteRecords::open(directory.path().join("records.db")).await.unwrap();
    let put = |sort: &str| Write::put(Key::new("p", sort), Condition::Any, json!({}));
    let now = Timestamp::now();
    let (past, future) = (now - Duration::from_secs(5), now + Duration::from_secs(3600));
    store.write(vec![put("a").expires(past), put("b").expires(future), put("c")]).await.unwrap();
    let sorts = async || {
        let page = store.query(Query::partition("p")).await.unwrap();
        page.records.into_iter().map(|record| record.key.sort).collect::<Vec<_>>()
    };
    // The first write had its look before it put them; the next look is not due.
    store.write(vec![put("d")]).await.unwrap();
    assert_eq!(sorts().await, ["a", "b", "c", "d"]);
    store.purged.store(0, Ordering::Relaxed);
    store.write(vec![put("e")]).await.unwrap();
    assert_eq!(sorts().await, ["b", "c", "d", "e"]);
}

/// How many rows of the partition `p` are kept.
async fn rows(store: &SqliteRecords) -> usize {
    store.query(Query::partition("p").limit(1000)).await.unwrap().records.len()
}

/// A store with `count` rows of the partition `p` that expired.
async fn store_of_the_past(directory: &tempfile::TempDir, count: usize) -> SqliteRecords {
    let store = SqliteRecords::open(directory.path().join("records.db")).await.unwrap();
    let past = Timestamp::now() - Duration::from_secs(5);
    let old = |n: &usize| {
        Write::put(Key::new("p", format!("{n:04}")), Condition::Any, json!({})).expires(past)
    };
    for batch in (0..count).collect::<Vec<_>>().chunks(100) {
        store.write(batch.iter().map(old).collect()).await.unwrap();
    }
    store.purged.store(0, Ordering::Relaxed);
    store
}

#[tokio::test]
async fn more_rows_than_one_write_drops_are_dropped_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of_the_past(&directory, 900).await;
    let other = || vec![Write::put(Key::new("q", "x"), Condition::Any, json!({}))];
    store.write(other()).await.unwrap();
    assert_eq!(rows(&store).await, 400);
    store.write(other()).await.unwrap();
    assert_eq!(rows(&store).await, 0);
}

#[tokio::test]
async fn a_write_that_fails_does_not_keep_what_expired() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of_the_past(&directory, 3).await;
    let unmet = Condition::VersionIs(Version::from_bits(7));
    store.write(vec![Write::put(Key::new("q", "x"), unmet, json!({}))]).await.unwrap_err();
    assert_eq!(rows(&store).await, 0);
}

#[tokio::test]
async fn an_unknown_scheme_is_refused_by_naming_the_known() {
    for url in ["redis://table", "records.db", "", "sqlite:records.db"] {
        let error = crate::open(url).await.unwrap_err();
        assert!(error.to_string().contains("sqlite:///PATH or dynamodb://TABLE"), "{error}");
    }
    let relative = crate::open("sqlite://records.db").await.unwrap_err();
    assert!(relative.to_string().contains("full path"), "{relative}");
}
