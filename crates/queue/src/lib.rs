//! The queue port: jobs that are delivered at least once.
//!
//! [`JobQueue`] says what a back end must guarantee and `conformance` tries to break it; both hold for
//! every back end. It promises what SQS can promise and no more: that a job has one effect is the
//! catalog's business. A back end is one module: `sqlite` is the embedded one.

mod job;
mod store;

pub use job::{DeadId, DeadLetter, DeadPage, Delivery, Depth, Outgoing, Receipt};
pub use store::{
    JobQueue, MAX_BODY_BYTES, MAX_DELAY, MAX_PAGE, MAX_RECEIVE, MAX_SEND, MAX_VISIBILITY, MAX_WAIT,
};
