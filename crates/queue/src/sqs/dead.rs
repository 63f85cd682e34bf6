//! Dead letters, which SQS keeps in a queue and not in a list.
//!
//! To look at them is to receive them all, which hides them, and to give them back. So a look is for
//! people and their tools, and is bounded: it takes in [`MOST`] letters at most, for [`LOOK`] at most, and
//! says so where there are more. What was received is given back however the look ends ([`Hidden`]). The
//! first of the letters, by the time of their death, make the pages. Two who look at the same time may each
//! see a part.

use super::{
    POLL, SqsQueue,
    error::{refused, unsendable},
    gather::{ToDelete, ToHide},
    message::{self, BURIED, Buried, Held},
};
use crate::{DeadId, DeadLetter, DeadPage, MAX_REASON, MAX_RECEIVE};
use aws_sdk_sqs::types::MessageAttributeValue;
use model::{Error, ErrorKind, Result, Timestamp};
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// The most dead letters that a look takes in.
pub(super) const MOST: usize = 1000;
/// How long a look goes on; its last receive, which is not broken off, comes on top.
const LOOK: Duration = aws::DEADLINE;
/// How long the letters stay hidden meanwhile: longer than the look, so that it meets none twice. One whose
/// process is killed hides them as long.
const HIDDEN: Duration = LOOK.saturating_add(POLL);
/// A receive that waits asks all of SQS's machines, one that does not asks some.
const ALL_MACHINES: Duration = Duration::from_secs(1);
/// How long a job stays hidden while it is put aside: by two calls, to send it and to delete it.
const BURY: Duration = aws::DEADLINE.saturating_mul(2).saturating_add(aws::ATTEMPT);

/// Letters that a look has hidden from others. They are given back when it ends, also by an error or because
/// nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Hidden {
    queue: SqsQueue,
    /// The right to each.
    handles: Vec<String>,
}

impl Hidden {
    /// Makes them visible again, as many as that is possible for, before they are so by themselves.
    ///
    /// # Errors
    /// The first one; those letters stay hidden for a while.
    pub(super) async fn give_back(mut self) -> Result<()> {
        let (mut given_back, until) = (Ok(()), Instant::now() + HIDDEN);
        while !self.handles.is_empty() && Instant::now() < until {
            let from = self.handles.len().saturating_sub(MAX_RECEIVE);
            given_back = given_back.and(self.queue.show(&self.handles[from..]).await);
            self.handles.truncate(from);
        }
        self.handles.clear();
        given_back
    }

    /// Gives them back because of `error`, which it returns: that is what went wrong.
    pub(super) async fn give_back_after(self, error: Error) -> Error {
        if let Err(second) = self.give_back().await {
            tracing::warn!(error = second.chain(), "dead letters stay hidden for a while");
        }
        error
    }

    /// Removes the letters for good.
    pub(super) async fn remove(mut self) -> Result<()> {
        while let Some(handle) = self.handles.last() {
            let call = self.queue.calls.delete_message().queue_url(&self.queue.dead);
            if let Err(error) = call.receipt_handle(handle).send().await {
                return Err(self.give_back_after(refused(error)).await);
            }
            self.handles.pop();
        }
        Ok(())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if self.handles.is_empty() {
            return;
        }
        // Without a runtime, and where this fails, they come back by themselves within [`HIDDEN`].
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (queue, handles) = (self.queue.clone(), std::mem::take(&mut self.handles));
        runtime.spawn(async move {
            if let Err(error) = (Self { queue, handles }).give_back().await {
                tracing::warn!(error = error.chain(), "dead letters stay hidden for a while");
            }
        });
    }
}

/// What a look saw.
struct Look {
    /// Each once, with the place of its right among those that are hidden.
    letters: Vec<(DeadLetter, usize)>,
    hidden: Hidden,
    /// Whether there was nothing left to see.
    is_whole: bool,
}

