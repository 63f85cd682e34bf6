//! The port: what a store of records does and must guarantee.

use crate::{Key, Page, Query, Shard};
use async_trait::async_trait;
use model::{Error, ErrorKind, Result, Timestamp};
use serde_json::Value;
use std::{collections::HashSet, error::Error as StdError, fmt};

/// The most entries of one batch.
pub const MAX_BATCH: usize = 100;
/// The most bytes of all values of one batch, as JSON text.
pub const MAX_BATCH_BYTES: usize = 3 << 20;
/// The longest value, in bytes of JSON text.
pub const MAX_VALUE_BYTES: usize = 350 << 10;
/// The most keys of one [`RecordStore::get_many`].
pub const MAX_GET: usize = 1000;

/// Which write a record comes from: 128 fresh random bits at every write, so that no version ever
/// comes back, not even after a record was deleted and made again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(u128);

impl Version {
    /// One that never was.
    ///
    /// # Errors
    /// `Internal` where the system gives no random bytes.
    pub(crate) fn fresh() -> Result<Self> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|error| {
            Error::with_source(ErrorKind::Internal, "the system gives no random bytes", error)
        })?;
        Ok(Self(u128::from_be_bytes(bits)))
    }

    /// The version with these bits, as a back end stored them.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits, for a back end to store.
    #[must_use]
    pub fn to_bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A record as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its name.
    pub key: Key,
    /// The write that made it what it is.
    pub version: Version,
    /// A JSON object. By convention of `catalog` it carries the version of its own format.
    pub value: Value,
    /// From when on the store may drop it; see [`Write::expires`].
    pub expires: Option<Timestamp>,
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// Sees every write that was acknowledged before the read began, by whatever process.
    Strong,
    /// May be a little behind; cheaper in some back ends.
    Eventual,
}

/// What must hold of a key for its batch to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Any,
    /// There is no such record.
    Absent,
    /// The record exists and is of this version.
    VersionIs(Version),
}

/// What happens to a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The record becomes this JSON object, under a fresh version.
    Put(Value),
    /// The record goes; deleting what is absent is no error.
    Delete,
    /// Nothing: the key only takes part with its condition, which is not `Any`.
    Check,
}

/// One entry of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Whose.
    pub key: Key,
    /// What must hold before.
    pub condition: Condition,
    /// What happens.
    pub change: Change,
    /// For a put: from then on the store may drop the record, at once or days later, and readers and
    /// conditions see it until it does. Only for rows that nobody must act on.
    pub expires: Option<Timestamp>,
}

impl Write {
    /// Makes the record `value` where `condition` holds.
    #[must_use]
    pub fn put(key: Key, condition: Condition, value: Value) -> Self {
        Self { key, condition, change: Change::Put(value), expires: None }
    }

    /// Removes the record where `condition` holds.
    #[must_use]
    pub fn delete(key: Key, condition: Condition) -> Self {
        Self { key, condition, change: Change::Delete, expires: None }
    }

    /// Lets the batch happen only where `condition` holds.
    #[must_use]
    pub fn check(key: Key, condition: Condition) -> Self {
        Self { key, condition, change: Change::Check, expires: None }
    }

    /// The same with a time from which on the store may drop the record.
    #[must_use]
    pub fn expires(self, at: Timestamp) -> Self {
        Self { expires: Some(at), ..self }
    }
}

