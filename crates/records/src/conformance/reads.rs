//! What is put is read, by key, by many keys, and by a scan of everything.

use super::*;
use crate::{MAX_BATCH, Shard};
use model::Timestamp;
use std::{collections::BTreeSet, time::Duration};

pub(super) async fn run(table: &Table) {
    values_come_back_as_they_were_put(table).await;
    many_come_in_the_order_of_their_keys(table).await;
    a_row_that_may_expire_is_there_until_then(table).await;
    the_shards_of_a_scan_hold_every_record_once(table).await;
}

async fn values_come_back_as_they_were_put(table: &Table) {
    let values = [
        json!({}),
        json!({ "v": 1, "text": "", "list": [], "map": {} }),
        json!({ "null": null, "yes": true, "no": false }),
        json!({ "max": u64::MAX, "min": i64::MIN, "half": 0.5, "small": -1.25e-3 }),
        json!({ "ключ": "значение \u{1f980} \u{0}\n\"\\", "nested": [[{ "a": [1, "b", null] }]] }),
    ];
    for (n, value) in values.into_iter().enumerate() {
        // Keys too are any text without control characters.
        let key = table.key("values", &format!("{n} \u{e9}\u{1f980}%_'\"\\"));
        assert_eq!(table.read(&key).await, None);
        let version = table.put(&key, value.clone()).await;
        let record = Record { key: key.clone(), version, value, expires: None };
        assert_eq!(table.read(&key).await, Some(record));
    }
}

async fn many_come_in_the_order_of_their_keys(table: &Table) {
    let count = MAX_BATCH + 50;
    let keys: Vec<Key> = (0..count).map(|n| table.key("many", &format!("{n:04}"))).collect();
    for (n, key) in keys.iter().enumerate().filter(|(n, _)| n % 2 == 0) {
        table.put(key, number(n)).await;
    }
    let mut asked: Vec<Key> = keys.iter().rev().cloned().collect();
    asked.push(keys[0].clone());
    let answer = table.other().get_many(&asked, Consistency::Strong).await.unwrap();
    assert_eq!(answer.len(), asked.len());
    for (n, (key, record)) in asked.iter().zip(answer).enumerate() {
        let number_of = if n == count { 0 } else { count - 1 - n };
        assert_eq!(record.is_some(), number_of % 2 == 0, "{key}");
        assert!(record.is_none_or(|r| r.key == *key && r.value == number(number_of)));
    }
    let none = table.other().get_many(&[], Consistency::Strong).await.unwrap();
    assert!(none.is_empty());
}

async fn a_row_that_may_expire_is_there_until_then(table: &Table) {
    let at = Timestamp::now() + Duration::from_millis(3_600_500);
    let key = table.key("expires", "later");
    let write = Write::put(key.clone(), Condition::Absent, number(1)).expires(at);
    table.write(write.clone()).await.unwrap();
    let kept = table.read(&key).await.unwrap().expires.unwrap();
    // Stores may keep whole seconds; they never round down.
    assert!(kept >= at && kept <= at + Duration::from_secs(1), "{at} was kept as {kept}");
    assert_eq!(kind(table.write(write).await), ErrorKind::Conflict);
    // A put without a time takes it away.
    table.put(&key, number(2)).await;
    assert_eq!(table.read(&key).await.unwrap().expires, None);
}

async fn the_shards_of_a_scan_hold_every_record_once(table: &Table) {
    let keys: BTreeSet<Key> =
        (0..40).map(|n| table.key(&format!("scan{}", n % 8), &format!("{n:02}"))).collect();
    for key in &keys {
        table.put(key, number(0)).await;
    }
    let mut found = Vec::new();
    for index in 0..3 {
        let (mut cursor, mut pages) = (None, 0);
        loop {
            let page = table.other().scan(Shard { index, of: 3 }, cursor).await.unwrap();
            found.extend(page.records.into_iter().map(|r| r.key).filter(|key| keys.contains(key)));
            pages += 1;
            assert!(pages <= 100_000, "the scan does not end");
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    found.sort();
    assert_eq!(found, keys.into_iter().collect::<Vec<_>>());
}
