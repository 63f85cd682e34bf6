//! Rows as values: self-describing JSON with a format version, so that a person can read the table with
//! the engine's own tools and old rows stay readable when a layout changes.

use model::{Error, Result};
use records::{Condition, Key, Record, Version, Write};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A value with the version of its row: what a conditional write names.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// What the row says.
    pub value: T,
    /// Which writing of the row this was.
    pub version: Version,
}

/// A type that is stored as a row.
pub(crate) trait Row: Serialize + DeserializeOwned {
    /// What the row is, for an error.
    const WHAT: &'static str;
    /// The layout that is written. Every layout up to it can be read.
    const FORMAT: u64 = 1;
}

/// The field that holds the layout's number.
const FORMAT_FIELD: &str = "v";

/// A row's value.
pub(crate) fn encode<T: Row>(row: &T) -> Result<Value> {
    let value = serde_json::to_value(row).map_err(|error| {
        Error::with_source(
            model::ErrorKind::Internal,
            format!("{} cannot be written", T::WHAT),
            error,
        )
    })?;
    match value {
        Value::Object(mut fields) => {
            fields.insert(FORMAT_FIELD.into(), T::FORMAT.into());
            Ok(Value::Object(fields))
        }
        _ => Err(Error::internal(format!("{} is not a row with fields", T::WHAT))),
    }
}

/// A row from its value.
pub(crate) fn decode<T: Row>(value: Value) -> Result<T> {
    let format = value.get(FORMAT_FIELD).and_then(Value::as_u64);
    match format {
        Some(format) if format <= T::FORMAT => serde_json::from_value(value).map_err(|error| {
            Error::with_source(
                model::ErrorKind::Internal,
                format!("{} cannot be read", T::WHAT),
                error,
            )
        }),
        Some(format) => Err(Error::internal(format!(
            "{} was written by a newer version (format {format}, known is {}): update this program",
            T::WHAT,
            T::FORMAT
        ))),
        None => Err(Error::internal(format!("{} has no format version", T::WHAT))),
    }
}

/// A row of many that are read one after the other: one that cannot be read is passed over, and said in
/// the log, so that it does not keep its reader from those behind it.
pub(crate) fn readable<T: Row>(key: &Key, value: Value) -> Option<T> {
    match decode(value) {
        Ok(row) => Some(row),
        Err(error) => {
            tracing::error!(%key, cause = error.chain(), "a row is passed over");
            None
        }
    }
}

/// A record as a row with its version.
pub(crate) fn stored<T: Row>(record: Record) -> Result<Stored<T>> {
    Ok(Stored { value: decode(record.value)?, version: record.version })
}

/// A write of `row` at `key`, if `condition` holds.
pub(crate) fn put<T: Row>(key: Key, condition: Condition, row: &T) -> Result<Write> {
    Ok(Write::put(key, condition, encode(row)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Point {
        x: u32,
    }

    impl Row for Point {
        const WHAT: &'static str = "a point";
        const FORMAT: u64 = 2;
    }

    #[test]
    fn a_row_says_its_format() {
        let value = encode(&Point { x: 7 }).unwrap();
        assert_eq!(value, serde_json::json!({"v": 2, "x": 7}));
        assert_eq!(decode::<Point>(value).unwrap(), Point { x: 7 });
    }

    #[test]
    fn older_rows_are_read_and_newer_ones_refused_with_advice() {
        assert!(decode::<Point>(serde_json::json!({"v": 1, "x": 7})).is_ok());
        let newer = decode::<Point>(serde_json::json!({"v": 3, "x": 7})).unwrap_err();
        assert!(newer.to_string().contains("update this program"), "{newer}");
        assert!(decode::<Point>(serde_json::json!({"x": 7})).is_err());
    }
}
