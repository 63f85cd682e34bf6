//! What a message of SQS says about a job, and what we keep with it.

use crate::{DeadId, DeadLetter, Delivery, Receipt};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as Attribute};
use model::{Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// The attribute that a buried message carries, with a [`Buried`] as JSON.
pub(super) const BURIED: &str = "hashreel-buried";

/// What a receipt carries, as JSON. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    /// SQS's own receipt.
    pub(super) handle: String,
    pub(super) body: String,
    pub(super) receives: u32,
    pub(super) sent_at: i64,
}

impl Held {
    /// # Errors
    /// `Invalid` for what no queue of this kind gave.
    pub(super) fn of(receipt: &Receipt) -> Result<Self> {
        serde_json::from_str(receipt.as_str()).map_err(|error| {
            Error::with_source(ErrorKind::Invalid, "this receipt is of another queue", error)
        })
    }
}

/// What is kept with a dead letter that we put aside. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Buried {
    /// The version of this format.
    pub(super) v: u32,
    pub(super) reason: String,
    pub(super) receives: u32,
    pub(super) sent_at: i64,
    pub(super) died_at: i64,
}

/// The job that a message is.
///
/// # Errors
/// `Internal` for a message without what SQS promises to tell.
pub(super) fn delivery(message: Message) -> Result<Delivery> {
    let receives = number(&message, &Attribute::ApproximateReceiveCount)?;
    let sent_at = number(&message, &Attribute::SentTimestamp)?;
    let receives = u32::try_from(receives).unwrap_or(u32::MAX);
    let handle = message.receipt_handle.unwrap_or_default();
    let body = message.body.unwrap_or_default();
    let held = Held { handle, body: body.clone(), receives, sent_at };
    let receipt = json(&held)?;
    Ok(Delivery { receipt: Receipt::from(receipt), body, receives, sent_at: time(sent_at)? })
}

/// The dead letter that a message is. One that SQS put aside says neither why nor when: it was delivered
/// `max_receives` times, and the time of its death is given as the time it was sent. One whose note cannot
/// be read is given as one of those, with that as its reason: a letter that nobody sees helps nobody.
pub(super) fn letter(message: &Message, max_receives: u32) -> DeadLetter {
    let id = DeadId::from(message.message_id.clone().unwrap_or_default());
    let body = message.body.clone().unwrap_or_default();
    let buried = message.message_attributes().and_then(|attributes| attributes.get(BURIED));
    let note = buried.map(|attribute| note(attribute.string_value().unwrap_or_default()));
    match note {
        Some(Ok((reason, receives, sent_at, died_at))) => {
            DeadLetter { id, body, reason: Some(reason), receives, sent_at, died_at }
        }
        unread => {
            let sent_at = number(message, &Attribute::SentTimestamp).and_then(time);
            let sent_at = sent_at.unwrap_or(Timestamp::UNIX_EPOCH);
            let reason = unread.is_some().then(|| UNREADABLE.to_owned());
            DeadLetter { id, body, reason, receives: max_receives, sent_at, died_at: sent_at }
        }
    }
}

/// The reason of a letter whose own cannot be read.
pub(super) const UNREADABLE: &str =
    "not to be read here: another version of Hashreel, or something else, has put the job aside";

/// What a letter's note says: why, after how many deliveries, and when it was sent and died.
fn note(text: &str) -> Result<(String, u32, Timestamp, Timestamp)> {
    let Buried { v, reason, receives, sent_at, died_at } =
        serde_json::from_str(text).map_err(|error| {
            Error::with_source(ErrorKind::Internal, "a dead letter's note is no note", error)
        })?;
    if v != 1 {
        return Err(Error::internal(format!("a dead letter's note has the format {v}")));
    }
    Ok((reason, receives, time(sent_at)?, time(died_at)?))
}

pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        Error::with_source(ErrorKind::Internal, "what is kept of a job cannot be written", error)
    })
}

fn number(message: &Message, name: &Attribute) -> Result<i64> {
    let text = message.attributes().and_then(|attributes| attributes.get(name));
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        Error::internal(format!("a message of the queue does not tell its {}", name.as_str()))
    })
}

fn time(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|error| {
        Error::with_source(ErrorKind::Internal, "a job has an impossible time", error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_carries_the_job() {
        let message = Message::builder()
            .receipt_handle("handle")
            .body("{\"v\":1}")
            .attributes(Attribute::ApproximateReceiveCount, "2")
            .attributes(Attribute::SentTimestamp, "1700000000123")
            .build();
        let job = delivery(message).unwrap();
        let held = Held {
            handle: "handle".into(),
            body: "{\"v\":1}".into(),
            receives: 2,
            sent_at: 1_700_000_000_123,
        };
        assert_eq!(Held::of(&job.receipt).unwrap(), held);
        assert_eq!((job.receives, job.sent_at.as_millisecond()), (2, held.sent_at));
        let error = delivery(Message::builder().body("x").build()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }

    #[test]
    fn a_letter_that_cannot_be_read_is_shown_as_such() {
        let noted = |note: &str| {
            let attribute = aws_sdk_sqs::types::MessageAttributeValue::builder()
                .data_type("String")
                .string_value(note)
                .build()
                .unwrap();
            let message = Message::builder()
                .message_id("id")
                .body("job")
                .attributes(Attribute::SentTimestamp, "1700000000123")
                .message_attributes(BURIED, attribute);
            letter(&message.build(), 5)
        };
        let note = |v: u32, at: i64| {
            let (reason, receives) = ("broken".into(), 2);
            json(&Buried { v, reason, receives, sent_at: 1, died_at: at }).unwrap()
        };
        let read = noted(&note(1, 7));
        assert_eq!((read.reason.as_deref(), read.receives), (Some("broken"), 2));
        for odd in ["", "{}", "no JSON", &note(2, 7), &note(1, i64::MAX)] {
            let letter = noted(odd);
            assert_eq!(letter.reason.as_deref(), Some(UNREADABLE), "{odd}");
            assert_eq!((letter.id.as_str(), letter.body.as_str()), ("id", "job"));
            assert_eq!(letter.sent_at.as_millisecond(), 1_700_000_000_123);
        }
        // Not even a time.
        let bare = letter(&Message::builder().body("job").build(), 5);
        assert_eq!((bare.body.as_str(), bare.reason), ("job", None));
    }
}
