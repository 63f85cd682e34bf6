//! How records are found in the table.

use crate::{Direction, Key, MAX_PAGE, Page, Query, Record, Shard, Version};
use ::sqlite::Failure;
use model::{Error, ErrorKind, Result, Timestamp};
use rusqlite::{Connection, Row, Rows, ToSql, params_from_iter};

/// A page ends when its values reach this many bytes, however many records were asked for.
const PAGE_BYTES: usize = 1 << 20;

pub(super) fn one(connection: &Connection, key: Key) -> Result<Option<Record>, Failure> {
    let sql = "SELECT version, value, expires FROM record WHERE partition = ?1 AND sort = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((&key.partition, &key.sort))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(record(key, row)?.0))
}

pub(super) fn range(connection: &Connection, query: &Query) -> Result<Page, Failure> {
    let Query { partition, from, to, direction, limit, cursor, .. } = query;
    // The cursor is the last sort key of the page before; it takes the place of the bound it is behind.
    let (lower, from, to, order) = match (direction, cursor) {
        (Direction::Ascending, None) => (">=", from, to.as_ref(), "ASC"),
        (Direction::Ascending, Some(cursor)) => (">", cursor, to.as_ref(), "ASC"),
        (Direction::Descending, cursor) => (">=", from, cursor.as_ref().or(to.as_ref()), "DESC"),
    };
    let more = one_more(*limit)?;
    let mut parameters: Vec<&dyn ToSql> = vec![partition, &more, from];
    let upper = to.map_or("", |to| {
        parameters.push(to);
        "AND sort < ?4"
    });
    let sql = format!(
        "SELECT version, value, expires, sort FROM record
         WHERE partition = ?1 AND sort {lower} ?3 {upper} ORDER BY sort {order} LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query(params_from_iter(parameters))?;
    let key = |row: &Row<'_>| Ok(Key { partition: partition.clone(), sort: row.get(3)? });
    let (records, has_more) = page(rows, *limit, key)?;
    let last = records.last().filter(|_| has_more);
    Ok(Page { cursor: last.map(|record| record.key.sort.clone()), records })
}

/// The key that a scan goes on behind.
pub(super) fn scan_start(cursor: Option<&str>) -> Result<Key> {
    let Some(cursor) = cursor else { return Ok(Key::new("", "")) };
    let key = serde_json::from_str(cursor)
        .map(|(partition, sort): (String, String)| Key { partition, sort });
    key.map_err(|error| {
        let message = "this cursor belongs to another list; start without one";
        Error::with_source(ErrorKind::Invalid, message, error)
    })
}

/// A page of one shard's records behind `after`: it may be empty though more follow, since the table is
/// read in the order of its keys and those of the other shards are left out.
pub(super) fn all(connection: &Connection, shard: Shard, after: &Key) -> Result<Page, Failure> {
    let sql = "SELECT version, value, expires, partition, sort FROM record
               WHERE (partition, sort) > (?1, ?2) ORDER BY partition, sort LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query((&after.partition, &after.sort, one_more(MAX_PAGE)?))?;
    let key = |row: &Row<'_>| Ok(Key { partition: row.get(3)?, sort: row.get(4)? });
    let (mut records, has_more) = page(rows, MAX_PAGE, key)?;
    let last = records.last().filter(|_| has_more);
    let cursor =
        last.map(|record| serde_json::json!([record.key.partition, record.key.sort]).to_string());
    records.retain(|record| shard_of(&record.key.partition, shard.of) == shard.index);
    Ok(Page { records, cursor })
}

/// Which of `of` shards a partition belongs to: by FNV-1a, the same in every process and version.
fn shard_of(partition: &str, of: u32) -> u32 {
    let hash = partition
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % of
}

/// The rows of a page, and whether there are more behind it.
fn page(
    mut rows: Rows<'_>,
    limit: usize,
    key: impl Fn(&Row<'_>) -> rusqlite::Result<Key>,
) -> Result<(Vec<Record>, bool), Failure> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if records.len() == limit || bytes >= PAGE_BYTES {
            return Ok((records, true));
        }
        let (record, len) = record(key(row)?, row)?;
        bytes += len;
        records.push(record);
    }
    Ok((records, false))
}

/// The record in a row that begins with version, value and expiry, and the bytes of its value.
fn record(key: Key, row: &Row<'_>) -> Result<(Record, usize), Failure> {
    let version = Version::from_bits(u128::from_be_bytes(row.get(0)?));
    let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| {
        Error::with_source(ErrorKind::Internal, format!("record {key} cannot be read"), source)
    };
    let value = serde_json::from_str(text).map_err(|error| unreadable(error.into()))?;
    let expires = row.get::<_, Option<i64>>(2)?.map(Timestamp::from_second).transpose();
    let expires = expires.map_err(|error| unreadable(error.into()))?;
    Ok((Record { version, value, expires, key }, text.len()))
}

/// A limit that shows whether there is more, as SQLite counts.
fn one_more(limit: usize) -> Result<i64> {
    i64::try_from(limit).map(|limit| limit + 1).map_err(|_| Error::invalid("too large a page"))
}
