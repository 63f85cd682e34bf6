//! Ranges, and what is not there.

use super::*;

pub(super) async fn run(place: &Place) {
    a_range_ends_at_the_objects_end(place).await;
    a_range_of_a_large_object_is_exact(place).await;
    what_is_not_there_is_not_found(place).await;
}

async fn a_range_ends_at_the_objects_end(place: &Place) {
    place.create("range/ten", "0123456789").await;
    place.create("range/none", "").await;
    let none = Err(ErrorKind::RangeNotSatisfiable);
    let cases = [
        ("ten", (0, 10), Ok("0123456789")),
        ("ten", (0, 3), Ok("012")),
        ("ten", (4, 6), Ok("45")),
        ("ten", (9, 10), Ok("9")),
        ("ten", (7, 100), Ok("789")),
        ("ten", (0, u64::MAX), Ok("0123456789")),
        ("ten", (3, 3), none),
        ("ten", (10, 11), none),
        ("ten", (u64::MAX - 1, u64::MAX), none),
        ("none", (0, 1), none),
    ];
    for (name, (start, end), expected) in cases {
        let name = place.name(&format!("range/{name}"));
        let answer = place.other().get(&name, Some(ByteRange::new(start, end))).await;
        let answer = answer.map_err(|error| error.kind());
        assert_eq!(answer, expected.map(Bytes::from), "{start}..{end} of {name}");
    }
}

async fn a_range_of_a_large_object_is_exact(place: &Place) {
    let bytes = bytes_of(5 << 20, 5);
    place.create("range/large", bytes.clone()).await;
    for (start, end) in [(0, 1), (4095, 4097), ((1 << 20) - 1, (3 << 20) + 1), (5 << 19, 5 << 20)] {
        let range = ByteRange::new(start as u64, end as u64);
        let read = place.other().get(&place.name("range/large"), Some(range)).await.unwrap();
        assert!(read == bytes[start..end], "{start}..{end}");
    }
}

async fn what_is_not_there_is_not_found(place: &Place) {
    place.create("absent/dir/object", "x").await;
    // Above, beside and below what is there.
    for name in ["absent", "absent/dir", "absent/dir/other", "absent/dir/object/below"] {
        place.is_absent(name).await;
        let range = Some(ByteRange::new(0, 1));
        let answer = place.other().get(&place.name(name), range).await;
        assert_eq!(kind(answer), ErrorKind::NotFound, "{name}");
    }
}
