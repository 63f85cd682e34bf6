//! Calls that are due at the same time go to SQS as one request of up to ten.
//!
//! SQS bills requests, and takes ten entries for the price of one. What callers of one process ask for
//! within [`GATHER`] goes together; each hears of its own entry. The request belongs to nobody: a caller who
//! leaves takes its own entry away, if that was not sent yet, and no other's.

use super::error::{self, SERVICE, refused};
use crate::{MAX_BODY_BYTES, MAX_SEND};
use aws_sdk_sqs::{
    Client, config,
    types::{
        BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
        DeleteMessageBatchRequestEntry, SendMessageBatchRequestEntry,
    },
};
use model::{Error, ErrorKind, Result};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, time::sleep};

/// How long the first of a lot waits for others: nothing beside the way to SQS and back.
const GATHER: Duration = Duration::from_millis(10);

/// What SQS takes in lots: in no order, and each with an answer of its own.
pub(super) trait Entry: Clone + Send + Sync + 'static {
    /// What it adds to a request whose size is bounded.
    fn bytes(&self) -> usize {
        0
    }

    /// One request to the queue at `url`, set up by `once`. An entry's id is its place among `entries`.
    fn call(
        client: &Client,
        once: config::Builder,
        url: &str,
        entries: Vec<Self>,
    ) -> impl Future<Output = Result<Answered>> + Send;

    /// What it means for the caller that SQS refused the entry.
    fn meaning(failed: &BatchResultErrorEntry) -> Result<()> {
        Err(refused_entry(failed))
    }
}

/// What became of a request's entries.
pub(super) struct Answered {
    well: Vec<String>,
    failed: Vec<BatchResultErrorEntry>,
}

impl Answered {
    fn of<E: Entry>(&self, place: usize) -> Result<()> {
        let id = place.to_string();
        match self.failed.iter().find(|failed| failed.id == id) {
            Some(failed) => E::meaning(failed),
            None if self.well.contains(&id) => Ok(()),
            None => {
                let sentence = "the queue of jobs did not answer to a part of a request";
                Err(Error::new(ErrorKind::Unavailable, sentence))
            }
        }
    }
}

/// A job to be sent.
#[derive(Debug, Clone)]
pub(super) struct ToSend {
    pub(super) body: String,
    /// In seconds.
    pub(super) delay: i32,
}

impl Entry for ToSend {
    fn bytes(&self) -> usize {
        self.body.len()
    }

    async fn call(
        client: &Client,
        once: config::Builder,
        url: &str,
        entries: Vec<Self>,
    ) -> Result<Answered> {
        let entries = numbered(entries, |id, Self { body, delay }| {
            SendMessageBatchRequestEntry::builder()
                .id(id)
                .message_body(body)
                .delay_seconds(delay)
                .build()
        })?;
        let call = client.send_message_batch().queue_url(url).set_entries(Some(entries));
        let answer = call.customize().config_override(once).send().await.map_err(refused)?;
        let well = answer.successful.into_iter().map(|entry| entry.id).collect();
        Ok(Answered { well, failed: answer.failed })
    }
}

/// A message to be hidden from now on.
#[derive(Debug, Clone)]
pub(super) struct ToHide {
    pub(super) handle: String,
    /// In seconds.
    pub(super) visibility: i32,
}

impl Entry for ToHide {
    async fn call(
        client: &Client,
        once: config::Builder,
        url: &str,
        entries: Vec<Self>,
    ) -> Result<Answered> {
        let entries = numbered(entries, |id, Self { handle, visibility }| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(id)
                .receipt_handle(handle)
                .visibility_timeout(visibility)
                .build()
        })?;
        let call =
            client.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
        let answer = call.customize().config_override(once).send().await.map_err(refused)?;
        let well = answer.successful.into_iter().map(|entry| entry.id).collect();
        Ok(Answered { well, failed: answer.failed })
    }

    fn meaning(failed: &BatchResultErrorEntry) -> Result<()> {
        Err(match failed.code() {
            code if error::says_not_ours(code) => error::of_another_queue(),
            code if error::says_stale(code) => error::lost(),
            _ => refused_entry(failed),
        })
    }
}

/// A message to be deleted.
#[derive(Debug, Clone)]
pub(super) struct ToDelete {
    pub(super) handle: String,
}

impl Entry for ToDelete {
    async fn call(
        client: &Client,
        once: config::Builder,
        url: &str,
        entries: Vec<Self>,
    ) -> Result<Answered> {
        let entries = numbered(entries, |id, Self { handle }| {
            DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build()
        })?;
        let call = client.delete_message_batch().queue_url(url).set_entries(Some(entries));
        let answer = call.customize().config_override(once).send().await.map_err(refused)?;
        let well = answer.successful.into_iter().map(|entry| entry.id).collect();
        Ok(Answered { well, failed: answer.failed })
    }

    fn meaning(failed: &BatchResultErrorEntry) -> Result<()> {
        match failed.code() {
            code if error::says_not_ours(code) => Err(error::of_another_queue()),
            // Somebody else finished it, or holds it now.
            code if error::says_stale(code) => Ok(()),
            _ => Err(refused_entry(failed)),
        }
    }
}

/// Where callers of one process meet for one kind of request to one queue.
#[derive(Debug)]
pub(super) struct Gather<E> {
    client: Client,
    url: String,
    open: Arc<Mutex<Lot<E>>>,
}

