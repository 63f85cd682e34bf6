//! What happens to the two tables, `job` and `dead`.
//!
//! A delivery is known by the job's id and how often it was delivered: the next delivery raises that, so
//! a receipt fits one delivery only. Ids are never used again; a job that is redriven gets a new one.

use crate::{DeadId, DeadLetter, DeadPage, Delivery, Depth, Outgoing, Receipt};
use ::sqlite::Failure;
use model::{Error, ErrorKind, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};
use std::num::ParseIntError;

/// One delivery of one job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    id: i64,
    receives: u32,
}

pub(super) fn held(receipt: &Receipt) -> Result<Held> {
    pair(receipt.as_str())
        .map(|(id, receives)| Held { id, receives })
        .ok_or_else(|| Error::invalid("this receipt is of another queue"))
}

pub(super) fn dead_ids(ids: &[DeadId]) -> Result<Vec<i64>> {
    let number = |id: &DeadId| id.as_str().parse();
    let numbers = ids.iter().map(number).collect::<Result<_, _>>();
    numbers.map_err(|_: ParseIntError| Error::invalid("a dead letter's id is a number"))
}

/// Where a page of dead letters begins, behind a time of death and an id.
pub(super) fn after(cursor: Option<&str>) -> Result<(i64, i64)> {
    let Some(cursor) = cursor else { return Ok((i64::MIN, 0)) };
    pair(cursor)
        .ok_or_else(|| Error::invalid("this cursor belongs to another list; start without one"))
}

