//! One entry of a batch, in DynamoDB's words.

use super::item::{self, Item, PARTITION, VERSION};
use crate::{Change, Condition, Version, Write, store::whole_seconds};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem};
use model::{Error, ErrorKind, Result};
use std::collections::HashMap;

/// What an entry asks for, and the version that it brings.
pub(super) struct Entry<'a> {
    pub(super) write: &'a Write,
    /// The new version, of a put.
    pub(super) version: Option<Version>,
    /// Its value.
    text: Option<String>,
}

impl<'a> Entry<'a> {
    /// `text` is the value of a put.
    pub(super) fn new(write: &'a Write, text: Option<String>) -> Result<Self> {
        let version = text.as_ref().map(|_| Version::fresh()).transpose()?;
        Ok(Self { write, version, text })
    }

    pub(super) fn key(&self) -> Item {
        item::of_key(&self.write.key)
    }

    /// What is put.
    pub(super) fn item(&self) -> Option<Item> {
        let (version, text) = (self.version?, self.text.clone()?);
        let expires = self.write.expires.map(whole_seconds);
        Some(item::of_record(&self.write.key, version, text, expires))
    }

    /// Whether the same again, though the first may have happened or may happen later, does no more than
    /// the first: a version that is gone does not come back.
    pub(super) fn is_repeatable(&self) -> bool {
        matches!(self.write.condition, Condition::VersionIs(_))
    }

    /// The condition's expression, with the names and values of the next two functions.
    pub(super) fn condition(&self) -> Option<String> {
        match self.write.condition {
            Condition::Any => None,
            Condition::Absent => Some("attribute_not_exists(#a)".to_owned()),
            Condition::VersionIs(_) => Some("#a = :v".to_owned()),
        }
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let attribute = match self.write.condition {
            Condition::Any => return None,
            Condition::Absent => PARTITION,
            Condition::VersionIs(_) => VERSION,
        };
        Some(HashMap::from([("#a".to_owned(), attribute.to_owned())]))
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        match self.write.condition {
            Condition::VersionIs(version) => {
                Some(HashMap::from([(":v".to_owned(), item::bits(version))]))
            }
            Condition::Any | Condition::Absent => None,
        }
    }

    /// The same within a transaction on `table`.
    pub(super) fn transact(&self, table: &str) -> Result<TransactWriteItem> {
        let whole = TransactWriteItem::builder();
        let whole = match &self.write.change {
            Change::Put(_) => Put::builder()
                .table_name(table)
                .set_item(self.item())
                .set_condition_expression(self.condition())
                .set_expression_attribute_names(self.names())
                .set_expression_attribute_values(self.values())
                .build()
                .map(|put| whole.put(put)),
            Change::Delete => Delete::builder()
                .table_name(table)
                .set_key(Some(self.key()))
                .set_condition_expression(self.condition())
                .set_expression_attribute_names(self.names())
                .set_expression_attribute_values(self.values())
                .build()
                .map(|delete| whole.delete(delete)),
            Change::Check => ConditionCheck::builder()
                .table_name(table)
                .set_key(Some(self.key()))
                .set_condition_expression(self.condition())
                .set_expression_attribute_names(self.names())
                .set_expression_attribute_values(self.values())
                .build()
                .map(|check| whole.condition_check(check)),
        };
        let whole = whole.map_err(|error| {
            Error::with_source(ErrorKind::Internal, "an entry of a batch cannot be sent", error)
        })?;
        Ok(whole.build())
    }
}
