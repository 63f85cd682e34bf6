//! The queue port: jobs that are delivered at least once.
//!
//! [`JobQueue`] says what a back end must guarantee and `conformance` tries to break it; both hold for
//! every back end. It promises what SQS can promise and no more: that a job has one effect is the
//! catalog's business. A back end is one module: [`sqlite`] is the embedded one, [`sqs`] the one
//! for many machines.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod job;
pub mod sqlite;
pub mod sqs;
mod store;

pub use job::{DeadId, DeadLetter, DeadPage, Delivery, Depth, Outgoing, Receipt};
pub use store::{
    JobQueue, MAX_BODY_BYTES, MAX_DELAY, MAX_PAGE, MAX_REASON, MAX_RECEIVE, MAX_SEND,
    MAX_VISIBILITY, MAX_WAIT,
};

use model::{Error, Result, without_secret};
use std::sync::Arc;

/// The name of the queue for quick jobs that belongs to the queue that `url` names: jobs that are done
/// in moments do not wait behind those that take hours.
#[must_use]
pub fn quick_url(url: &str) -> String {
    format!("{url}-quick")
}

/// Opens the queue that `url` names, with its default settings: `sqlite:///PATH` or `sqs://NAME`.
///
/// # Errors
/// `Invalid` for another scheme or a wrong path; what the back end says where it cannot be opened.
pub async fn open(url: &str) -> Result<Arc<dyn JobQueue>> {
    match url.split_once("://") {
        Some(("sqlite", _)) => {
            let path = ::sqlite::path_of_url(url)?;
            let queue = sqlite::SqliteQueue::open(path, sqlite::Settings::default()).await?;
            Ok(Arc::new(queue))
        }
        Some(("sqs", name)) => Ok(Arc::new(sqs::SqsQueue::open(name).await?)),
        _ => Err(Error::invalid(format!(
            "{:?} names no known queue: sqlite:///PATH or sqs://NAME",
            without_secret(url)
        ))),
    }
}