fn pair<A: std::str::FromStr, B: std::str::FromStr>(text: &str) -> Option<(A, B)> {
    let (a, b) = text.split_once('.')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

pub(super) fn send(connection: &Connection, jobs: &[Outgoing], now: i64) -> Result<(), Failure> {
    let sql = "INSERT INTO job (body, sent_at, visible_at, receives) VALUES (?1, ?2, ?3, 0)";
    let mut insert = connection.prepare_cached(sql)?;
    for job in jobs {
        insert.execute((&job.body, now, super::later(now, job.delay)))?;
    }
    Ok(())
}

/// When the next job becomes, or became, visible.
pub(super) fn next_visible(connection: &Connection) -> Result<Option<i64>, Failure> {
    let mut next = connection.prepare_cached("SELECT min(visible_at) FROM job")?;
    Ok(next.query_row([], |row| row.get(0))?)
}

/// Delivers up to `max` jobs, oldest first; those that were delivered `most` times die instead.
pub(super) fn take(
    connection: &Connection,
    max: usize,
    now: i64,
    hidden_until: i64,
    most: u32,
) -> Result<Vec<Delivery>, Failure> {
    let mut next = connection.prepare_cached(
        "SELECT id, receives, body, sent_at FROM job WHERE visible_at <= ?1
         ORDER BY visible_at, id LIMIT 1",
    )?;
    let mut hide = connection
        .prepare_cached("UPDATE job SET receives = receives + 1, visible_at = ?2 WHERE id = ?1")?;
    let mut taken = Vec::new();
    while taken.len() < max {
        let found = next
            .query_row([now], |row| {
                let held = Held { id: row.get(0)?, receives: row.get(1)? };
                Ok((held, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((Held { id, receives }, body, sent_at)) = found else { break };
        if receives >= most {
            kill(connection, id, now, None)?;
            continue;
        }
        hide.execute((id, hidden_until))?;
        let receives = receives + 1;
        let receipt = Receipt::from(format!("{id}.{receives}"));
        taken.push(Delivery { receipt, body, receives, sent_at: time(sent_at)? });
    }
    Ok(taken)
}

pub(super) fn extend(
    connection: &Connection,
    held: Held,
    now: i64,
    hidden_until: i64,
) -> Result<(), Failure> {
    let sql = "UPDATE job SET visible_at = ?4 WHERE id = ?1 AND receives = ?2 AND visible_at > ?3";
    let parameters = (held.id, held.receives, now, hidden_until);
    match connection.prepare_cached(sql)?.execute(parameters)? {
        0 => Err(lost().into()),
        _ => Ok(()),
    }
}

/// Undoes a [`take`], but for what somebody else has taken meanwhile: also one that never happened, as its
/// transaction failed, and after which another has the same number.
pub(super) fn give_back(
    connection: &Connection,
    taken: &[Delivery],
    now: i64,
    hidden_until: i64,
) -> Result<(), Failure> {
    let sql = "UPDATE job SET visible_at = ?3, receives = receives - 1
               WHERE id = ?1 AND receives = ?2 AND visible_at = ?4";
    let mut give_back = connection.prepare_cached(sql)?;
    for delivery in taken {
        let Held { id, receives } = held(&delivery.receipt)?;
        give_back.execute((id, receives, now, hidden_until))?;
    }
    Ok(())
}

pub(super) fn delete(connection: &Connection, held: Held) -> Result<(), Failure> {
    let sql = "DELETE FROM job WHERE id = ?1 AND receives = ?2";
    connection.prepare_cached(sql)?.execute((held.id, held.receives))?;
    Ok(())
}

pub(super) fn bury(
    connection: &Connection,
    held: Held,
    now: i64,
    reason: &str,
) -> Result<(), Failure> {
    let sql = "SELECT 1 FROM job WHERE id = ?1 AND receives = ?2 AND visible_at > ?3";
    let parameters = (held.id, held.receives, now);
    if !connection.prepare_cached(sql)?.exists(parameters)? {
        return Err(lost().into());
    }
    kill(connection, held.id, now, Some(reason))
}

/// Makes a job a dead letter.
fn kill(connection: &Connection, id: i64, now: i64, reason: Option<&str>) -> Result<(), Failure> {
    let sql = "INSERT INTO dead (id, body, reason, receives, sent_at, died_at)
               SELECT id, body, ?2, receives, sent_at, ?3 FROM job WHERE id = ?1";
    connection.prepare_cached(sql)?.execute((id, reason, now))?;
    connection.prepare_cached("DELETE FROM job WHERE id = ?1")?.execute([id])?;
    Ok(())
}

pub(super) fn dead_letters(
    connection: &Connection,
    after: (i64, i64),
    limit: usize,
) -> Result<DeadPage, Failure> {
    let mut dead = connection.prepare_cached(
        "SELECT id, body, reason, receives, sent_at, died_at FROM dead
         WHERE (died_at, id) > (?1, ?2) ORDER BY died_at, id LIMIT ?3",
    )?;
    let one_more = i64::try_from(limit).map_or(i64::MAX, |limit| limit + 1);
    let mut rows = dead.query((after.0, after.1, one_more))?;
    let (mut letters, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        if letters.len() == limit {
            return Ok(DeadPage { letters, cursor: last, is_whole: true });
        }
        let (id, died_at): (i64, i64) = (row.get(0)?, row.get(5)?);
        last = Some(format!("{died_at}.{id}"));
        letters.push(letter(id, died_at, row)?);
    }
    Ok(DeadPage { letters, cursor: None, is_whole: true })
}

fn letter(id: i64, died_at: i64, row: &Row<'_>) -> Result<DeadLetter, Failure> {
    // A letter with an impossible time is shown all the same: in an error it would hide the others.
    let (sent_at, died_at) = (time(row.get(4)?), time(died_at));
    let unreadable = sent_at.as_ref().err().or(died_at.as_ref().err()).map(Error::chain);
    Ok(DeadLetter {
        id: DeadId::from(id.to_string()),
        body: row.get(1)?,
        reason: unreadable.or(row.get(2)?),
        receives: row.get(3)?,
        sent_at: sent_at.unwrap_or(Timestamp::UNIX_EPOCH),
        died_at: died_at.unwrap_or(Timestamp::UNIX_EPOCH),
    })
}

/// Whether it was there.
pub(super) fn redrive(connection: &Connection, id: i64, now: i64) -> Result<bool, Failure> {
    let sql = "INSERT INTO job (body, sent_at, visible_at, receives)
               SELECT body, ?2, ?2, 0 FROM dead WHERE id = ?1";
    connection.prepare_cached(sql)?.execute((id, now))?;
    discard(connection, id)
}

/// Whether it was there.
pub(super) fn discard(connection: &Connection, id: i64) -> Result<bool, Failure> {
    Ok(connection.prepare_cached("DELETE FROM dead WHERE id = ?1")?.execute([id])? > 0)
}

pub(super) fn depth(connection: &Connection, now: i64) -> Result<Depth, Failure> {
    let mut counts = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE visible_at <= ?1),
                count(*) FILTER (WHERE visible_at > ?1 AND receives = 0),
                count(*) FILTER (WHERE visible_at > ?1 AND receives > 0),
                (SELECT count(*) FROM dead) FROM job",
    )?;
    let count = |row: &Row<'_>, n| row.get::<_, i64>(n).map(|count| count.unsigned_abs());
    Ok(counts.query_row([now], |row| {
        Ok(Depth {
            waiting: count(row, 0)?,
            delayed: count(row, 1)?,
            in_flight: count(row, 2)?,
            dead: count(row, 3)?,
        })
    })?)
}

fn time(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|error| {
        Error::with_source(ErrorKind::Internal, "a stored job has an impossible time", error)
    })
}

fn lost() -> Error {
    Error::conflict("the job is not held any more: it took too long, or somebody finished it")
}
