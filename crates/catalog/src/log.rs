//! The log: what happened, written with the change itself, read by consumers with a cursor of their own.
//!
//! Ids sort by time, but an entry may commit after one with a later id. So a follower reads again what
//! lies within a window before its newest entry, and remembers what it has seen there.

use crate::{
    Catalog, keys,
    row::{self, Row},
};
use model::{
    Error, EventId, FileId, OwnerId, Result, Timestamp, UploadId,
    event::{Event, EventType},
};
use records::{Condition, Consistency, MAX_PAGE, Query, Version, Write};
use serde_json::Value;
use std::{collections::BTreeSet, fmt, time::Duration};

/// How late an entry may become visible, against entries with later ids, and still be delivered. A
/// write takes far less; what takes longer is not lost from the history, only from live followers.
const OVERLAP: Duration = Duration::from_secs(5);

/// How long progress stays in the history: it is for those who look on.
pub(crate) const PROGRESS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A stream of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// An owner's history: entries are [`Event`]s.
    Events(OwnerId),
    /// Jobs that were due when the entry was written: entries are [`crate::jobs::Job`]s.
    Jobs,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(owner) => write!(f, "events#{owner}"),
            Self::Jobs => f.write_str("jobs#0"),
        }
    }
}

impl Row for Event {
    const WHAT: &'static str = "an event";
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Sorts by time.
    pub id: EventId,
    /// What the topic's entries hold.
    pub value: Value,
}

impl Entry {
    /// What it says, if that can be read.
    pub(crate) fn read<T: Row>(self, topic: &Topic) -> Option<T> {
        row::readable(&keys::log(topic, self.id), self.value)
    }
}

/// An event made at `at`.
pub(crate) fn event(
    at: Timestamp,
    kind: EventType,
    file: Option<FileId>,
    upload: Option<UploadId>,
    data: Value,
) -> Event {
    Event { id: EventId::new(at), at, kind, file, upload, data }
}

/// The write that puts `event` into its owner's history.
pub(crate) fn event_write(owner: &OwnerId, event: &Event) -> Result<Write> {
    row::put(keys::log(&Topic::Events(owner.clone()), event.id), Condition::Any, event)
}

/// The same for an event that nobody needs after `expires`.
pub(crate) fn passing_event_write(
    owner: &OwnerId,
    event: &Event,
    expires: Timestamp,
) -> Result<Write> {
    Ok(event_write(owner, event)?.expires(expires))
}

/// The version of a batch's first write, which was a put.
pub(crate) fn first_version(versions: &[Option<Version>]) -> Result<Version> {
    versions.first().copied().flatten().ok_or_else(|| Error::internal("a put has a version"))
}

impl Catalog {
    /// Entries of `topic` from `from` on, oldest first, at most `limit`. Nobody is kept from the entries
    /// behind one that cannot be read: it is passed over, and said in the log of the program. Who moves on
    /// and never looks back reads strongly; who reads a window again and again need not.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_log(
        &self,
        topic: &Topic,
        from: EventId,
        limit: usize,
        consistency: Consistency,
    ) -> Result<Vec<Entry>> {
        let (mut entries, mut cursor) = (Vec::new(), None);
        while entries.len() < limit {
            // Digits sort before `~`.
            let query = Query::range(keys::log_partition(topic), from.to_string(), "~")
                .limit((limit - entries.len()).min(MAX_PAGE))
                .cursor(cursor)
                .consistency(consistency);
            let page = self.records.query(query).await?;
            for record in page.records {
                match record.key.sort.parse() {
                    Ok(id) => entries.push(Entry { id, value: record.value }),
                    Err(_) => tracing::error!(key = %record.key, "a row of the log is passed over"),
                }
            }
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(entries)
    }

    /// An owner's history after the event `after` (from the beginning without it), oldest first, at
    /// most `limit` events.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn events(
        &self,
        owner: &OwnerId,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>> {
        let from = after.unwrap_or(EventId::first_at(Timestamp::UNIX_EPOCH));
        let topic = Topic::Events(owner.clone());
        // An event is there before its change is answered.
        let limit_and_one = limit.saturating_add(1);
        let entries = self.read_log(&topic, from, limit_and_one, Consistency::Strong).await?;
        let later = entries.into_iter().filter(|entry| Some(entry.id) != after);
        Ok(later.take(limit).filter_map(|entry| entry.read(&topic)).collect())
    }

    /// Adds `event` to its owner's history by itself. Where it belongs to a change, it is written with
    /// the change instead.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn append_event(&self, owner: &OwnerId, event: &Event) -> Result<()> {
        self.records.write(vec![event_write(owner, event)?]).await.map(drop)
    }
}

/// Follows an owner's history live.
#[derive(Debug)]
pub struct Follow {
    catalog: Catalog,
    topic: Topic,
    newest: Timestamp,
    /// Ids within the window before `newest` that were delivered, or lie before the start.
    seen: BTreeSet<EventId>,
}

impl Follow {
    /// Follows from now on, or from just after the event `after`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn new(
        catalog: Catalog,
        owner: &OwnerId,
        after: Option<EventId>,
        now: Timestamp,
    ) -> Result<Self> {
        let newest = after.map_or(now, |after| after.at());
        let mut follow =
            Self { catalog, topic: Topic::Events(owner.clone()), newest, seen: BTreeSet::new() };
        // What is there already up to the start was delivered to somebody else, or nobody wants it.
        let window = follow.window();
        let mut from = window;
        loop {
            let read = follow.catalog.read_log(&follow.topic, from, 1000, Consistency::Strong);
            let entries = read.await?;
            let Some(last) = entries.last().map(|entry| entry.id) else { break };
            let before = |id: &EventId| after.is_none_or(|after| *id <= after);
            follow.seen.extend(entries.iter().map(|entry| entry.id).filter(before));
            if last == from || !before(&last) {
                break;
            }
            from = last;
        }
        Ok(follow)
    }

    fn window(&self) -> EventId {
        EventId::first_at(self.newest.checked_sub(OVERLAP).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Events that were not delivered before, oldest first, at most about `limit`; none when nothing
    /// happened. Does not wait.
    ///
    /// # Errors
    /// Those of the store; the call may be repeated.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<Event>> {
        let window = self.window();
        let limit = limit.saturating_add(self.seen.len());
        // What is not seen yet is seen next time: the window is longer than a reading lags behind. Half
        // the price, several times a second for each owner who is looked on by.
        let read = self.catalog.read_log(&self.topic, window, limit, Consistency::Eventual);
        let entries = read.await?;
        let mut events = Vec::new();
        for entry in entries {
            if self.seen.insert(entry.id) {
                self.newest = self.newest.max(entry.id.at());
                events.extend(entry.read(&self.topic));
            }
        }
        let window = self.window();
        self.seen = self.seen.split_off(&window);
        Ok(events)
    }
}
