//! What is too large, empty or senseless is refused alike by every back end.

use super::*;
use crate::{MAX_BATCH, MAX_BATCH_BYTES, MAX_GET, MAX_SORT_LEN, MAX_VALUE_BYTES, Shard};
use model::Timestamp;

pub(super) async fn run(table: &Table) {
    senseless_batches_are_invalid(table).await;
    values_have_a_largest_size(table).await;
    keys_have_a_form(table).await;
    reads_have_bounds(table).await;
}

fn text_of(len: usize) -> Value {
    let frame = json!({ "text": "" }).to_string().len();
    json!({ "text": "x".repeat(len - frame) })
}

async fn senseless_batches_are_invalid(table: &Table) {
    let key = |n: usize| table.key("senseless", &n.to_string());
    let put = |n| Write::put(key(n), Condition::Any, number(n));
    let now = Timestamp::now();
    let batches = [
        vec![],
        (0..=MAX_BATCH).map(put).collect(),
        vec![put(1), put(2), put(1)],
        vec![put(1), Write::check(key(1), Condition::Absent)],
        vec![put(1), Write::check(key(2), Condition::Any)],
        vec![put(1), Write::delete(key(2), Condition::Any).expires(now)],
        vec![put(1), Write::put(key(2), Condition::Any, json!("text"))],
        vec![put(1), Write::put(key(2), Condition::Any, json!([1]))],
        vec![put(1), Write::put(key(2), Condition::Any, Value::Null)],
    ];
    for batch in batches {
        let said = format!("{:.200}", format!("{batch:?}"));
        assert_eq!(kind(table.store().write(batch).await), ErrorKind::Invalid, "{said}");
    }
    let left = table.sorts(Query::partition(table.partition("senseless"))).await;
    assert!(left.is_empty(), "a batch that was refused left {left:?}");
}

async fn values_have_a_largest_size(table: &Table) {
    let key = |n: usize| table.key("sizes", &n.to_string());
    let largest = text_of(MAX_VALUE_BYTES);
    table.put(&key(0), largest.clone()).await;
    assert_eq!(table.read(&key(0)).await.unwrap().value, largest);
    let over = Write::put(key(1), Condition::Any, text_of(MAX_VALUE_BYTES + 1));
    assert_eq!(kind(table.write(over).await), ErrorKind::TooLarge);
    let parts = MAX_BATCH_BYTES / MAX_VALUE_BYTES;
    let batch = |parts| -> Vec<Write> {
        (0..parts).map(|n| Write::put(key(n), Condition::Any, largest.clone())).collect()
    };
    table.store().write(batch(parts)).await.unwrap();
    assert_eq!(kind(table.store().write(batch(parts + 1)).await), ErrorKind::TooLarge);
}

async fn keys_have_a_form(table: &Table) {
    let partition = table.partition("keys");
    let longest = Key::new(&partition, "s".repeat(MAX_SORT_LEN));
    table.put(&longest, number(1)).await;
    assert!(table.read(&longest).await.is_some());
    let bad = [
        Key::new("", "s"),
        Key::new(&partition, ""),
        Key::new(&partition, "s".repeat(MAX_SORT_LEN + 1)),
        Key::new("p".repeat(crate::MAX_PARTITION_LEN + 1), "s"),
        Key::new(&partition, "a\nb"),
        Key::new("a\0b", "s"),
    ];
    for key in bad {
        let put = Write::put(key.clone(), Condition::Any, number(1));
        assert_eq!(kind(table.write(put).await), ErrorKind::Invalid, "{key:?}");
        let get = table.other().get(&key, Consistency::Strong).await;
        assert_eq!(kind(get), ErrorKind::Invalid, "{key:?}");
        let get = table.other().get_many(&[longest.clone(), key], Consistency::Strong).await;
        assert_eq!(kind(get), ErrorKind::Invalid);
    }
}

async fn reads_have_bounds(table: &Table) {
    let keys = vec![table.key("bounds", "k"); MAX_GET + 1];
    let many = table.other().get_many(&keys, Consistency::Strong).await;
    assert_eq!(kind(many), ErrorKind::Invalid);
    let most = table.other().get_many(&keys[1..], Consistency::Strong).await.unwrap();
    assert_eq!(most.len(), MAX_GET);
    for shard in [Shard { index: 0, of: 0 }, Shard { index: 3, of: 3 }] {
        assert_eq!(kind(table.other().scan(shard, None).await), ErrorKind::Invalid);
    }
    let strange = table.other().scan(Shard::ALL, Some("elsewhere".into())).await;
    assert_eq!(kind(strange), ErrorKind::Invalid);
}
