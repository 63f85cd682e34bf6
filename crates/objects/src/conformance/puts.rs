//! Batches, deletions, and what is refused.

use super::*;
use crate::{MAX_LIST, MAX_PUT_ALL};

pub(super) async fn run(place: &Place) {
    what_is_put_is_read_exactly(place).await;
    a_name_is_used_once(place).await;
    a_long_batch_is_stored_in_one_call(place).await;
    senseless_batches_are_refused_entirely(place).await;
    what_is_deleted_is_gone(place).await;
}

async fn what_is_put_is_read_exactly(place: &Place) {
    let lens = [0, 1, 4095, 4096, 4097, (1 << 20) + 1, 3 << 20];
    let objects: Vec<(String, Bytes)> = lens
        .iter()
        .enumerate()
        .map(|(n, &len)| (format!("exact/{n}/dir.d/of-{len}_bytes"), bytes_of(len, n as u64)))
        .collect();
    let batch = objects.iter().map(|(name, bytes)| place.put(name, bytes.clone())).collect();
    let outcomes = place.store().put_all(batch).await.unwrap();
    assert_eq!(outcomes, [Outcome::Created; 7]);
    for (name, bytes) in objects {
        assert!(place.read(&name).await.unwrap() == bytes, "{name} is not what was put");
        let info = place.other().head(&place.name(&name)).await.unwrap();
        assert_eq!((info.len, info.name), (bytes.len() as u64, place.name(&name)));
    }
    assert_eq!(place.store().put_all(Vec::new()).await.unwrap(), []);
}

async fn a_name_is_used_once(place: &Place) {
    place.create("once/there", "first").await;
    let batch = ["new", "there", "newer"].map(|n| place.put(&format!("once/{n}"), "second"));
    let outcomes = place.other().put_all(batch.to_vec()).await.unwrap();
    assert_eq!(outcomes, [Outcome::Created, Outcome::Existed, Outcome::Created]);
    assert_eq!(place.read("once/there").await.unwrap(), "first");
    let again = place.store().put_all(batch.to_vec()).await.unwrap();
    assert_eq!(again, [Outcome::Existed; 3]);
    assert_eq!(place.read("once/new").await.unwrap(), "second");
}

async fn a_long_batch_is_stored_in_one_call(place: &Place) {
    let name = |n: usize| format!("long/{:02x}/{n}", n % 40);
    let batch: Vec<Put> = (0..150).map(|n| place.put(&name(n), format!("object {n}"))).collect();
    let outcomes = place.store().put_all(batch).await.unwrap();
    assert_eq!(outcomes, [Outcome::Created; 150]);
    for n in 0..150 {
        assert_eq!(place.read(&name(n)).await.unwrap(), format!("object {n}"));
    }
}

async fn senseless_batches_are_refused_entirely(place: &Place) {
    let put = |n: usize| place.put(&format!("senseless/{n}"), "x");
    let too_many = (0..=MAX_PUT_ALL).map(put).collect();
    for batch in [too_many, vec![put(1), put(2), put(1)]] {
        assert_eq!(kind(place.store().put_all(batch).await), ErrorKind::Invalid);
    }
    assert!(place.list("senseless/").await.is_empty());
    let names = vec![place.name("x"); MAX_LIST + 1];
    assert_eq!(kind(place.store().delete_all(&names).await), ErrorKind::Invalid);
}

async fn what_is_deleted_is_gone(place: &Place) {
    for name in ["gone/a", "gone/b", "gone/kept"] {
        place.create(name, "x").await;
    }
    let names = ["gone/a", "gone/absent", "elsewhere/absent", "gone/b"].map(|n| place.name(n));
    place.store().delete_all(&names).await.unwrap();
    for name in ["gone/a", "gone/b", "gone/absent"] {
        place.is_absent(name).await;
    }
    assert_eq!(place.read("gone/kept").await.unwrap(), "x");
    // Once more, and what never was, and what only looks like an object.
    place.other().delete_all(&names).await.unwrap();
    place.other().delete(&place.name("gone")).await.unwrap();
    place.other().delete(&place.name("gone/kept/below")).await.unwrap();
    place.other().delete_all(&[]).await.unwrap();
    assert_eq!(place.read("gone/kept").await.unwrap(), "x");
    place.other().delete(&place.name("gone/kept")).await.unwrap();
    place.is_absent("gone/kept").await;
}