/// Entries that wait for others.
#[derive(Debug)]
struct Lot<E> {
    waiting: Vec<Waiting<E>>,
    bytes: usize,
    /// Counts lots: who waits for an earlier one to be full does not send this one.
    number: u64,
}

/// An entry, and who waits for its answer.
#[derive(Debug)]
struct Waiting<E> {
    entry: E,
    answer: oneshot::Sender<Result<()>>,
}

impl<E> Clone for Gather<E> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), url: self.url.clone(), open: self.open.clone() }
    }
}

/// What will be heard of an entry.
#[derive(Debug)]
pub(super) struct Answer(oneshot::Receiver<Result<()>>);

impl Answer {
    pub(super) async fn heard(self) -> Result<()> {
        self.0.await.unwrap_or_else(|gone| {
            let sentence = "a request to the queue of jobs ended with its program";
            Err(Error::with_source(ErrorKind::Unavailable, sentence, gone))
        })
    }
}

impl<E: Entry> Gather<E> {
    pub(super) fn new(client: &Client, url: &str) -> Self {
        let lot = Lot { waiting: Vec::new(), bytes: 0, number: 0 };
        Self { client: client.clone(), url: url.to_owned(), open: Arc::new(Mutex::new(lot)) }
    }

    /// Sends `entry` with others and waits for its answer: once it is sent, [`aws::DEADLINE`] at most.
    pub(super) async fn call(&self, entry: E) -> Result<()> {
        self.add(entry).heard().await
    }

    /// Adds `entry` to the lot that goes next.
    pub(super) fn add(&self, entry: E) -> Answer {
        let (answer, heard) = oneshot::channel();
        let bytes = entry.bytes();
        let (mut full, mut begun) = (Vec::new(), None);
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.bytes + bytes > MAX_BODY_BYTES {
                full.push(open.take());
            }
            open.bytes += bytes;
            open.waiting.push(Waiting { entry, answer });
            match open.waiting.len() {
                MAX_SEND => full.push(open.take()),
                1 => begun = Some(open.number),
                _ => {}
            }
        }
        for lot in full {
            tokio::spawn(self.clone().settle(lot));
        }
        if let Some(number) = begun {
            let gather = self.clone();
            tokio::spawn(async move {
                sleep(GATHER).await;
                if let Some(lot) = gather.take_if(number) {
                    gather.settle(lot).await;
                }
            });
        }
        Answer(heard)
    }

    fn take_if(&self, number: u64) -> Option<Vec<Waiting<E>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        (open.number == number).then(|| open.take())
    }

    /// Sends a lot until each of its entries has an answer. Those that were refused for a time are sent
    /// again, without the others, as long as there is time.
    async fn settle(self, mut lot: Vec<Waiting<E>>) {
        let mut tries = aws::Tries::within(aws::DEADLINE);
        loop {
            // Whoever has left does not want it any more.
            lot.retain(|waiting| !waiting.answer.is_closed());
            if lot.is_empty() {
                return;
            }
            let entries = lot.iter().map(|waiting| waiting.entry.clone()).collect();
            // Repeated here, not by the SDK, which knows nothing of single entries.
            let (retries, time_outs) = tries.once(aws::ATTEMPT);
            let once = config::Builder::new().retry_config(retries).timeout_config(time_outs);
            let answered = E::call(&self.client, once, &self.url, entries).await;
            let (left, error) = match answered {
                Ok(answered) => told(lot, &answered),
                Err(error) => (lot, Some(error)),
            };
            lot = left;
            let Some(error) = error else { return };
            let over = match error.kind().is_retryable() {
                true => tries.again(error).await.err(),
                false => Some(error),
            };
            if let Some(error) = over {
                for waiting in lot {
                    waiting.tell(Err(Error::new(error.kind(), error.chain())));
                }
                return;
            }
        }
    }
}

impl<E> Lot<E> {
    fn take(&mut self) -> Vec<Waiting<E>> {
        self.number += 1;
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

impl<E> Waiting<E> {
    fn tell(self, answer: Result<()>) {
        // One who has left meanwhile need not know.
        let _ = self.answer.send(answer);
    }
}

/// Tells all whose answer is final. Those who are left, and why.
fn told<E: Entry>(lot: Vec<Waiting<E>>, answered: &Answered) -> (Vec<Waiting<E>>, Option<Error>) {
    let (mut left, mut why) = (Vec::new(), None);
    for (place, waiting) in lot.into_iter().enumerate() {
        match answered.of::<E>(place) {
            Err(error) if error.kind().is_retryable() => {
                left.push(waiting);
                why = Some(error);
            }
            answer => waiting.tell(answer),
        }
    }
    (left, why)
}

/// Entries of the SDK's, each with its place as its id.
fn numbered<E, T>(
    entries: Vec<E>,
    make: impl Fn(String, E) -> std::result::Result<T, aws_sdk_sqs::error::BuildError>,
) -> Result<Vec<T>> {
    let entries = entries.into_iter().enumerate();
    let made = entries.map(|(place, entry)| make(place.to_string(), entry));
    made.collect::<std::result::Result<_, _>>().map_err(error::unsendable)
}

fn refused_entry(failed: &BatchResultErrorEntry) -> Error {
    // The status that would have come had it been alone.
    let status = if failed.sender_fault { 400 } else { 503 };
    let message = failed.message().unwrap_or("");
    let (kind, sentence) = SERVICE.meaning(aws::Answer { status, code: failed.code(), message });
    Error::new(kind, sentence)
}
