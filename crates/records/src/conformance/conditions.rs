//! Conditions hold or nothing happens, and versions never come back.

use super::*;
use crate::{Change, failed_key};
use std::collections::HashSet;

pub(super) async fn run(table: &Table) {
    a_change_happens_exactly_where_its_condition_holds(table).await;
    every_put_has_a_version_of_its_own(table).await;
    a_version_does_not_come_back_with_its_key(table).await;
}

/// What is known of a record when its condition is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Before {
    Absent,
    There,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    Any,
    Absent,
    Current,
    Old,
}

async fn a_change_happens_exactly_where_its_condition_holds(table: &Table) {
    let changes = [Change::Put(number(9)), Change::Delete, Change::Check];
    for before in [Before::Absent, Before::There] {
        for asked in [Asked::Any, Asked::Absent, Asked::Current, Asked::Old] {
            for change in &changes {
                if (asked == Asked::Any && *change == Change::Check)
                    || (before == Before::Absent && asked == Asked::Current)
                {
                    continue;
                }
                one_condition(table, before, asked, change).await;
            }
        }
    }
}

async fn one_condition(table: &Table, before: Before, asked: Asked, change: &Change) {
    let case = format!("{before:?} {asked:?} {change:?}");
    let key = table.key("conditions", &case);
    let old = table.put(&key, number(1)).await;
    let current = table.put(&key, number(2)).await;
    if before == Before::Absent {
        table.write(Write::delete(key.clone(), Condition::Any)).await.unwrap();
    }
    let condition = match asked {
        Asked::Any => Condition::Any,
        Asked::Absent => Condition::Absent,
        Asked::Current => Condition::VersionIs(current),
        Asked::Old => Condition::VersionIs(old),
    };
    let holds = match asked {
        Asked::Any => true,
        Asked::Absent => before == Before::Absent,
        Asked::Current => before == Before::There,
        Asked::Old => false,
    };
    let as_it_was = table.read(&key).await;
    assert_eq!(as_it_was.is_some(), before == Before::There, "{case}");
    let write = Write { key: key.clone(), condition, change: change.clone(), expires: None };
    let answer = table.write(write).await;
    let after = table.read(&key).await;
    if !holds {
        let error = answer.expect_err(&case);
        assert_eq!(error.kind(), ErrorKind::Conflict, "{case}");
        assert_eq!(failed_key(&error), Some(&key), "{case}");
        assert_eq!(failed_key(&error.context("said above")), Some(&key), "{case}");
        assert_eq!(after, as_it_was, "{case}");
        return;
    }
    let version = answer.expect(&case);
    match change {
        Change::Put(value) => {
            let after = after.expect(&case);
            assert_eq!((&after.value, Some(after.version)), (value, version), "{case}");
        }
        Change::Delete => assert_eq!((after, version), (None, None), "{case}"),
        Change::Check => assert_eq!((after, version), (as_it_was, None), "{case}"),
    }
}

async fn every_put_has_a_version_of_its_own(table: &Table) {
    let mut seen = HashSet::new();
    for n in 0..20 {
        // The same value under the same key as well as under others.
        let key = table.key("versions", if n % 2 == 0 { "same" } else { "other" });
        assert!(seen.insert(table.put(&key, number(0)).await));
    }
}

async fn a_version_does_not_come_back_with_its_key(table: &Table) {
    let key = table.key("again", "k");
    let first = table.put(&key, number(1)).await;
    let delete = Write::delete(key.clone(), Condition::VersionIs(first));
    table.write(delete.clone()).await.unwrap();
    table.put(&key, number(1)).await;
    assert_eq!(kind(table.write(delete).await), ErrorKind::Conflict);
    assert!(table.read(&key).await.is_some());
}
