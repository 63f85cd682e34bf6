//! Who writes which upload in this process: one at a time, and the newest request wins.
//!
//! This is courtesy, not correctness: a writer that is told to stop can still make what it took in
//! durable. What keeps two writers apart, here and on other machines, is the upload's epoch.

use model::{Error, ErrorKind, UploadId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The uploads that are being written.
#[derive(Debug, Clone, Default)]
pub struct Active {
    /// Ends every holder when the process is told to stop.
    shutdown: CancellationToken,
    holders: Arc<Mutex<Holders>>,
}

#[derive(Debug, Default)]
struct Holders {
    next: u64,
    /// In the order they came: all but the last were told to stop, and whoever waits leaves the line
    /// without breaking it.
    by_upload: HashMap<UploadId, Vec<Holder>>,
}

#[derive(Debug, Clone)]
struct Holder {
    number: u64,
    /// Cancelled by whoever comes next, and at shutdown.
    stop: CancellationToken,
    /// Cancelled once the holder is gone.
    gone: CancellationToken,
}

/// The right to write an upload, until it is dropped.
#[derive(Debug)]
pub struct Hold {
    active: Active,
    upload: UploadId,
    holder: Holder,
}

impl Active {
    /// No writers yet, and none after `shutdown`.
    #[must_use]
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown, holders: Arc::default() }
    }

    /// Tells the holder of `upload` to stop and waits until all who came before are gone, `patience` at
    /// most. Somebody newer may have come meanwhile, or the process been told to stop: [`Hold::stop`]
    /// says so. May be dropped while it waits: those who come later still wait for those before.
    pub async fn take(&self, upload: UploadId, patience: Duration) -> Hold {
        let hold = self.join(upload);
        let alone = async {
            while let Some(gone) = hold.before() {
                gone.cancelled().await;
            }
        };
        // A holder that outlives this is stuck in its store; the epoch keeps it from harm.
        let _ = tokio::time::timeout(patience, alone).await;
        hold
    }

    /// Whether the process was told to stop.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Cancelled when the process is told to stop.
    #[must_use]
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// How many uploads are being written.
    #[must_use]
    pub fn count(&self) -> usize {
        self.holders().by_upload.len()
    }

    /// Joins the line and tells who was its last to stop.
    fn join(&self, upload: UploadId) -> Hold {
        let mut holders = self.holders();
        holders.next += 1;
        let holder = Holder {
            number: holders.next,
            stop: self.shutdown.child_token(),
            gone: CancellationToken::new(),
        };
        let line = holders.by_upload.entry(upload).or_default();
        if let Some(before) = line.last() {
            before.stop.cancel();
        }
        line.push(holder.clone());
        Hold { active: self.clone(), upload, holder }
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        // Every change is complete within one lock: a panic elsewhere leaves the map whole.
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Cancelled once somebody newer wants the upload, or the process is told to stop.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.holder.stop
    }

    /// Whose going to wait for: the next in the line before this one.
    fn before(&self) -> Option<CancellationToken> {
        let holders = self.active.holders();
        let line = holders.by_upload.get(&self.upload)?;
        let before = line.iter().take_while(|holder| holder.number != self.holder.number).last();
        before.map(|before| before.gone.clone())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holders = self.active.holders();
        if let Some(line) = holders.by_upload.get_mut(&self.upload) {
            line.retain(|holder| holder.number != self.holder.number);
            if line.is_empty() {
                holders.by_upload.remove(&self.upload);
            }
        }
        drop(holders);
        self.holder.gone.cancel();
    }
}

/// What a request is told that had to stop for another, or for the end of the process.
pub fn stopped() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        "another request has taken this upload over, or the server is stopping; ask with HEAD where \
         the upload stands and go on from there",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn the_newest_waits_for_the_one_before_to_leave() {
        let (active, upload) = (Active::default(), UploadId::new(Timestamp::UNIX_EPOCH));
        let first = active.take(upload, LONG).await;
        let second = tokio::spawn({
            let active = active.clone();
            async move { active.take(upload, LONG).await }
        });
        first.stop().cancelled().await;
        assert!(!second.is_finished());
        drop(first);
        let second = second.await.unwrap();
        assert!(!second.stop().is_cancelled());
        assert_eq!(active.count(), 1);
        drop(second);
        assert_eq!(active.count(), 0);
    }

    #[tokio::test]
    async fn of_many_who_wait_only_the_newest_is_not_told_to_stop() {
        let (active, upload) = (Active::default(), UploadId::new(Timestamp::UNIX_EPOCH));
        let first = active.take(upload, LONG).await;
        let mut waiting = Vec::new();
        for _ in 0..8 {
            let mut take = Box::pin({
                let active = active.clone();
                async move { active.take(upload, LONG).await }
            });
            // Polled once, so that the order of arrival is the order of the list.
            assert!(futures::poll!(&mut take).is_pending());
            waiting.push(take);
        }
        drop(first);
        let stopped = waiting.into_iter().map(async |take| take.await.stop().is_cancelled());
        let stopped = futures::future::join_all(stopped).await;
        assert_eq!(stopped, [true, true, true, true, true, true, true, false]);
        assert_eq!(active.count(), 0);
    }

    #[tokio::test]
    async fn one_that_leaves_the_line_does_not_let_the_next_go_ahead_of_the_first() {
        let (active, upload) = (Active::default(), UploadId::new(Timestamp::UNIX_EPOCH));
        let first = active.take(upload, LONG).await;
        let mut middle = Box::pin(active.take(upload, LONG));
        assert!(futures::poll!(&mut middle).is_pending());
        let mut last = Box::pin(active.take(upload, LONG));
        assert!(futures::poll!(&mut last).is_pending());
        drop(middle);
        assert!(futures::poll!(&mut last).is_pending(), "the first still writes");
        // One that came after the middle had left waits for the first, too.
        let mut newest = Box::pin(active.take(upload, LONG));
        assert!(futures::poll!(&mut newest).is_pending());
        drop(last);
        assert!(futures::poll!(&mut newest).is_pending(), "the first still writes");
        drop(first);
        assert!(!newest.await.stop().is_cancelled());
        assert_eq!(active.count(), 0);
    }

    #[tokio::test]
    async fn a_holder_that_is_stuck_is_passed_by() {
        let (active, upload) = (Active::default(), UploadId::new(Timestamp::UNIX_EPOCH));
        let stuck = active.take(upload, LONG).await;
        let second = active.take(upload, Duration::ZERO).await;
        drop(stuck);
        assert_eq!(active.count(), 1);
        drop(second);
        assert_eq!(active.count(), 0);
    }

    #[tokio::test]
    async fn uploads_do_not_wait_for_one_another() {
        let active = Active::default();
        let at = |ms| UploadId::new(Timestamp::from_millisecond(ms).unwrap());
        let one = active.take(at(1), LONG).await;
        let two = active.take(at(2), LONG).await;
        assert!(!one.stop().is_cancelled() && !two.stop().is_cancelled());
        assert_eq!(active.count(), 2);
    }

    #[tokio::test]
    async fn shutdown_stops_every_holder_and_lets_no_new_one_in() {
        let shutdown = CancellationToken::new();
        let active = Active::new(shutdown.clone());
        let upload = UploadId::new(Timestamp::UNIX_EPOCH);
        let hold = active.take(upload, LONG).await;
        shutdown.cancel();
        assert!(hold.stop().is_cancelled());
        drop(hold);
        assert!(active.take(upload, LONG).await.stop().is_cancelled());
        assert_eq!(active.count(), 0);
    }
}
