//! How a batch is written.
//!
//! One entry is a put or delete of its own, which costs half of what a transaction does; more are a
//! transaction. A transaction carries a token by which DynamoDB knows it again for ten minutes, so it is
//! repeated where an answer was lost, and happens once all the same. A single put or delete has no token,
//! and repeated it might undo what others did since: where its answer is lost, the record is read, and
//! the version in it tells whether the put has happened. One that names the version it replaces undoes
//! nothing, since versions never come back, and is repeated, too.

use super::{DynamoRecords, capacity::spent, entry::Entry, error::contended, once};
use crate::{Change, ConditionFailed, Consistency, Version, Write};
use aws::{Tries, bill::Units};
use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, ReturnConsumedCapacity::Total},
};
use model::{Error, ErrorKind, Result};
use std::error::Error as StdError;

/// Why a try did not succeed.
enum Refused {
    /// The condition of the entry with this index does not hold.
    Condition(usize),
    /// Nothing happened; the same again may succeed.
    NotDone(Error),
    /// It may have happened, or may happen a moment later.
    Unknown(Error),
    /// The same again fails again.
    ForGood(Error),
}

impl DynamoRecords {
    /// `texts` are the values of the puts.
    pub(super) async fn write_batch(
        &self,
        batch: &[Write],
        texts: Vec<Option<String>>,
    ) -> Result<Vec<Option<Version>>> {
        let entries = batch.iter().zip(texts).map(|(write, text)| Entry::new(write, text));
        let entries: Vec<Entry<'_>> = entries.collect::<Result<_>>()?;
        let alone = match entries.as_slice() {
            [entry] if entry.write.change != Change::Check => Some(entry),
            _ => None,
        };
        let token = Version::fresh()?.to_string();
        let mut tries = Tries::within(aws::DEADLINE);
        let mut may_have_happened = false;
        loop {
            let answer = match alone {
                Some(entry) => self.single(entry, &tries).await,
                None => self.transaction(&entries, &token, &tries).await,
            };
            match (answer, alone) {
                (Ok(()), _) => break,
                // An earlier try may be why the condition does not hold.
                (Err(Refused::Condition(_)), Some(entry)) if may_have_happened => {
                    if self.is_done(entry, &tries).await {
                        break;
                    }
                    return Err(Error::new(ErrorKind::Unavailable, NOBODY_KNOWS));
                }
                (Err(Refused::Condition(index)), _) => {
                    return Err(ConditionFailed { key: batch[index].key.clone() }.into());
                }
                (Err(Refused::NotDone(error)), _) if !may_have_happened => {
                    tries.again(error).await?;
                }
                (Err(Refused::NotDone(error)), _) => tries.again(nobody_knows(error)).await?,
                (Err(Refused::Unknown(error)), alone) => {
                    if let Some(entry) = alone {
                        if self.is_done(entry, &tries).await {
                            break;
                        }
                        if !entry.is_repeatable() {
                            return Err(error);
                        }
                    }
                    may_have_happened = true;
                    tries.again(nobody_knows(error)).await?;
                }
                (Err(Refused::ForGood(error)), _) => return Err(error),
            }
        }
        Ok(entries.iter().map(|entry| entry.version).collect())
    }

