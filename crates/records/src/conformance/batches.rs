//! A batch happens entirely or not at all.

use super::*;
use crate::{MAX_BATCH, failed_key};

pub(super) async fn run(table: &Table) {
    a_full_batch_happens_at_once(table).await;
    one_condition_that_fails_stops_all(table).await;
    the_first_key_that_failed_is_named(table).await;
    a_check_guards_what_it_does_not_touch(table).await;
}

async fn a_full_batch_happens_at_once(table: &Table) {
    // Over two partitions: a batch is not bound to one.
    let key = |n: usize| table.key(&format!("full{}", n % 2), &format!("{n:03}"));
    let puts = (0..MAX_BATCH).map(|n| Write::put(key(n), Condition::Absent, number(n))).collect();
    let versions = table.store().write(puts).await.unwrap();
    assert_eq!(versions.len(), MAX_BATCH);
    for (n, version) in versions.iter().enumerate() {
        let record = table.read(&key(n)).await.unwrap();
        assert_eq!((record.value, Some(record.version)), (number(n), *version));
    }
    let mixed = (0..MAX_BATCH).map(|n| match n % 3 {
        0 => Write::delete(key(n), Condition::VersionIs(versions[n].unwrap())),
        1 => Write::put(key(n), Condition::VersionIs(versions[n].unwrap()), number(n + 1000)),
        _ => Write::check(key(n), Condition::VersionIs(versions[n].unwrap())),
    });
    let answer = table.store().write(mixed.collect()).await.unwrap();
    for (n, version) in answer.into_iter().enumerate() {
        let record = table.read(&key(n)).await;
        match n % 3 {
            0 => assert!(record.is_none() && version.is_none()),
            1 => assert!(record.is_some_and(|r| Some(r.version) == version)),
            _ => assert!(record.map(|r| r.version) == versions[n] && version.is_none()),
        }
    }
}

async fn one_condition_that_fails_stops_all(table: &Table) {
    let key = |n: usize| table.key("stopped", &format!("{n:03}"));
    let kept = table.put(&key(0), number(0)).await;
    for failing in [1, MAX_BATCH / 2, MAX_BATCH - 1] {
        let batch = (0..MAX_BATCH).map(|n| match n {
            0 => Write::delete(key(0), Condition::VersionIs(kept)),
            n if n == failing => Write::check(key(n), Condition::VersionIs(kept)),
            n => Write::put(key(n), Condition::Absent, number(n)),
        });
        let error = table.store().write(batch.collect()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(failed_key(&error), Some(&key(failing)));
        let left = table.sorts(Query::partition(table.partition("stopped"))).await;
        assert_eq!(left, ["000"], "a batch whose entry {failing} failed left something behind");
    }
}

async fn the_first_key_that_failed_is_named(table: &Table) {
    let key = |sort| table.key("first", sort);
    let put = |sort| Write::put(key(sort), Condition::Absent, number(0));
    table.store().write(vec![put("b"), put("c")]).await.unwrap();
    let error = table.store().write(vec![put("a"), put("c"), put("b")]).await.unwrap_err();
    assert_eq!(failed_key(&error), Some(&key("c")));
}

async fn a_check_guards_what_it_does_not_touch(table: &Table) {
    let (guard, guarded) = (table.key("guard", "upload"), table.key("guard", "block"));
    let epoch = table.put(&guard, number(1)).await;
    let write = || {
        vec![
            Write::check(guard.clone(), Condition::VersionIs(epoch)),
            Write::put(guarded.clone(), Condition::Any, number(2)),
        ]
    };
    table.store().write(write()).await.unwrap();
    assert_eq!(table.read(&guard).await.unwrap().version, epoch);
    let before = table.read(&guarded).await;
    table.put(&guard, number(2)).await;
    assert_eq!(kind(table.store().write(write()).await), ErrorKind::Conflict);
    assert_eq!(table.read(&guarded).await, before);
}
