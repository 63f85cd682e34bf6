//! How records are found in the table.

use super::{
    DynamoRecords,
    capacity::spent,
    item::{self, Item, PARTITION, SORT},
    once,
};
use crate::{Consistency, Direction, Key, MAX_PAGE, Page, Query, Record, Shard};
use aws::{Tries, bill::Units};
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity::Total};
use futures::future::try_join_all;
use model::{Error, ErrorKind, Result};
use std::collections::{HashMap, HashSet};

/// Keys that one request may name.
const GET: usize = 100;

impl DynamoRecords {
    pub(super) async fn one(&self, key: &Key, consistency: Consistency) -> Result<Option<Record>> {
        let call = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(item::of_key(key)))
            .consistent_read(is_strong(consistency))
            .return_consumed_capacity(Total);
        let found = call.send().await.map_err(|error| self.error(error))?;
        spent(Units::Read, found.consumed_capacity());
        found.item.as_ref().map(item::record).transpose()
    }

    pub(super) async fn many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Record>>> {
        // No request may name a key twice.
        let distinct: Vec<&Key> = keys.iter().collect::<HashSet<_>>().into_iter().collect();
        let parts = distinct.chunks(GET).map(|keys| self.part(keys, consistency));
        // As many requests at a time as the most keys make: ten.
        let found = try_join_all(parts).await?;
        let found: HashMap<Key, Record> =
            found.into_iter().flatten().map(|record| (record.key.clone(), record)).collect();
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    /// The records of up to [`GET`] keys that are there. An answer may leave out what would make it too
    /// large, or what is too hot; that is asked for again.
    async fn part(&self, keys: &[&Key], consistency: Consistency) -> Result<Vec<Record>> {
        let mut wanted: Vec<Item> = keys.iter().map(|key| item::of_key(key)).collect();
        let mut records = Vec::with_capacity(keys.len());
        let mut tries = Tries::within(aws::DEADLINE);
        loop {
            let table = KeysAndAttributes::builder()
                .set_keys(Some(wanted.clone()))
                .consistent_read(is_strong(consistency))
                .build()
                .map_err(|error| {
                    Error::with_source(ErrorKind::Internal, "no keys were asked for", error)
                })?;
            let call = self.client.batch_get_item().request_items(&self.table, table);
            let call = call.return_consumed_capacity(Total);
            let call = call.customize().config_override(once(&tries));
            let mut answer = match call.send().await.map_err(|error| self.error(error)) {
                Err(error) if error.kind().is_retryable() => {
                    tries.again(error).await?;
                    continue;
                }
                answer => answer?,
            };
            spent(Units::Read, answer.consumed_capacity());
            let found = answer.responses.as_mut().and_then(|tables| tables.remove(&self.table));
            for item in found.unwrap_or_default() {
                records.push(item::record(&item)?);
            }
            let left =
                answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.table));
            let Some(left) = left else { return Ok(records) };
            wanted = left.keys;
            let busy = "the store of records is overloaded; try again later";
            tries.again(Error::new(ErrorKind::Busy, busy)).await?;
        }
    }

    pub(super) async fn range(&self, query: &Query) -> Result<Page> {
        let Query { partition, from, to, direction, limit, consistency, cursor } = query;
        let end = Page { records: Vec::new(), cursor: None };
        let mut call = self
            .client
            .query()
            .table_name(&self.table)
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_values(":p", item::text(partition))
            .limit(whole(*limit)?)
            .scan_index_forward(*direction == Direction::Ascending)
            .consistent_read(is_strong(*consistency));
        let mut start = cursor.as_deref();
        // One condition is all that a sort key may have, and none has an end that does not belong.
        let condition = match (from.as_str(), to.as_deref()) {
            ("", None) => "#p = :p",
            ("", Some("")) => return Ok(end),
            ("", Some(_)) => "#p = :p AND #s < :to",
            (_, None) => "#p = :p AND #s >= :from",
            (from, Some(to)) if from >= to => return Ok(end),
            (_, Some(to)) => {
                // Downwards the page begins behind it; upwards it is the last and taken off below.
                if *direction == Direction::Descending {
                    start = start.or(Some(to));
                }
                "#p = :p AND #s BETWEEN :from AND :to"
            }
        };
        if condition.contains("#s") {
            call = call.expression_attribute_names("#s", SORT);
        }
        if condition.contains(":from") {
            call = call.expression_attribute_values(":from", item::text(from));
        }
        if let Some(to) = to {
            call = call.expression_attribute_values(":to", item::text(to));
        }
        let call = call
            .key_condition_expression(condition)
            .set_exclusive_start_key(start.map(|sort| item::key_of(partition, sort)))
            .return_consumed_capacity(Total);
        let answer = call.send().await.map_err(|error| self.error(error))?;
        spent(Units::Read, answer.consumed_capacity());
        let mut records: Vec<Record> =
            answer.items().iter().map(item::record).collect::<Result<_>>()?;
        let mut last = answer.last_evaluated_key().map(item::key).transpose()?.map(|key| key.sort);
        records.retain(|record| Some(&record.key.sort) != to.as_ref());
        last = last.filter(|last| Some(last) != to.as_ref());
        Ok(Page { records, cursor: last })
    }

    pub(super) async fn shard(&self, shard: Shard, cursor: Option<String>) -> Result<Page> {
        let start = cursor.as_deref().map(scan_start).transpose()?;
        let call = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(whole(shard.index)?)
            .total_segments(whole(shard.of)?)
            .limit(whole(MAX_PAGE)?)
            .set_exclusive_start_key(start.as_ref().map(item::of_key))
            .return_consumed_capacity(Total);
        let answer = call.send().await.map_err(|error| self.error(error))?;
        spent(Units::Read, answer.consumed_capacity());
        let records = answer.items().iter().map(item::record).collect::<Result<_>>()?;
        let last = answer.last_evaluated_key().map(item::key).transpose()?;
        let cursor = last.map(|key| serde_json::json!([key.partition, key.sort]).to_string());
        Ok(Page { records, cursor })
    }
}

/// Where a scan goes on.
fn scan_start(cursor: &str) -> Result<Key> {
    let key = serde_json::from_str(cursor)
        .map(|(partition, sort): (String, String)| Key { partition, sort });
    key.map_err(|error| {
        let message = "this cursor belongs to another list; start without one";
        Error::with_source(ErrorKind::Invalid, message, error)
    })
}

fn is_strong(consistency: Consistency) -> bool {
    consistency == Consistency::Strong
}

fn whole(number: impl TryInto<i32>) -> Result<i32> {
    number.try_into().map_err(|_| Error::invalid("a page or shard is too large for the table"))
}
