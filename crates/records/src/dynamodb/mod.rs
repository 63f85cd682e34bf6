//! Records in one DynamoDB table, for any number of machines.
//!
//! An item has the attributes `partition` and `sort` (the table's keys), `version` (16 bytes), `value`
//! (JSON text, so that what is read is what was put, number for number) and, where the row may go,
//! `expires` (seconds since 1970, the table's TTL). Reads are eventually consistent unless `Strong` is
//! asked for, which costs twice as much. docs/dynamodb.md says how heat and keys spread.

mod capacity;
mod entry;
mod error;
mod item;
mod read;
mod write;

use crate::{
    Consistency, Key, MAX_GET, Page, Query, Record, RecordStore, Shard, Version, Write, store,
};
use async_trait::async_trait;
use aws::Tries;
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, Config},
    types::{KeyType, ScalarAttributeType, TableDescription},
};
use model::{Error, Result, without_secret};
use std::fmt;

/// The store on AWS, or on what speaks DynamoDB's protocol at `AWS_ENDPOINT_URL_DYNAMODB`.
#[derive(Clone)]
pub struct DynamoRecords {
    /// The SDK tries a call again where that may help, unless told that it is [`once`].
    client: Client,
    table: String,
}

impl DynamoRecords {
    /// Opens `table` with the region, endpoint and credentials of the environment. One real call shows
    /// that they are right, and that the table is one of ours.
    ///
    /// # Errors
    /// `Invalid` for a name that no table has, or a table with other keys; `Internal` for credentials,
    /// region or endpoint that are wrong and for a table that is not there, naming the setting.
    pub async fn open(table: &str) -> Result<Self> {
        Self::with(Config::new(&aws::config().await?), table).await
    }

    /// As [`Self::open`] with other settings than the environment's.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn with(config: Config, table: &str) -> Result<Self> {
        check_name(table)?;
        let config = config
            .to_builder()
            .interceptor(aws::bill::counting())
            .retry_partition(aws::no_quota("records"))
            .build();
        let store = Self { client: Client::from_conf(config), table: table.to_owned() };
        let described = store.client.describe_table().table_name(table).send().await;
        let described = described.map_err(|error| store.error(error))?;
        store.check_keys(described.table.as_ref())?;
        Ok(store)
    }

    fn check_keys(&self, described: Option<&TableDescription>) -> Result<()> {
        let keys = described.map_or(&[][..], TableDescription::key_schema);
        let types = described.map_or(&[][..], TableDescription::attribute_definitions);
        let is_key = |name: &str, key_type: &KeyType| {
            keys.iter().any(|key| key.attribute_name() == name && key.key_type() == key_type)
                && types.iter().any(|attribute| {
                    attribute.attribute_name() == name
                        && *attribute.attribute_type() == ScalarAttributeType::S
                })
        };
        if is_key(item::PARTITION, &KeyType::Hash) && is_key(item::SORT, &KeyType::Range) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "the table {} has other keys than a store of records, which has the strings partition and \
             sort: correct HASHREEL_RECORDS, or make the table from localstack/template.yaml",
            self.table
        )))
    }
}

impl fmt::Debug for DynamoRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client prints all of AWS's regions.
        f.debug_struct("DynamoRecords").field("table", &self.table).finish_non_exhaustive()
    }
}

/// For a call that is one of `tries`: the SDK does not repeat it, and ends it when their time is over.
fn once(tries: &Tries) -> Builder {
    let (retries, time_outs) = tries.once(aws::ATTEMPT);
    Builder::new().retry_config(retries).timeout_config(time_outs)
}

/// # Errors
/// `Invalid` for what cannot be the name of a table.
fn check_name(table: &str) -> Result<()> {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (3..=255).contains(&table.len()) && table.chars().all(is_usual) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{:?} is not the name of a DynamoDB table, 3 to 255 letters, digits, -, _ and .: correct \
         HASHREEL_RECORDS",
        without_secret(table)
    )))
}

#[async_trait]
impl RecordStore for DynamoRecords {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Record>> {
        key.check()?;
        self.one(key, consistency).await
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Record>>> {
        if keys.len() > MAX_GET {
            return Err(Error::invalid(format!("at most {MAX_GET} records are read at once")));
        }
        keys.iter().try_for_each(Key::check)?;
        self.many(keys, consistency).await
    }

    async fn write(&self, batch: Vec<Write>) -> Result<Vec<Option<Version>>> {
        let texts = store::check_batch(&batch)?;
        self.write_batch(&batch, texts).await
    }

    async fn query(&self, query: Query) -> Result<Page> {
        query.check()?;
        self.range(&query).await
    }

    async fn scan(&self, shard: Shard, cursor: Option<String>) -> Result<Page> {
        shard.check()?;
        self.shard(shard, cursor).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_name_that_dynamodb_allows() {
        let longest = "t".repeat(255);
        for name in ["hashreel", "a.b", "A_1-", &longest] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let longer = "t".repeat(256);
        for name in ["", "ab", "a/b", "a b", "t\u{e4}ble", "user:secret@table", &longer] {
            let error = check_name(name).expect_err(name);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
