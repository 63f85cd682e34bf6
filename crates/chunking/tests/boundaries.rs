//! What boundaries promise, for any bytes.

#![allow(clippy::cast_possible_truncation, reason = "small numbers, made here")]

use chunking::{Chunker, Profile};
use proptest::prelude::*;

fn small() -> Profile {
    Profile::new(64, 256, 1024).expect("a profile")
}

/// Lengths of the blocks of `bytes`, given to the search in pieces of the `cuts` lengths, over and over.
fn lengths(profile: Profile, bytes: &[u8], cuts: &[usize]) -> Vec<usize> {
    let mut chunker = Chunker::new(profile);
    let (mut found, mut last, mut at) = (Vec::new(), 0, 0);
    let mut cuts = cuts.iter().cycle();
    while at < bytes.len() {
        let end = bytes.len().min(at + cuts.next().expect("some cut"));
        while at < end {
            match chunker.next_boundary(&bytes[at..end]) {
                Some(n) => {
                    assert!(n >= 1 && at + n <= end);
                    at += n;
                    found.push(at - last);
                    last = at;
                }
                None => at = end,
            }
            assert_eq!(chunker.pending() as usize, at - last);
        }
    }
    found.extend((at > last).then_some(at - last));
    found
}

/// Bytes with runs, repeats and noise: where a boundary search goes wrong.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3000),
        (any::<u8>(), 0_usize..3000).prop_map(|(byte, n)| vec![byte; n]),
        (prop::collection::vec(any::<u8>(), 1..40), 0_usize..80)
            .prop_map(|(word, n)| word.repeat(n)),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn boundaries_do_not_depend_on_how_the_stream_was_cut(
        bytes in streams(), cuts in prop::collection::vec(1_usize..900, 1..8)
    ) {
        prop_assert_eq!(lengths(small(), &bytes, &cuts), lengths(small(), &bytes, &[usize::MAX >> 1]));
    }

    #[test]
    fn blocks_are_the_stream_and_keep_to_the_profile(bytes in streams()) {
        let found = lengths(small(), &bytes, &[usize::MAX >> 1]);
        prop_assert_eq!(found.iter().sum::<usize>(), bytes.len());
        if let Some((last, others)) = found.split_last() {
            prop_assert!(others.iter().all(|n| (64..=1024).contains(n)));
            prop_assert!((1..=1024).contains(last));
        }
    }

    #[test]
    fn a_search_that_begins_at_a_boundary_goes_on_as_the_first_would(bytes in streams(), pick in any::<prop::sample::Index>()) {
        let found = lengths(small(), &bytes, &[usize::MAX >> 1]);
        // The end of the stream is one, too.
        let from = pick.index(found.len() + 1);
        let start = found[..from].iter().sum::<usize>();
        prop_assert_eq!(&found[from..], &lengths(small(), &bytes[start..], &[100])[..]);
    }

    #[test]
    fn a_byte_at_a_time_is_the_same(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        prop_assert_eq!(lengths(small(), &bytes, &[1]), lengths(small(), &bytes, &[4096]));
    }
}

/// Deterministic noise (xorshift).
fn noise(len: usize, mut seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bytes.extend_from_slice(&seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn an_insertion_changes_only_the_blocks_around_it() {
    let profile = Profile::new(4 << 10, 16 << 10, 64 << 10).unwrap();
    let before = noise(4 << 20, 7);
    for (at, insert) in [(1 << 20, 1), (2 << 20, 5000), (3 << 20, 100_000)] {
        let after = [&before[..at], &noise(insert, 9)[..], &before[at..]].concat();
        let hashes = |bytes: &[u8]| {
            let mut at = 0;
            lengths(profile, bytes, &[1 << 16])
                .into_iter()
                .map(|n| {
                    at += n;
                    model::Sha256::of(&bytes[at - n..at])
                })
                .collect::<std::collections::HashSet<_>>()
        };
        let new = hashes(&after).difference(&hashes(&before)).count();
        assert!(new <= insert / (4 << 10) + 8, "{new} new blocks for {insert} bytes at {at}");
    }
}

#[test]
fn the_mean_length_of_noise_is_near_the_profiles() {
    let profile = Profile::default();
    let found = lengths(profile, &noise(256 << 20, 3), &[1 << 20]);
    let mean = (256 << 20) / found.len();
    assert!((900 << 10..1400 << 10).contains(&mean), "mean length {mean}");
}

/// Stored blocks are found again only while this holds: a change of gear table, masks or search is a
/// new algorithm in `Profile`.
#[test]
fn boundaries_of_this_algorithm_never_change() {
    let found =
        lengths(Profile::new(1 << 10, 4 << 10, 16 << 10).unwrap(), &noise(40_000, 1), &[999]);
    assert_eq!(found, [1990, 7410, 5160, 4396, 2652, 5439, 4803, 5568, 2582]);
}

#[test]
fn bytes_without_a_match_end_at_the_maximum() {
    assert_eq!(lengths(small(), &[0; 2500], &[700]), [1024, 1024, 452]);
}

/// The search in halves against the definition, with matches anywhere in either half.
#[test]
fn long_buffers_give_the_boundaries_of_single_bytes() {
    let profile = Profile::new(64, 128, 64 << 10).unwrap();
    let eager = Profile::new(64, 4 << 10, 64 << 10).unwrap();
    for seed in 0..40 {
        let bytes = noise(30_000 + seed as usize, seed);
        for profile in [profile, eager] {
            assert_eq!(lengths(profile, &bytes, &[1]), lengths(profile, &bytes, &[1 << 20]));
            assert_eq!(
                lengths(profile, &bytes, &[1]),
                lengths(profile, &bytes, &[2048, 3000, 7777])
            );
        }
    }
}
