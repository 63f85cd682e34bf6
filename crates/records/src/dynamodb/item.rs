//! How a record is an item.

use crate::{Key, Record, Version};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use model::{Error, ErrorKind, Result, Timestamp};
use std::collections::HashMap;

pub(super) const PARTITION: &str = "partition";
pub(super) const SORT: &str = "sort";
pub(super) const VERSION: &str = "version";
const VALUE: &str = "value";
const EXPIRES: &str = "expires";

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn bits(version: Version) -> AttributeValue {
    AttributeValue::B(Blob::new(version.to_bits().to_be_bytes()))
}

pub(super) fn of_key(key: &Key) -> Item {
    key_of(&key.partition, &key.sort)
}

pub(super) fn key_of(partition: &str, sort: &str) -> Item {
    Item::from([(PARTITION.to_owned(), text(partition)), (SORT.to_owned(), text(sort))])
}

/// The item of a record whose value is `value`; `expires` in seconds since 1970.
pub(super) fn of_record(key: &Key, version: Version, value: String, expires: Option<i64>) -> Item {
    let mut item = of_key(key);
    item.insert(VERSION.to_owned(), bits(version));
    item.insert(VALUE.to_owned(), AttributeValue::S(value));
    if let Some(expires) = expires {
        item.insert(EXPIRES.to_owned(), AttributeValue::N(expires.to_string()));
    }
    item
}

/// # Errors
/// `Internal` for an item that no store of records has made.
pub(super) fn key(item: &Item) -> Result<Key> {
    match (item.get(PARTITION), item.get(SORT)) {
        (Some(AttributeValue::S(partition)), Some(AttributeValue::S(sort))) => {
            Ok(Key::new(partition, sort))
        }
        _ => Err(Error::internal("an item of the table has other keys than a record")),
    }
}

/// # Errors
/// As [`key`].
pub(super) fn record(item: &Item) -> Result<Record> {
    let key = key(item)?;
    let read = || Some((version(item)?, value(item)?, expires(item)?));
    match read() {
        Some((version, value, expires)) => Ok(Record { key, version, value, expires }),
        None => Err(Error::new(ErrorKind::Internal, format!("record {key} cannot be read"))),
    }
}

fn version(item: &Item) -> Option<Version> {
    let bits = item.get(VERSION)?.as_b().ok()?;
    Some(Version::from_bits(u128::from_be_bytes(bits.as_ref().try_into().ok()?)))
}

fn value(item: &Item) -> Option<serde_json::Value> {
    serde_json::from_str(item.get(VALUE)?.as_s().ok()?).ok()
}

/// `Some(None)` where it never expires, `None` where it cannot be read.
fn expires(item: &Item) -> Option<Option<Timestamp>> {
    let Some(expires) = item.get(EXPIRES) else { return Some(None) };
    let seconds = expires.as_n().ok()?.parse().ok()?;
    Timestamp::from_second(seconds).ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_an_item_and_back() {
        let key = Key::new("file#1", "head");
        let value = json!({ "v": 1, "exact": u64::MAX, "half": 0.5, "nul": "\0" });
        for seconds in [None, Some(1_700_000_000)] {
            let version = Version::from_bits(7);
            let made = of_record(&key, version, value.to_string(), seconds);
            let expires = seconds.map(|seconds| Timestamp::from_second(seconds).unwrap());
            let expected = Record { key: key.clone(), version, value: value.clone(), expires };
            assert_eq!(record(&made).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_record_is_an_error_that_names_it() {
        let good = of_record(&Key::new("p", "s"), Version::from_bits(1), "{}".into(), Some(1));
        for (attribute, odd) in [
            (VERSION, AttributeValue::B(Blob::new([1, 2]))),
            (VERSION, text("v")),
            (VALUE, text("{")),
            (EXPIRES, AttributeValue::N("1e99".into())),
        ] {
            let mut item = good.clone();
            item.insert(attribute.to_owned(), odd);
            let error = record(&item).unwrap_err();
            assert!(error.to_string().contains("p/s"), "{attribute}: {error}");
        }
        assert_eq!(record(&Item::new()).unwrap_err().kind(), ErrorKind::Internal);
    }
}
