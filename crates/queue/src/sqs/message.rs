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
/// `max_receives` times, and the time of its death is given as the time it was sent.
///
/// # Errors
/// As [`delivery`], and for a letter of a format that is not known.
pub(super) fn letter(message: &Message, max_receives: u32) -> Result<DeadLetter> {
    let id = DeadId::from(message.message_id.clone().unwrap_or_default());
    let body = message.body.clone().unwrap_or_default();
    let buried = message.message_attributes().and_then(|attributes| attributes.get(BURIED));
    let Some(buried) = buried.and_then(|attribute| attribute.string_value()) else {
        let sent_at = time(number(message, &Attribute::SentTimestamp)?)?;
        let receives = max_receives;
        return Ok(DeadLetter { id, body, reason: None, receives, sent_at, died_at: sent_at });
    };
    let unknown = "a dead letter was written by another version of Hashreel";
    let Buried { v, reason, receives, sent_at, died_at } = serde_json::from_str(buried)
        .map_err(|error| Error::with_source(ErrorKind::Internal, unknown, error))?;
    if v != 1 {
        return Err(Error::internal(unknown));
    }
    let (sent_at, died_at) = (time(sent_at)?, time(died_at)?);
    Ok(DeadLetter { id, body, reason: Some(reason), receives, sent_at, died_at })
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

/// A queue by its ARN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) account: String,
    pub(super) name: String,
}

/// The queue of dead letters, and how often a job is delivered before it goes there.
pub(super) fn redrive_policy(text: &str) -> Option<(Target, u32)> {
    let policy: serde_json::Value = serde_json::from_str(text).ok()?;
    let parts: Vec<&str> = policy.get("deadLetterTargetArn")?.as_str()?.split(':').collect();
    let [_, _, _, _, account, name] = parts.as_slice() else { return None };
    let count = policy.get("maxReceiveCount")?;
    // A number or text, as it was set.
    let count = match count.as_str() {
        Some(text) => text.parse().ok()?,
        None => u32::try_from(count.as_u64()?).ok()?,
    };
    Some((Target { account: (*account).to_owned(), name: (*name).to_owned() }, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_names_the_dead_letters_and_the_count() {
        let arn = "arn:aws:sqs:eu-west-1:123456789012:dead";
        let target = || Target { account: "123456789012".into(), name: "dead".into() };
        for count in ["5", "\"5\""] {
            let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{count}}}"#);
            assert_eq!(redrive_policy(&policy), Some((target(), 5)));
        }
        for odd in ["", "{}", r#"{"deadLetterTargetArn":"dead","maxReceiveCount":5}"#] {
            assert_eq!(redrive_policy(odd), None, "{odd}");
        }
    }

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
}
