//! Live events: one reader of the log for each owner that somebody listens to, fanned out.
//!
//! The log is polled only while somebody listens. A listener that takes its events more slowly than
//! they come is told that it missed some, and nobody waits for it: what is kept for all listeners of an
//! owner is [`KEPT`] events. How many listen at once is bounded, for each owner and in all.

use axum::extract::ws::Utf8Bytes;
use catalog::{Catalog, Follow};
use model::{Error, ErrorKind, EventId, OwnerId, Result, Timestamp, event::Event};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// How often the log is read.
const EVERY: Duration = Duration::from_millis(300);
/// How long to wait after the log could not be read.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// Events that are kept for slow listeners.
const KEPT: usize = 512;
/// Listeners of one owner at once: pages and programs that are open.
const MAX_OF_OWNER: usize = 64;
/// Listeners at once, of all owners.
const MAX_LISTENERS: usize = 1024;
/// Events read at a time.
const BATCH: usize = 200;

/// An event as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: EventId,
    pub(crate) text: Utf8Bytes,
}

impl Message {
    /// # Errors
    /// `Internal` where it cannot be written as JSON, which is a defect.
    pub(crate) fn of(event: &Event) -> Result<Self> {
        let text = serde_json::to_string(event).map_err(|error| {
            Error::with_source(ErrorKind::Internal, "an event is no JSON", error)
        })?;
        Ok(Self { id: event.id, text: text.into() })
    }
}

/// The readers of all owners. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    catalog: Catalog,
    shutdown: CancellationToken,
    readers: Arc<Mutex<HashMap<OwnerId, Reader>>>,
}

#[derive(Debug)]
struct Reader {
    events: broadcast::Sender<Message>,
    started: Started,
}

/// True from when no event can be missed any more.
type Started = watch::Receiver<bool>;

impl Hub {
    pub(crate) fn new(catalog: Catalog, shutdown: CancellationToken) -> Self {
        Self { catalog, shutdown, readers: Arc::default() }
    }

