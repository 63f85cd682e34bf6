//! What a batch does to the table.

use crate::{Change, Condition, ConditionFailed, Key, Version, Write, store::whole_seconds};
use ::sqlite::Failure;
use model::Error;
use rusqlite::{Connection, ToSql};

/// The most rows that one write drops, so that none waits long for it.
const PURGE: u16 = 500;

/// Makes every change whose condition holds, one statement each; `texts` are the values of the puts.
/// On an error the caller undoes what was done.
pub(super) fn batch(
    connection: &Connection,
    batch: &[Write],
    texts: &[Option<String>],
) -> Result<Vec<Option<Version>>, Failure> {
    let mut versions = Vec::with_capacity(batch.len());
    for (write, text) in batch.iter().zip(texts) {
        let version = text.as_ref().map(|_| Version::fresh()).transpose()?;
        let row = Row { connection, write, version, text: text.as_deref() };
        let happened = match (&write.change, write.condition) {
            (Change::Put(_), condition) => row.put(condition)?,
            (Change::Delete, Condition::VersionIs(version)) => row.delete_version(version)?,
            (Change::Delete, Condition::Any) => row.delete()?,
            (_, condition) => row.check(condition)?,
        };
        if !happened {
            return Err(Error::from(ConditionFailed { key: write.key.clone() }).into());
        }
        versions.push(version);
    }
    Ok(versions)
}

/// One entry of a batch; its methods say whether the condition held.
struct Row<'a> {
    connection: &'a Connection,
    write: &'a Write,
    version: Option<Version>,
    text: Option<&'a str>,
}

impl Row<'_> {
    fn put(&self, condition: Condition) -> rusqlite::Result<bool> {
        let Write { key: Key { partition, sort }, expires, .. } = self.write;
        let (version, text) = (self.version.map(stored), self.text);
        let expires = expires.map(whole_seconds);
        let row: [&dyn ToSql; 5] = [partition, sort, &version, &text, &expires];
        let expected;
        let (sql, condition): (_, &[&dyn ToSql]) = match condition {
            Condition::Any => (
                "INSERT INTO record (partition, sort, version, value, expires)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE
                 SET version = excluded.version, value = excluded.value, expires = excluded.expires",
                &[],
            ),
            Condition::Absent => (
                "INSERT INTO record (partition, sort, version, value, expires)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                &[],
            ),
            Condition::VersionIs(version) => {
                expected = stored(version);
                (
                    "UPDATE record SET version = ?3, value = ?4, expires = ?5
                     WHERE partition = ?1 AND sort = ?2 AND version = ?6",
                    &[&expected],
                )
            }
        };
        let parameters = rusqlite::params_from_iter(row.iter().chain(condition));
        Ok(self.connection.prepare_cached(sql)?.execute(parameters)? == 1)
    }

    fn delete(&self) -> rusqlite::Result<bool> {
        let Key { partition, sort } = &self.write.key;
        let sql = "DELETE FROM record WHERE partition = ?1 AND sort = ?2";
        self.connection.prepare_cached(sql)?.execute((partition, sort)).map(|_| true)
    }

    fn delete_version(&self, version: Version) -> rusqlite::Result<bool> {
        let Key { partition, sort } = &self.write.key;
        let sql = "DELETE FROM record WHERE partition = ?1 AND sort = ?2 AND version = ?3";
        let parameters = (partition, sort, stored(version));
        Ok(self.connection.prepare_cached(sql)?.execute(parameters)? == 1)
    }

    fn check(&self, condition: Condition) -> rusqlite::Result<bool> {
        let Key { partition, sort } = &self.write.key;
        let sql = "SELECT version FROM record WHERE partition = ?1 AND sort = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((partition, sort))?;
        let found: Option<[u8; 16]> = rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(match condition {
            Condition::Any => true,
            Condition::Absent => found.is_none(),
            Condition::VersionIs(version) => found == Some(stored(version)),
        })
    }
}

/// Drops rows that expired by `now`, in seconds since 1970. Returns whether there may be more.
pub(super) fn drop_expired(connection: &Connection, now: i64) -> Result<bool, Failure> {
    let sql = "DELETE FROM record WHERE (partition, sort) IN
               (SELECT partition, sort FROM record WHERE expires <= ?1 LIMIT ?2)";
    Ok(connection.prepare_cached(sql)?.execute((now, PURGE))? == usize::from(PURGE))
}

fn stored(version: Version) -> [u8; 16] {
    version.to_bits().to_be_bytes()
}
