//! One name has one winner, and nobody ever sees half of it.

use super::*;
use futures::{FutureExt, StreamExt, future::join_all, stream};

pub(super) async fn run(place: &Place) {
    one_of_sixteen_creates(place).await;
    batches_that_overlap_create_each_name_once(place).await;
    a_reader_sees_all_of_it_or_nothing(place).await;
}

async fn one_of_sixteen_creates(place: &Place) {
    for round in 0..4 {
        let name = format!("race/create{round}");
        let bytes = |n: usize| bytes_of(300_000 + n, n as u64);
        let puts = join_all((0..16).map(|n| {
            let (put, store) = (place.put(&name, bytes(n)), place.at(n));
            async move {
                if n % 4 == 3 {
                    let stream = stream::iter([Ok(put.bytes)]).boxed();
                    store.put_stream(&put.name, stream).await.unwrap().outcome
                } else {
                    store.put_all(vec![put]).await.unwrap()[0]
                }
            }
        }));
        let outcomes = puts.await;
        let winners: Vec<usize> = (0..16).filter(|&n| outcomes[n] == Outcome::Created).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        assert!(place.read(&name).await.unwrap() == bytes(winners[0]), "the winner's bytes");
    }
}

async fn batches_that_overlap_create_each_name_once(place: &Place) {
    let names = 12;
    let batches = join_all((0..8).map(|task| {
        // Each begins elsewhere, so that they meet in every order.
        let order = (0..names).map(move |n| (n + task * 5) % names);
        let batch = order.clone().map(|n| place.put(&format!("race/{n}/shared"), n.to_string()));
        let put = place.at(task).put_all(batch.collect());
        async move { order.zip(put.await.unwrap()).collect::<Vec<_>>() }
    }));
    let mut created = vec![0; names];
    for (n, outcome) in batches.await.into_iter().flatten() {
        created[n] += usize::from(outcome == Outcome::Created);
    }
    assert_eq!(created, vec![1; names]);
    for n in 0..names {
        assert_eq!(place.read(&format!("race/{n}/shared")).await.unwrap(), n.to_string());
    }
}

async fn a_reader_sees_all_of_it_or_nothing(place: &Place) {
    for round in 0..4 {
        let name = format!("race/read{round}");
        let whole = bytes_of(4 << 20, round);
        let mut put = place.store().put_all(vec![place.put(&name, whole.clone())]).fuse();
        let mut seen = false;
        loop {
            futures::select_biased! {
                outcome = put => {
                    assert_eq!(outcome.unwrap(), [Outcome::Created]);
                    break;
                }
                read = place.read(&name).fuse() => {
                    assert!(read.as_ref().is_none_or(|read| *read == whole), "part of an object");
                    assert!(read.is_some() || !seen, "an object that was there is gone");
                    seen = read.is_some();
                }
            }
        }
        assert!(place.read(&name).await.unwrap() == whole);
    }
}