impl SqsQueue {
    /// Makes a job a dead letter. A crash on the way leaves it as both; the job then comes again.
    pub(super) async fn put_aside(&self, held: Held, reason: &str) -> Result<()> {
        self.hide(held.handle.clone(), BURY).await?;
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
        self.deletes.call(ToDelete { handle: held.handle }).await
    }

    pub(super) async fn page(&self, cursor: Option<&str>, limit: usize) -> Result<DeadPage> {
        let after = cursor.map(place_of).transpose()?;
        let Look { mut letters, hidden, is_whole } = self.look(|_| false).await?;
        hidden.give_back().await?;
        letters.sort_by_cached_key(|(letter, _)| place(letter));
        let behind = letters.into_iter().map(|(letter, _)| letter);
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
        Ok(DeadPage { letters, cursor, is_whole })
    }

    /// The letter of this id, hidden from others as long as it is in hand.
    ///
    /// # Errors
    /// `Busy` where it may be among those that were not looked at.
    pub(super) async fn find(&self, id: &DeadId) -> Result<Option<(DeadLetter, Hidden)>> {
        if Uuid::parse_str(id.as_str()).is_err() {
            return Err(Error::invalid("a dead letter's id is a UUID"));
        }
        let mut look = self.look(|letter| letter.id == *id).await?;
        let found = look.letters.into_iter().find(|(letter, _)| letter.id == *id);
        let found = found.map(|(letter, place)| {
            let handles = vec![look.hidden.handles.swap_remove(place)];
            (letter, Hidden { queue: self.clone(), handles })
        });
        if let Err(error) = look.hidden.give_back().await {
            return Err(match found {
                Some((_, hidden)) => hidden.give_back_after(error).await,
                None => error,
            });
        }
        if found.is_none() && !look.is_whole {
            let sentence = "the dead letter is not among those that could be looked at: put others back or \
                            discard them, and try again";
            return Err(Error::new(ErrorKind::Busy, sentence));
        }
        Ok(found)
    }

    /// Receives letters until there are no more, `enough` says so of one, or the look has its bounds.
    async fn look(&self, enough: impl Fn(&DeadLetter) -> bool + Send) -> Result<Look> {
        let until = Instant::now() + LOOK;
        let mut known = HashSet::new();
        let hidden = Hidden { queue: self.clone(), handles: Vec::new() };
        let mut look = Look { letters: Vec::new(), hidden, is_whole: false };
        while look.hidden.handles.len() < MOST && Instant::now() < until {
            let receive = self.messages(&self.dead, MAX_RECEIVE, HIDDEN, ALL_MACHINES);
            let messages = match receive.await {
                Ok(messages) => messages,
                Err(error) => return Err(look.hidden.give_back_after(error).await),
            };
            if messages.is_empty() {
                look.is_whole = true;
                break;
            }
            let mut is_enough = false;
            for mut message in messages {
                look.hidden.handles.push(message.receipt_handle.take().unwrap_or_default());
                let letter = message::letter(&message, self.max_receives);
                is_enough |= enough(&letter);
                // A queue of many machines may give one twice.
                if known.insert(letter.id.clone()) {
                    look.letters.push((letter, look.hidden.handles.len() - 1));
                }
            }
            if is_enough {
                break;
            }
        }
        Ok(look)
    }

    /// Makes a lot of dead letters visible again. One that is gone meanwhile is nobody's loss.
    ///
    /// # Errors
    /// The first one, once all were tried.
    async fn show(&self, handles: &[String]) -> Result<()> {
        let shown =
            |handle: &String| self.shows.add(ToHide { handle: handle.clone(), visibility: 0 });
        let mut all = Ok(());
        // Each is heard, whatever became of those before: one that nobody waits for is not sent.
        for answer in handles.iter().map(shown).collect::<Vec<_>>() {
            match answer.heard().await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                answer => all = all.and(answer),
            }
        }
        all
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
