//! Partitions are read in order, by range and prefix, page by page, while others write.

use super::*;
use crate::{Direction, MAX_PAGE};

pub(super) async fn run(table: &Table) {
    sort_keys_are_in_byte_order_both_ways(table).await;
    a_range_begins_with_its_first_and_ends_before_its_last(table).await;
    pages_of_every_size_hold_each_record_once(table).await;
    large_values_make_short_pages_and_none_is_lost(table).await;
    a_cursor_outlives_what_it_stands_at(table).await;
    queries_that_make_no_sense_are_refused(table).await;
}

async fn fill(table: &Table, case: &str, sorts: &[&str]) {
    for sort in sorts {
        table.put(&table.key(case, sort), number(0)).await;
    }
}

async fn sort_keys_are_in_byte_order_both_ways(table: &Table) {
    // By bytes of UTF-8: neither by language nor by UTF-16, where the last two would change places.
    let sorts =
        ["!", "#", "#1", "#10", "#2", "A", "Z", "a", "b", "~", "\u{e9}", "\u{ffee}", "\u{1f980}"];
    let mut shuffled = sorts;
    shuffled.rotate_left(5);
    shuffled.swap(0, 7);
    fill(table, "order", &shuffled).await;
    // Neighbours that must not be found.
    fill(table, "order2", &["a"]).await;
    fill(table, "orde", &["a"]).await;
    let all = Query::partition(table.partition("order"));
    assert_eq!(table.sorts(all.clone()).await, sorts);
    let down = table.sorts(all.direction(Direction::Descending)).await;
    assert!(down.iter().rev().eq(sorts.iter()));
    assert!(table.sorts(Query::partition(table.partition("nothing"))).await.is_empty());
}

async fn a_range_begins_with_its_first_and_ends_before_its_last(table: &Table) {
    let sorts = ["a", "b", "b#1", "b#2", "b\u{10ffff}z", "c", "d"];
    fill(table, "range", &sorts).await;
    let partition = table.partition("range");
    let cases: [(Query, &[&str]); 9] = [
        (Query::range(&partition, "b", "c"), &sorts[1..5]),
        (Query::range(&partition, "", "b"), &sorts[..1]),
        (Query::range(&partition, "b#1", "b#1\u{1}"), &sorts[2..3]),
        (Query::range(&partition, "b#15", "zzz"), &sorts[3..]),
        (Query::range(&partition, "c", "c"), &[]),
        (Query::range(&partition, "d", "a"), &[]),
        (Query::prefix(&partition, "b"), &sorts[1..5]),
        (Query::prefix(&partition, "b#"), &sorts[2..4]),
        (Query::prefix(&partition, ""), &sorts),
    ];
    for (query, expected) in cases {
        for limit in [1, 100] {
            let query = query.clone().limit(limit);
            assert_eq!(table.sorts(query.clone()).await, expected, "{query:?}");
            let down = table.sorts(query.clone().direction(Direction::Descending)).await;
            assert!(down.iter().rev().eq(expected.iter()), "{query:?} gave {down:?}");
        }
    }
}

async fn pages_of_every_size_hold_each_record_once(table: &Table) {
    let sorts: Vec<String> = (0..250).map(|n| format!("{n:03}")).collect();
    for lot in sorts.chunks(100) {
        let puts = lot
            .iter()
            .map(|sort| Write::put(table.key("pages", sort), Condition::Absent, number(0)));
        table.store().write(puts.collect()).await.unwrap();
    }
    for limit in [1, 7, 125, 250, MAX_PAGE] {
        let query = Query::prefix(table.partition("pages"), "").limit(limit);
        assert_eq!(table.sorts(query.clone()).await, sorts, "pages of {limit}");
        let down = table.sorts(query.direction(Direction::Descending)).await;
        assert!(down.iter().rev().eq(sorts.iter()), "pages of {limit}, downwards");
    }
}

async fn large_values_make_short_pages_and_none_is_lost(table: &Table) {
    let big = json!({ "text": "x".repeat(100 << 10) });
    for n in 0..25 {
        table.put(&table.key("big", &format!("{n:02}")), big.clone()).await;
    }
    let query = Query::partition(table.partition("big")).limit(MAX_PAGE);
    let (records, pages) = table.walk(query).await;
    assert_eq!(records.len(), 25);
    assert!(records.iter().all(|record| record.value == big));
    assert!(pages >= 2, "2.5 MB came in one page: a page's memory must be bounded");
}

async fn a_cursor_outlives_what_it_stands_at(table: &Table) {
    for direction in [Direction::Ascending, Direction::Descending] {
        let case = format!("cursor{direction:?}");
        fill(table, &case, &["b", "d", "f", "h", "j"]).await;
        let mut expected = vec!["b", "d", "f", "h", "j"];
        if direction == Direction::Descending {
            expected.reverse();
        }
        let query = Query::partition(table.partition(&case))
            .direction(direction)
            .consistency(Consistency::Strong)
            .limit(2);
        let first = table.store().query(query.clone()).await.unwrap();
        assert!(!first.records.is_empty() && first.records.len() <= 2);
        let mut seen: Vec<String> = first.records.into_iter().map(|r| r.key.sort).collect();
        // What was returned goes, and something comes behind the reader's back.
        for sort in &seen {
            let delete = Write::delete(table.key(&case, sort), Condition::Any);
            table.write(delete).await.unwrap();
        }
        let behind = if direction == Direction::Ascending { "a" } else { "k" };
        fill(table, &case, &[behind]).await;
        let mut cursor = first.cursor;
        while let Some(at) = cursor {
            let page = table.other().query(query.clone().cursor(Some(at))).await.unwrap();
            seen.extend(page.records.into_iter().map(|r| r.key.sort));
            cursor = page.cursor;
        }
        assert_eq!(seen, expected);
    }
}

async fn queries_that_make_no_sense_are_refused(table: &Table) {
    let partition = table.partition("pages");
    let queries = [
        Query::partition(&partition).limit(0),
        Query::partition(&partition).limit(MAX_PAGE + 1),
        Query::partition(""),
        Query::partition("a\0"),
    ];
    for query in queries {
        assert_eq!(kind(table.other().query(query.clone()).await), ErrorKind::Invalid, "{query:?}");
    }
    let page = table.other().query(Query::partition(&partition).limit(1)).await.unwrap();
    let elsewhere = Query::prefix(&partition, "2").cursor(page.cursor);
    assert_eq!(kind(table.other().query(elsewhere).await), ErrorKind::Invalid);
}