/// A table of records: strong conditional writes on single machines and on clusters alike.
///
/// Required of every implementation, and tested by `conformance`:
/// - **Atomic.** A batch happens entirely or not at all, for every reader at once that reads strongly;
///   its conditions hold at the very moment it happens (serialisable).
/// - **Durable.** A write that returned `Ok` survives a crash of any process and of the machine.
/// - **Read after write.** A strong read sees every write acknowledged before it began.
/// - **Fresh versions.** See [`Version`].
/// - **Bounded.** Key, value, batch and page sizes are checked alike in every back end.
/// - A call dropped halfway, or that failed with `Unavailable`, may have happened, or may happen a moment
///   later, but never in part: its conditions are what makes that harmless.
///
/// Errors of every method, besides those it names: `Invalid` for input beyond the bounds, `Busy` and
/// `Unavailable` for a back end that is overloaded or away (the same call may succeed later), `NoSpace`
/// for a full disk, `Internal` for a stored row that cannot be read.
#[async_trait]
pub trait RecordStore: Send + Sync + fmt::Debug + 'static {
    /// The record of this key, if there is one.
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Record>>;

    /// The records of up to [`MAX_GET`] keys, in the order of the keys; a key may stand in them twice.
    /// Each key is read on its own: together they are no snapshot.
    async fn get_many(&self, keys: &[Key], consistency: Consistency)
    -> Result<Vec<Option<Record>>>;

    /// Does 1 to [`MAX_BATCH`] changes at once, or none of them; answers with the new version of each
    /// put, and `None` for deletes and checks, in the order of the batch.
    ///
    /// # Errors
    /// `Conflict` where a condition does not hold; [`failed_key`] tells the first such key of the
    /// batch. `Invalid` for a batch that is empty, too long, or names a key twice, for a value that is
    /// no JSON object and for a check of `Any`; `TooLarge` beyond [`MAX_VALUE_BYTES`] or
    /// [`MAX_BATCH_BYTES`].
    async fn write(&self, batch: Vec<Write>) -> Result<Vec<Option<Version>>>;

    /// Records of one partition in the order of their sort keys, a page at a time. A record that is
    /// there during the whole walk through the pages comes exactly once, whatever is written
    /// meanwhile; a cursor stays good when the record it stands at is deleted, and survives restarts.
    ///
    /// # Errors
    /// `Invalid` for a limit out of bounds or a cursor of another query.
    async fn query(&self, query: Query) -> Result<Page>;

    /// Every record of one shard, in no particular order, a page at a time, eventually consistent. The
    /// shards together hold each record once. It reads the whole store: for operators' tools only.
    ///
    /// # Errors
    /// `Invalid` for a shard that does not exist or a cursor of something else.
    async fn scan(&self, shard: Shard, cursor: Option<String>) -> Result<Page>;
}

/// The source of a `Conflict` that [`RecordStore::write`] answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionFailed {
    /// The first key of the batch whose condition does not hold.
    pub key: Key,
}

impl fmt::Display for ConditionFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the condition on record {} does not hold", self.key)
    }
}

impl StdError for ConditionFailed {}

impl From<ConditionFailed> for Error {
    fn from(failed: ConditionFailed) -> Self {
        Self::with_source(
            ErrorKind::Conflict,
            "somebody else changed this meanwhile; read it again",
            failed,
        )
    }
}

/// The key whose condition failed, where `error` comes from that.
#[must_use]
pub fn failed_key(error: &Error) -> Option<&Key> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(failed) = cause.downcast_ref::<ConditionFailed>() {
            return Some(&failed.key);
        }
        next = cause.source();
    }
    None
}

/// What every back end checks before it looks at a batch; answers with the text of each put's value.
///
/// # Errors
/// As [`RecordStore::write`] says.
pub(crate) fn check_batch(batch: &[Write]) -> Result<Vec<Option<String>>> {
    if batch.is_empty() || batch.len() > MAX_BATCH {
        return Err(Error::invalid(format!("a batch has 1 to {MAX_BATCH} entries")));
    }
    let mut keys = HashSet::with_capacity(batch.len());
    let mut texts = Vec::with_capacity(batch.len());
    let mut total = 0;
    for Write { key, condition, change, expires } in batch {
        key.check()?;
        if !keys.insert(key) {
            return Err(Error::invalid(format!("the batch names record {key} twice")));
        }
        if *condition == Condition::Any && *change == Change::Check {
            return Err(Error::invalid(format!("the check of record {key} checks nothing")));
        }
        let Change::Put(value) = change else {
            if expires.is_some() {
                return Err(Error::invalid(format!("record {key} is not put and cannot expire")));
            }
            texts.push(None);
            continue;
        };
        if !value.is_object() {
            return Err(Error::invalid(format!("the value of record {key} is no JSON object")));
        }
        let text = value.to_string();
        total += text.len();
        if text.len() > MAX_VALUE_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the value of record {key} is over {MAX_VALUE_BYTES} bytes"),
            ));
        }
        texts.push(Some(text));
    }
    if total > MAX_BATCH_BYTES {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the values of a batch are over {MAX_BATCH_BYTES} bytes; split it"),
        ));
    }
    Ok(texts)
}

/// Seconds since 1970, never earlier than asked for.
pub(crate) fn whole_seconds(at: Timestamp) -> i64 {
    at.as_second() + i64::from(at.subsec_nanosecond() > 0)
}