    async fn single(&self, entry: &Entry<'_>, tries: &Tries) -> Result<(), Refused> {
        if let Some(item) = entry.item() {
            let call = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item))
                .set_condition_expression(entry.condition())
                .set_expression_attribute_names(entry.names())
                .set_expression_attribute_values(entry.values())
                .return_consumed_capacity(Total);
            let call = call.customize().config_override(once(tries));
            let done = call.send().await.map_err(|error| self.refused(error))?;
            spent(Units::Write, done.consumed_capacity());
            return Ok(());
        }
        let call = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(entry.key()))
            .set_condition_expression(entry.condition())
            .set_expression_attribute_names(entry.names())
            .set_expression_attribute_values(entry.values())
            .return_consumed_capacity(Total);
        let call = call.customize().config_override(once(tries));
        let done = call.send().await.map_err(|error| self.refused(error))?;
        spent(Units::Write, done.consumed_capacity());
        Ok(())
    }

    async fn transaction(
        &self,
        entries: &[Entry<'_>],
        token: &str,
        tries: &Tries,
    ) -> Result<(), Refused> {
        let items = entries.iter().map(|entry| entry.transact(&self.table));
        let items = items.collect::<Result<_>>().map_err(Refused::ForGood)?;
        let call = self
            .client
            .transact_write_items()
            .client_request_token(token)
            .set_transact_items(Some(items))
            .return_consumed_capacity(Total);
        let call = call.customize().config_override(once(tries));
        let done = call.send().await.map_err(|error| match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let why = why_cancelled(cancelled.cancellation_reasons());
                match why {
                    Cancelled::Condition(index) => Refused::Condition(index),
                    Cancelled::Busy => Refused::NotDone(contended(error)),
                    Cancelled::ForGood => Refused::ForGood(self.error(error)),
                }
            }
            _ => self.refused(error),
        })?;
        spent(Units::Write, done.consumed_capacity());
        Ok(())
    }

    /// Whether a put is known to have happened: its version is there. Of a delete nobody ever knows, nor
    /// where the record cannot be read in what is left of the time.
    async fn is_done(&self, entry: &Entry<'_>, tries: &Tries) -> bool {
        let Some(version) = entry.version else { return false };
        let look = self.one(&entry.write.key, Consistency::Strong);
        let found = tokio::time::timeout(tries.left(), look).await;
        matches!(found, Ok(Ok(Some(record))) if record.version == version)
    }

    fn refused<E>(&self, error: SdkError<E, HttpResponse>) -> Refused
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
        if code == Some("ConditionalCheckFailedException") {
            return Refused::Condition(0);
        }
        // The same transaction, sent before, is still running.
        let runs = code == Some("TransactionInProgressException");
        let may_have_happened = runs || aws::may_have_happened(&error);
        let error = self.error(error);
        if !error.kind().is_retryable() {
            Refused::ForGood(error)
        } else if may_have_happened {
            Refused::Unknown(error)
        } else {
            Refused::NotDone(error)
        }
    }
}

const NOBODY_KNOWS: &str = "the store of records was asked, and did not say whether it wrote";

/// What the last try says is no answer to whether an earlier one has happened.
fn nobody_knows(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unavailable => error,
        _ => Error::with_source(ErrorKind::Unavailable, NOBODY_KNOWS, error),
    }
}

/// Why a transaction was cancelled.
#[derive(Debug, PartialEq, Eq)]
enum Cancelled {
    Condition(usize),
    /// Others wrote the same, or it was too much at once.
    Busy,
    ForGood,
}

/// The reasons stand in the order of the entries. A condition that does not hold decides, whatever else
/// was in the way; what will not do next time either comes before what may.
fn why_cancelled(reasons: &[CancellationReason]) -> Cancelled {
    let codes = || reasons.iter().map(|reason| reason.code().unwrap_or("None"));
    if let Some(index) = codes().position(|code| code == "ConditionalCheckFailed") {
        return Cancelled::Condition(index);
    }
    let may_do_later = |code| {
        matches!(
            code,
            "None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"
        )
    };
    if codes().all(may_do_later) { Cancelled::Busy } else { Cancelled::ForGood }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_decides_over_contention_and_contention_over_nothing() {
        let cases = [
            (&["None", "ConditionalCheckFailed"][..], Cancelled::Condition(1)),
            (
                &["TransactionConflict", "ConditionalCheckFailed", "ConditionalCheckFailed"],
                Cancelled::Condition(1),
            ),
            (&["ValidationError", "ConditionalCheckFailed"], Cancelled::Condition(1)),
            (&["None", "TransactionConflict"], Cancelled::Busy),
            (&["ThrottlingError", "ProvisionedThroughputExceeded"], Cancelled::Busy),
            (&["TransactionConflict", "ValidationError"], Cancelled::ForGood),
            (&["ItemCollectionSizeLimitExceeded"], Cancelled::ForGood),
        ];
        for (codes, expected) in cases {
            let reasons: Vec<CancellationReason> = codes
                .iter()
                .map(|code| CancellationReason::builder().code(*code).build())
                .collect();
            assert_eq!(why_cancelled(&reasons), expected, "{codes:?}");
        }
    }
}
