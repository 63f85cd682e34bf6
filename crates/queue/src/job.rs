//! What goes into a queue and what comes out.

use model::Timestamp;
use std::{fmt, time::Duration};

/// A job to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What to do, as text: JSON by convention of `catalog`.
    pub body: String,
    /// How long it stays hidden first.
    pub delay: Duration,
}

impl Outgoing {
    /// A job to be delivered at once.
    pub fn now(body: impl Into<String>) -> Self {
        Self { body: body.into(), delay: Duration::ZERO }
    }
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Its text, meaningful to the back end alone.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque!(
    /// The right to extend, delete or bury a job, from one delivery of it. The next delivery of the same
    /// job makes it stale.
    Receipt
);
opaque!(
    /// Names a dead letter. Good for as long as the listing that gave it is fresh (minutes).
    DeadId
);

/// A job as it was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// For extending, deleting or burying it.
    pub receipt: Receipt,
    /// As it was sent.
    pub body: String,
    /// How often it was delivered, this time included; 1 is the first.
    pub receives: u32,
    /// When it was sent, or redriven.
    pub sent_at: Timestamp,
}

/// A job that is not delivered any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// For redriving or discarding it.
    pub id: DeadId,
    /// As it was sent.
    pub body: String,
    /// What [`crate::JobQueue::bury`] was given; `None` where it was delivered too often.
    pub reason: Option<String>,
    /// How often it was delivered.
    pub receives: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it became a dead letter.
    pub died_at: Timestamp,
}

/// Part of the dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadPage {
    /// Oldest death first where the back end knows.
    pub letters: Vec<DeadLetter>,
    /// Gives the next page; `None` at the end of what was looked at, and only there.
    pub cursor: Option<String>,
    /// Whether all letters were looked at. A back end that has no list of them looks at a bounded number,
    /// for a bounded time; the others are seen when these are gone.
    pub is_whole: bool,
}

/// How many jobs there are; approximate in some back ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Could be delivered now.
    pub waiting: u64,
    /// Hidden by the delay they were sent with.
    pub delayed: u64,
    /// Delivered, and hidden while somebody works on them.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
}
