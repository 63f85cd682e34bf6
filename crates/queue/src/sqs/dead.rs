//! Dead letters, which SQS keeps in a queue and not in a list.
//!
//! To look at them is to receive them all, which hides them, and to give them back. So a look is for
//! people and their tools, and takes in [`MOST`] letters at most; the first of them, by the time of their
//! death, make the pages. Two who look at the same time may each see a part.

use super::{
    SqsQueue,
    error::{refused, unsendable},
    message::{self, BURIED, Buried, Held},
};
use crate::{DeadId, DeadLetter, DeadPage, MAX_REASON, MAX_RECEIVE};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue};
use model::{Error, Result, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// The most dead letters that a look takes in.
pub(super) const MOST: usize = 1000;
/// How long a look may take; then letters that were not given back come back by themselves.
const LOOK: Duration = Duration::from_secs(60);
/// A receive that waits asks all of SQS's machines, one that does not asks some.
const ALL_MACHINES: Duration = Duration::from_secs(1);
/// How long a job stays hidden while it is put aside.
const BURY: Duration = Duration::from_secs(60);

/// A letter, and the right to remove it.
type Seen = (DeadLetter, String);

impl SqsQueue {
    /// Makes a job a dead letter. A crash on the way leaves it as both; the job then comes again.
    pub(super) async fn put_aside(&self, held: Held, reason: &str) -> Result<()> {
        self.hide(&held.handle, BURY).await?;
        let buried = Buried {
            v: 1,
            reason: reason.chars().take(MAX_REASON).map(carried).collect(),
            receives: held.receives,
            sent_at: held.sent_at,
            died_at: Timestamp::now().as_millisecond(),
        };
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(message::json(&buried)?)
            .build()
            .map_err(unsendable)?;
        let call = self.calls.send_message().queue_url(&self.dead).message_body(held.body);
        call.message_attributes(BURIED, attribute).send().await.map_err(refused)?;
        self.remove(&self.jobs, &held.handle).await
    }

    pub(super) async fn page(&self, cursor: Option<&str>, limit: usize) -> Result<DeadPage> {
        let after = cursor.map(place_of).transpose()?;
        let mut seen = self.look(|_| false).await?;
        let handles = seen.iter().map(|(_, handle)| handle.as_str()).collect();
        self.give_back(handles).await?;
        seen.sort_by_cached_key(|(letter, _)| place(letter));
        let behind = seen.into_iter().map(|(letter, _)| letter);
        let mut behind =
            behind.skip_while(|letter| after.as_ref().is_some_and(|after| place(letter) <= *after));
        let letters: Vec<DeadLetter> = behind.by_ref().take(limit).collect();
        let cursor = match (letters.last(), behind.next()) {
            (Some(last), Some(_)) => {
                let (at, id) = place(last);
                Some(format!("{at}.{id}"))
            }
            _ => None,
        };
        Ok(DeadPage { letters, cursor })
    }

    /// The letter of this id, hidden from others for a while, and the right to remove it.
    pub(super) async fn find(&self, id: &DeadId) -> Result<Option<Seen>> {
        if Uuid::parse_str(id.as_str()).is_err() {
            return Err(Error::invalid("a dead letter's id is a UUID"));
        }
        let mut seen = self.look(|letter| letter.id == *id).await?;
        let found = seen.iter().position(|(letter, _)| letter.id == *id);
        let found = found.map(|index| seen.swap_remove(index));
        self.give_back(seen.iter().map(|(_, handle)| handle.as_str()).collect()).await?;
        Ok(found)
    }

    /// Receives letters until there are no more, or `enough` says so of one.
    async fn look(&self, enough: impl Fn(&DeadLetter) -> bool + Send) -> Result<Vec<Seen>> {
        let mut seen = Vec::new();
        while seen.len() < MOST {
            let messages = self.messages(&self.dead, MAX_RECEIVE, LOOK, ALL_MACHINES).await?;
            if messages.is_empty() {
                break;
            }
            let before = seen.len();
            for message in messages {
                let letter = message::letter(&message, self.max_receives)?;
                seen.push((letter, message.receipt_handle.unwrap_or_default()));
            }
            if seen[before..].iter().any(|(letter, _)| enough(letter)) {
                break;
            }
        }
        Ok(seen)
    }

    /// Makes letters visible again. One that is gone meanwhile is nobody's loss.
    async fn give_back(&self, handles: Vec<&str>) -> Result<()> {
        for lot in handles.chunks(MAX_RECEIVE) {
            let entries = lot.iter().enumerate().map(|(n, handle)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(n.to_string())
                    .receipt_handle(*handle)
                    .visibility_timeout(0)
                    .build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>().map_err(unsendable)?;
            let call = self.calls.change_message_visibility_batch().queue_url(&self.dead);
            call.set_entries(Some(entries)).send().await.map_err(refused)?;
        }
        Ok(())
    }
}

/// SQS carries what XML can; a reason may come from anywhere.
fn carried(c: char) -> char {
    if matches!(c, '\u{fffe}' | '\u{ffff}') { char::REPLACEMENT_CHARACTER } else { c }
}

/// Where a letter stands among others: by the time of its death in milliseconds, then by its id.
fn place(letter: &DeadLetter) -> (i64, String) {
    (letter.died_at.as_millisecond(), letter.id.as_str().to_owned())
}

/// The place that a cursor names.
fn place_of(cursor: &str) -> Result<(i64, String)> {
    cursor
        .split_once('.')
        .and_then(|(at, id)| Some((at.parse().ok()?, Uuid::parse_str(id).ok()?.to_string())))
        .ok_or_else(|| Error::invalid("this cursor belongs to another list; start without one"))
}
