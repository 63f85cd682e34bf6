//! What every store of records must do, tried out.
//!
//! One suite for every back end and every wrapper around one; it panics with what is wrong. It needs no
//! empty store and leaves its records behind, in partitions of its own, so that it can be run against a
//! shared table too.

#![allow(clippy::unwrap_used, reason = "a suite fails by panicking")]

mod batches;
mod bounds;
mod conditions;
mod queries;
mod races;
mod reads;

use crate::{Condition, Consistency, Key, Query, Record, RecordStore, Version, Write};
use model::{ErrorKind, Result};
use serde_json::{Value, json};
use std::sync::Arc;

/// Runs every case on `store`.
pub async fn suite(store: Arc<dyn RecordStore>) {
    suite_on(vec![store]).await;
}

/// Runs every case on several handles of one store, as several processes would have them: what one did,
/// the next must see.
pub async fn suite_on(handles: Vec<Arc<dyn RecordStore>>) {
    let table = Table { handles, tag: fresh_tag() };
    reads::run(&table).await;
    conditions::run(&table).await;
    batches::run(&table).await;
    bounds::run(&table).await;
    queries::run(&table).await;
    races::run(&table).await;
}

/// The store under test; each use takes the next handle.
struct Table {
    handles: Vec<Arc<dyn RecordStore>>,
    tag: String,
}

impl Table {
    /// A handle; with two of them, a task's calls alternate where `n` counts them.
    fn at(&self, n: usize) -> &dyn RecordStore {
        self.handles[n % self.handles.len()].as_ref()
    }

    /// The handle that writes.
    fn store(&self) -> &dyn RecordStore {
        self.at(0)
    }

    /// The handle that reads what the other wrote.
    fn other(&self) -> &dyn RecordStore {
        self.at(1)
    }

    /// A partition that nobody else uses.
    fn partition(&self, case: &str) -> String {
        format!("conformance#{}#{case}", self.tag)
    }

    fn key(&self, case: &str, sort: &str) -> Key {
        Key::new(self.partition(case), sort)
    }

    async fn read(&self, key: &Key) -> Option<Record> {
        self.other().get(key, Consistency::Strong).await.unwrap()
    }

    /// Puts whatever is there before; the new version.
    async fn put(&self, key: &Key, value: Value) -> Version {
        self.write(Write::put(key.clone(), Condition::Any, value)).await.unwrap().unwrap()
    }

    async fn write(&self, write: Write) -> Result<Option<Version>> {
        Ok(self.store().write(vec![write]).await?[0])
    }

    /// All of a query's pages, and how many there were.
    async fn walk(&self, query: Query) -> (Vec<Record>, usize) {
        let (mut records, mut pages, mut cursor) = (Vec::new(), 0, None);
        loop {
            let next = query.clone().consistency(Consistency::Strong).cursor(cursor);
            let page = self.at(pages).query(next).await.unwrap();
            assert!(page.records.len() <= query.limit, "a page holds more than was asked for");
            records.extend(page.records);
            pages += 1;
            assert!(pages <= 10_000, "the pages do not end");
            cursor = page.cursor;
            if cursor.is_none() {
                return (records, pages);
            }
        }
    }

    async fn sorts(&self, query: Query) -> Vec<String> {
        self.walk(query).await.0.into_iter().map(|record| record.key.sort).collect()
    }
}

fn fresh_tag() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    format!("{:016x}", u64::from_be_bytes(bytes))
}

fn kind<T: std::fmt::Debug>(answer: Result<T>) -> ErrorKind {
    answer.unwrap_err().kind()
}

fn number(n: usize) -> Value {
    json!({ "v": 1, "n": n })
}
