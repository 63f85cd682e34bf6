//! Listings: every name once, in the order of bytes.

use super::*;
use crate::MAX_LIST;

pub(super) async fn run(place: &Place) {
    names_are_in_byte_order_whatever_they_are_made_of(place).await;
    a_prefix_is_any_text(place).await;
    a_cursor_outlives_what_it_stands_at(place).await;
    limits_are_checked(place).await;
}

/// In the order of bytes, in which `-` and `.` come before `/`, and digits after.
const NAMES: [&str; 12] =
    ["A", "a-", "a-b/x", "a.b", "a/0", "a/b-c", "a/b.c/y", "a/b/c", "a/b/d/e", "a0", "a_/z", "b"];

async fn put_names(place: &Place, case: &str) {
    let mut names = NAMES;
    names.rotate_left(5);
    names.swap(1, 8);
    let batch = names.map(|name| place.put(&format!("{case}/{name}"), name));
    place.store().put_all(batch.to_vec()).await.unwrap();
}

async fn names_are_in_byte_order_whatever_they_are_made_of(place: &Place) {
    put_names(place, "order").await;
    let expected = NAMES.map(|name| place.name(&format!("order/{name}")));
    assert!(expected.is_sorted());
    for limit in [1, 2, 5, NAMES.len(), MAX_LIST] {
        assert_eq!(place.list_by("order/", limit).await, expected, "pages of {limit}");
    }
    let page =
        place.other().list(&format!("{}order/", place.prefix()), None, MAX_LIST).await.unwrap();
    for (object, name) in page.objects.into_iter().zip(NAMES) {
        let alone = place.other().head(&object.name).await.unwrap();
        assert_eq!((object.len, &alone), (name.len() as u64, &object));
    }
}

async fn a_prefix_is_any_text(place: &Place) {
    put_names(place, "prefix").await;
    for prefix in ["", "a", "a/", "a/b", "a/b/", "a/b/d/e", "a/b/d/e/", "a-", "c", "a/b.c/y", "A/"]
    {
        let expected: Vec<ObjectName> = NAMES
            .iter()
            .filter(|name| name.starts_with(prefix))
            .map(|name| place.name(&format!("prefix/{name}")))
            .collect();
        for limit in [2, MAX_LIST] {
            let listed = place.list_by(&format!("prefix/{prefix}"), limit).await;
            assert_eq!(listed, expected, "{prefix:?}");
        }
    }
    let strange = place.other().list("no such/../thing\0", None, 10).await.unwrap();
    assert!(strange.objects.is_empty() && strange.cursor.is_none());
}

async fn a_cursor_outlives_what_it_stands_at(place: &Place) {
    put_names(place, "cursor").await;
    let prefix = format!("{}cursor/", place.prefix());
    let first = place.store().list(&prefix, None, 4).await.unwrap();
    let mut seen: Vec<ObjectName> = first.objects.into_iter().map(|o| o.name).collect();
    assert!((1..=4).contains(&seen.len()));
    place.store().delete_all(&seen).await.unwrap();
    place.create("cursor/0", "behind the reader's back").await;
    let mut cursor = first.cursor;
    while let Some(at) = cursor {
        let page = place.other().list(&prefix, Some(at), 4).await.unwrap();
        seen.extend(page.objects.into_iter().map(|object| object.name));
        cursor = page.cursor;
    }
    assert_eq!(seen, NAMES.map(|name| place.name(&format!("cursor/{name}"))));
}

async fn limits_are_checked(place: &Place) {
    for limit in [0, MAX_LIST + 1] {
        assert_eq!(kind(place.other().list("", None, limit).await), ErrorKind::Invalid);
    }
}
