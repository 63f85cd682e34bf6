//! What every store of objects must do, tried out.
//!
//! One suite for every back end and every layer around one; it panics with what is wrong. It needs no
//! empty store and removes most of what it puts, below a prefix of its own, so that it can be run
//! against a shared bucket too.

#![allow(clippy::unwrap_used, reason = "a suite fails by panicking")]

mod listing;
mod puts;
mod races;
mod reads;
mod streams;

use crate::{ObjectName, ObjectStore, Outcome, Put, Streamed};
use bytes::Bytes;
use model::{ByteRange, Error, ErrorKind, Result};
use std::sync::Arc;

/// Runs every case on `store`.
pub async fn suite(store: Arc<dyn ObjectStore>) {
    suite_on(vec![store]).await;
}

/// Runs every case on several handles of one store, as several processes would have them: what one did,
/// the next must see.
pub async fn suite_on(handles: Vec<Arc<dyn ObjectStore>>) {
    let place = Place { handles, tag: fresh_tag() };
    place.store().probe().await.unwrap();
    puts::run(&place).await;
    reads::run(&place).await;
    streams::run(&place).await;
    listing::run(&place).await;
    races::run(&place).await;
    let left = place.list("").await;
    for names in left.chunks(crate::MAX_LIST) {
        place.store().delete_all(names).await.unwrap();
    }
    assert!(place.list("").await.is_empty(), "what was deleted is still listed");
}

/// The store under test; each use takes the next handle.
struct Place {
    handles: Vec<Arc<dyn ObjectStore>>,
    tag: String,
}

impl Place {
    fn at(&self, n: usize) -> &dyn ObjectStore {
        self.handles[n % self.handles.len()].as_ref()
    }

    /// The handle that writes.
    fn store(&self) -> &dyn ObjectStore {
        self.at(0)
    }

    /// The handle that reads what the other wrote.
    fn other(&self) -> &dyn ObjectStore {
        self.at(1)
    }

    /// Names that nobody else uses.
    fn prefix(&self) -> String {
        format!("conformance/{}/", self.tag)
    }

    fn name(&self, name: &str) -> ObjectName {
        ObjectName::new(format!("{}{name}", self.prefix())).unwrap()
    }

    fn put(&self, name: &str, bytes: impl Into<Bytes>) -> Put {
        Put::new(self.name(name), bytes.into())
    }

    async fn create(&self, name: &str, bytes: impl Into<Bytes>) {
        let outcomes = self.store().put_all(vec![self.put(name, bytes)]).await.unwrap();
        assert_eq!(outcomes, [Outcome::Created], "{name}");
    }

    async fn read(&self, name: &str) -> Option<Bytes> {
        found(self.other().get(&self.name(name), None).await)
    }

    /// Asserts that nobody sees anything of `name`.
    async fn is_absent(&self, name: &str) {
        assert_eq!(self.read(name).await, None, "{name}");
        assert_eq!(found(self.other().head(&self.name(name)).await), None, "{name}");
        let listed = self.list(name).await;
        assert!(!listed.contains(&self.name(name)), "{name} is listed");
    }

    /// All names with this prefix, by pages.
    async fn list(&self, prefix: &str) -> Vec<ObjectName> {
        self.list_by(prefix, crate::MAX_LIST).await
    }

    async fn list_by(&self, prefix: &str, limit: usize) -> Vec<ObjectName> {
        let (mut names, mut cursor, mut pages) = (Vec::new(), None, 0);
        let prefix = format!("{}{prefix}", self.prefix());
        loop {
            let page = self.at(pages).list(&prefix, cursor, limit).await.unwrap();
            assert!(page.objects.len() <= limit, "a page lists more than was asked for");
            names.extend(page.objects.into_iter().map(|object| object.name));
            pages += 1;
            assert!(pages <= 10_000, "the pages do not end");
            cursor = page.cursor;
            if cursor.is_none() {
                return names;
            }
        }
    }
}

/// `None` for what is not there; panics on other errors.
fn found<T>(answer: Result<T>) -> Option<T> {
    match answer {
        Ok(there) => Some(there),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{}", error.chain()),
    }
}

fn kind<T: std::fmt::Debug>(answer: Result<T>) -> ErrorKind {
    answer.unwrap_err().kind()
}

/// Bytes that differ at every place, and between seeds.
fn bytes_of(len: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

fn fresh_tag() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    format!("{:016x}", u64::from_be_bytes(bytes))
}