    /// The events of `owner` that happen from now on.
    ///
    /// # Errors
    /// `Unavailable` where the log cannot be read; `Busy` where too many listen already.
    pub(crate) async fn listen(&self, owner: &OwnerId) -> Result<broadcast::Receiver<Message>> {
        let (events, mut started) = self.subscribe(owner)?;
        match started.wait_for(|started| *started).await {
            Ok(_) => Ok(events),
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "the log of events cannot be read")),
        }
    }

    fn subscribe(&self, owner: &OwnerId) -> Result<(broadcast::Receiver<Message>, Started)> {
        let mut readers = self.lock();
        let listeners = |reader: &Reader| reader.events.receiver_count();
        let all: usize = readers.values().map(listeners).sum();
        if all >= MAX_LISTENERS || readers.get(owner).map_or(0, listeners) >= MAX_OF_OWNER {
            return Err(Error::new(
                ErrorKind::Busy,
                "too many listen to events at once; close some pages, or read the events by page",
            ));
        }
        if let Some(reader) = readers.get(owner) {
            return Ok((reader.events.subscribe(), reader.started.clone()));
        }
        let (events, receiver) = broadcast::channel(KEPT);
        let (start, started) = watch::channel(false);
        readers.insert(owner.clone(), Reader { events: events.clone(), started: started.clone() });
        tokio::spawn(self.clone().read(owner.clone(), events, start));
        Ok((receiver, started))
    }

    /// Reads the log of `owner` until nobody listens any more.
    async fn read(
        self,
        owner: OwnerId,
        events: broadcast::Sender<Message>,
        start: watch::Sender<bool>,
    ) {
        let mut follow =
            match Follow::new(self.catalog.clone(), &owner, None, Timestamp::now()).await {
                Ok(follow) => follow,
                Err(error) => {
                    tracing::warn!(%owner, cause = error.chain(), "cannot follow the log");
                    // Whoever waits for the start learns of it by the end of `start`.
                    self.lock().remove(&owner);
                    return;
                }
            };
        start.send_replace(true);
        loop {
            let pause = match pass_on(&mut follow, &events).await {
                Ok(BATCH..) => Duration::ZERO,
                Ok(_) => EVERY,
                Err(error) => {
                    tracing::warn!(%owner, cause = error.chain(), "cannot read the log");
                    AFTER_FAILURE
                }
            };
            if self.is_over(&owner, &events) {
                return;
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Ends the reader of `owner` if nobody listens. Within the lock, so that nobody begins to listen to
    /// a reader that has just decided to end.
    fn is_over(&self, owner: &OwnerId, events: &broadcast::Sender<Message>) -> bool {
        let mut readers = self.lock();
        let over = events.receiver_count() == 0;
        if over {
            readers.remove(owner);
        }
        over
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OwnerId, Reader>> {
        // Every change is one call on the map: a panic elsewhere leaves it whole.
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes on what is new in the log; how many events that were.
async fn pass_on(follow: &mut Follow, events: &broadcast::Sender<Message>) -> Result<usize> {
    let new = follow.next(BATCH).await?;
    for event in &new {
        // An error says that nobody listens, which the caller looks at.
        let _ = events.send(Message::of(event)?);
    }
    Ok(new.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::event::EventType;

    async fn hub() -> (Hub, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/records.db", dir.path().display());
        let catalog = Catalog::new(records::open(&url).await.unwrap());
        (Hub::new(catalog, CancellationToken::new()), dir)
    }

    async fn happen(hub: &Hub, owner: &OwnerId, count: usize) {
        let events = (0..count).map(async |_| {
            let at = Timestamp::now();
            let (kind, data) = (EventType::FileDeleted, serde_json::json!({}));
            let event = Event { id: EventId::new(at), at, kind, file: None, upload: None, data };
            hub.catalog.append_event(owner, &event).await
        });
        assert!(futures::future::join_all(events).await.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn the_log_is_read_once_for_all_listeners_and_only_while_there_are_any() {
        let (hub, _dir) = hub().await;
        let owner = OwnerId::local();
        let mut listeners = Vec::new();
        for _ in 0..3 {
            listeners.push(hub.listen(&owner).await.unwrap());
        }
        assert_eq!(hub.lock().len(), 1);
        happen(&hub, &owner, 1).await;
        let mut heard = Vec::new();
        for listener in &mut listeners {
            heard.push(listener.recv().await.unwrap().id);
        }
        assert!(heard.iter().all(|id| *id == heard[0]));
        drop(listeners);
        let over = async {
            while !hub.lock().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), over).await.unwrap();
        // And again.
        assert!(hub.listen(&owner).await.is_ok());
    }

    #[tokio::test]
    async fn how_many_listen_is_bounded_until_one_leaves() {
        let (hub, _dir) = hub().await;
        let owners: Vec<OwnerId> =
            (0..MAX_LISTENERS / MAX_OF_OWNER).map(|n| format!("o{n}").parse().unwrap()).collect();
        let mut listeners = Vec::new();
        for owner in &owners {
            for _ in 0..MAX_OF_OWNER {
                listeners.push(hub.listen(owner).await.unwrap());
            }
            assert_eq!(hub.listen(owner).await.unwrap_err().kind(), ErrorKind::Busy);
        }
        let local = OwnerId::local();
        assert_eq!(hub.listen(&local).await.unwrap_err().kind(), ErrorKind::Busy);
        listeners.pop();
        assert!(hub.listen(&local).await.is_ok());
    }

    #[tokio::test]
    async fn a_listener_that_is_too_slow_is_told_and_holds_nobody_up() {
        let (hub, _dir) = hub().await;
        let owner = OwnerId::local();
        let (mut slow, mut quick) =
            (hub.listen(&owner).await.unwrap(), hub.listen(&owner).await.unwrap());
        let many = KEPT + 100;
        happen(&hub, &owner, many).await;
        for _ in 0..many {
            match quick.recv().await {
                Ok(_) => {}
                // The batches come faster than this task is woken; what matters is that they come.
                Err(broadcast::error::RecvError::Lagged(_)) => break,
                Err(closed) => panic!("{closed}"),
            }
        }
        // One that has not taken a single one is `many` behind.
        let behind = async {
            while slow.len() < many {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), behind).await.unwrap();
        let lagged = slow.recv().await.unwrap_err();
        assert!(matches!(lagged, broadcast::error::RecvError::Lagged(_)));
    }
}
