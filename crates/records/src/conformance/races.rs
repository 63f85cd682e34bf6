//! Conditions hold at the very moment a batch happens, whoever else writes.

use super::*;
use futures::future::join_all;

pub(super) async fn run(table: &Table) {
    one_of_sixteen_creates(table).await;
    no_update_is_lost(table).await;
    of_two_that_exclude_each_other_one_happens(table).await;
    money_moves_and_none_is_made(table).await;
    a_call_that_is_dropped_happens_entirely_or_not(table).await;
}

async fn one_of_sixteen_creates(table: &Table) {
    for round in 0..8 {
        let key = table.key("create", &round.to_string());
        let tries = join_all((0..16).map(|n| {
            let write = Write::put(key.clone(), Condition::Absent, number(n));
            table.at(n).write(vec![write])
        }));
        let answers = tries.await;
        let winners: Vec<usize> = (0..16).filter(|&n| answers[n].is_ok()).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        for error in answers.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), ErrorKind::Conflict);
        }
        assert_eq!(table.read(&key).await.unwrap().value, number(winners[0]));
    }
}

async fn no_update_is_lost(table: &Table) {
    let key = table.key("counter", "n");
    table.put(&key, number(0)).await;
    let (tasks, steps) = (8, 10);
    join_all((0..tasks).map(|task| {
        let (store, key) = (table.at(task), &key);
        async move {
            for _ in 0..steps {
                raise(store, key).await;
            }
        }
    }))
    .await;
    assert_eq!(table.read(&key).await.unwrap().value, number(tasks * steps));
}

/// Reads, adds one, and writes if nobody else did meanwhile.
async fn raise(store: &dyn RecordStore, key: &Key) {
    for _ in 0..10_000 {
        let record = store.get(key, Consistency::Strong).await.unwrap().unwrap();
        let next = record.value["n"].as_u64().unwrap() + 1;
        let condition = Condition::VersionIs(record.version);
        let write = Write::put(key.clone(), condition, number(usize::try_from(next).unwrap()));
        match store.write(vec![write]).await {
            Ok(_) => return,
            Err(error) => assert!(
                error.kind() == ErrorKind::Conflict || error.kind().is_retryable(),
                "{}",
                error.chain()
            ),
        }
    }
    panic!("an update never got through");
}

async fn of_two_that_exclude_each_other_one_happens(table: &Table) {
    for round in 0..16 {
        let key = |side: usize| table.key("exclude", &format!("{round} {side}"));
        let tries = join_all((0..2).map(|side| {
            table.at(side).write(vec![
                Write::check(key(1 - side), Condition::Absent),
                Write::put(key(side), Condition::Absent, number(side)),
            ])
        }));
        let happened = tries.await.iter().filter(|answer| answer.is_ok()).count();
        assert!(happened <= 1, "both saw the other absent, and both were made");
        let there = [table.read(&key(0)).await, table.read(&key(1)).await];
        assert_eq!(there.iter().flatten().count(), happened);
    }
}

async fn money_moves_and_none_is_made(table: &Table) {
    let (accounts, start, tasks) = (4, 100, 8);
    let key = |n: usize| table.key("money", &n.to_string());
    for n in 0..accounts {
        table.put(&key(n), number(start)).await;
    }
    join_all((0..tasks).map(|task| {
        let store = table.at(task);
        async move {
            for step in 0..10 {
                let (from, to) =
                    ((task + step) % accounts, (task + step + 1 + task % 3) % accounts);
                if from != to {
                    // Whether it happens does not matter, that it happens entirely does.
                    let _ = transfer(store, &key(from), &key(to)).await;
                }
            }
        }
    }))
    .await;
    let mut sum = 0;
    for n in 0..accounts {
        sum += table.read(&key(n)).await.unwrap().value["n"].as_u64().unwrap();
    }
    assert_eq!(sum, u64::try_from(accounts * start).unwrap());
}

async fn transfer(store: &dyn RecordStore, from: &Key, to: &Key) -> Result<()> {
    let keys = [from.clone(), to.clone()];
    let read = store.get_many(&keys, Consistency::Strong).await?;
    let mut batch = Vec::new();
    for (record, step) in read.into_iter().zip([-1, 1]) {
        let record = record.unwrap();
        let sum = record.value["n"].as_i64().unwrap() + step;
        batch.push(Write::put(
            record.key,
            Condition::VersionIs(record.version),
            json!({ "n": sum }),
        ));
    }
    store.write(batch).await.map(drop)
}

async fn a_call_that_is_dropped_happens_entirely_or_not(table: &Table) {
    for round in 0..16 {
        let key = |n: usize| table.key("dropped", &format!("{round} {n}"));
        let batch = (0..3).map(|n| Write::put(key(n), Condition::Absent, number(n))).collect();
        let mut call = table.store().write(batch);
        let _ = futures::poll!(&mut call);
        drop(call);
        let last = Write::put(key(9), Condition::Absent, number(9));
        table.write(last).await.unwrap();
        let there =
            table.sorts(Query::prefix(table.partition("dropped"), format!("{round} "))).await;
        assert!(
            there.len() == 1 || there.len() == 4,
            "part of a dropped batch is there: {there:?}"
        );
    }
}
