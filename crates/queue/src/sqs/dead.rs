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
    gather::{Answer, ToDelete, ToHide, ToSend},
    message::{self, BURIED, Buried, Held},
};
use crate::{DeadId, DeadLetter, DeadPage, MAX_REASON, MAX_RECEIVE};
use aws_sdk_sqs::types::MessageAttributeValue;
use model::{Error, ErrorKind, Result, Timestamp};
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    time::Duration,
};
use tokio::time::Instant;
use uuid::Uuid;

/// The most dead letters that a look takes in.
pub(super) const MOST: usize = 1000;
/// How long a look goes on; its last receive, which is not broken off, comes on top.
const LOOK: Duration = aws::DEADLINE;
/// How long the letters stay hidden meanwhile: longer than the look, so that it meets none twice, and then for
/// three calls, to give back the others, send those that are wanted and delete them. One whose process is killed
/// hides them as long.
const HIDDEN: Duration = LOOK.saturating_add(POLL).saturating_add(aws::DEADLINE.saturating_mul(3));
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

    /// Removes the letters for good, and gives back those that this failed for.
    ///
    /// # Errors
    /// The first one.
    pub(super) async fn remove(mut self) -> Result<()> {
        let queue = &self.queue;
        let delete = |handle: &String| queue.removes.add(ToDelete { handle: handle.clone() });
        let answers = all(self.handles.iter().map(delete)).await;
        let (removed, removed_all) = first_error(answers);
        keep_each(&mut self.handles, |place| !removed[place]);
        match removed_all {
            Ok(()) => Ok(()),
            Err(error) => Err(self.give_back_after(error).await),
        }
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

/// Dead letters in hand.
pub(super) struct Found {
    letters: Vec<DeadLetter>,
    /// The right to each of them, in their order.
    hidden: Hidden,
    /// Those that were not found.
    pub(super) missing: Vec<DeadId>,
}

impl Found {
    /// Makes them jobs again. In this order a crash leaves a letter that is a job too: twice, never none.
    pub(super) async fn redrive(self) -> Result<Vec<DeadId>> {
        let Self { letters, mut hidden, missing } = self;
        let sends = letters
            .into_iter()
            .map(|letter| hidden.queue.sends.add(ToSend { body: letter.body, delay: 0 }));
        let (sent, sent_all) = first_error(all(sends).await);
        let mut rest = Hidden { queue: hidden.queue.clone(), handles: hidden.handles.clone() };
        keep_each(&mut rest.handles, |place| !sent[place]);
        keep_each(&mut hidden.handles, |place| sent[place]);
        let removed = hidden.remove().await;
        match sent_all.and(removed) {
            Ok(()) => Ok(missing),
            Err(error) => Err(rest.give_back_after(error).await),
        }
    }

    /// Forgets them.
    pub(super) async fn discard(self) -> Result<Vec<DeadId>> {
        self.hidden.remove().await?;
        Ok(self.missing)
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

    /// Letters by their ids, hidden from others as long as they are in hand.
    pub(super) async fn find(&self, ids: &[DeadId]) -> Result<Found> {
        if ids.iter().any(|id| Uuid::parse_str(id.as_str()).is_err()) {
            return Err(Error::invalid("a dead letter's id is a UUID"));
        }
        let mut missing: HashSet<&DeadId> = ids.iter().collect();
        let Look { letters, mut hidden, .. } = self
            .look(|letter| {
                missing.remove(&letter.id);
                missing.is_empty()
            })
            .await?;
        let missing = missing.into_iter().cloned().collect();
        let named = letters.into_iter().filter(|(letter, _)| ids.contains(&letter.id));
        let (letters, places): (Vec<_>, Vec<_>) = named.unzip();
        let handles = places.iter().map(|&place| hidden.handles[place].clone()).collect();
        let found = Found { letters, hidden: Hidden { queue: self.clone(), handles }, missing };
        keep_each(&mut hidden.handles, |place| !places.contains(&place));
        match hidden.give_back().await {
            Ok(()) => Ok(found),
            Err(error) => Err(found.hidden.give_back_after(error).await),
        }
    }

    /// Receives letters until there are no more, `enough` says so of one, or the look has its bounds.
    async fn look(&self, mut enough: impl FnMut(&DeadLetter) -> bool + Send) -> Result<Look> {
        let until = Instant::now() + LOOK;
        let mut places = HashMap::new();
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
                let place = look.hidden.handles.len() - 1;
                // A queue of many machines may give one twice; then only the newer right to it is one.
                match places.entry(letter.id.clone()) {
                    Entry::Vacant(new) => {
                        new.insert(look.letters.len());
                        look.letters.push((letter, place));
                    }
                    Entry::Occupied(seen) => {
                        let newer = look.hidden.handles.pop().unwrap_or_default();
                        look.hidden.handles[look.letters[*seen.get()].1] = newer;
                    }
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
        let show =
            |handle: &String| self.shows.add(ToHide { handle: handle.clone(), visibility: 0 });
        let gone_is_well = |answer| match answer {
            Err(error) if Error::kind(&error) == ErrorKind::Conflict => Ok(()),
            answer => answer,
        };
        let answers = all(handles.iter().map(show)).await;
        first_error(answers.into_iter().map(gone_is_well).collect()).1
    }
}

/// Adds all of `adding` to lots, and hears each answer, whatever became of those before: one that nobody
/// waits for is not sent.
async fn all(adding: impl Iterator<Item = Answer>) -> Vec<Result<()>> {
    let added: Vec<_> = adding.collect();
    let mut answers = Vec::with_capacity(added.len());
    for answer in added {
        answers.push(answer.heard().await);
    }
    answers
}

/// Which went well, and the first error.
fn first_error(answers: Vec<Result<()>>) -> (Vec<bool>, Result<()>) {
    let well = answers.iter().map(Result::is_ok).collect();
    (well, answers.into_iter().collect())
}

/// Keeps those whose place `is_kept`.
fn keep_each(handles: &mut Vec<String>, is_kept: impl Fn(usize) -> bool) {
    let mut places = 0..;
    handles.retain(|_| places.next().is_some_and(&is_kept));
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
