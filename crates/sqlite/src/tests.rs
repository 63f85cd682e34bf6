//! What both users rest on: durable, shared, undone alone, refused when foreign.

use super::*;
use crate::readers::READERS;
use std::time::Duration;

const FORMAT: Format = Format {
    what: "a store of numbers",
    application_id: 0x4852_5453,
    steps: &["CREATE TABLE number (n INTEGER PRIMARY KEY) STRICT"],
};

async fn numbers(database: &Database) -> Vec<i64> {
    let look = |connection: &Connection| {
        let mut all = connection.prepare_cached("SELECT n FROM number ORDER BY n")?;
        let rows = all.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<Vec<i64>>>()?)
    };
    database.read(look).await.unwrap()
}

fn insert(n: i64) -> impl FnOnce(&Connection) -> Result<(), Failure> + Send + 'static {
    move |connection| {
        connection.prepare_cached("INSERT INTO number VALUES (?1)")?.execute([n])?;
        Ok(())
    }
}

#[tokio::test]
async fn a_change_that_was_answered_is_there_when_the_file_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/on/the/way/n.db");
    let first = Database::open(&path, &FORMAT).await.unwrap();
    first.write(insert(1)).await.unwrap();
    // Also while it is still open elsewhere, as by another process.
    let second = Database::open(&path, &FORMAT).await.unwrap();
    assert_eq!(numbers(&second).await, [1]);
    second.write(insert(2)).await.unwrap();
    assert_eq!(numbers(&first).await, [1, 2]);
    drop((first, second));
    assert_eq!(numbers(&Database::open(&path, &FORMAT).await.unwrap()).await, [1, 2]);
}

#[tokio::test]
async fn a_change_that_fails_is_undone_alone_though_it_shares_its_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("n.db"), &FORMAT).await.unwrap();
    let writes = (0..100_i64).map(|n| {
        let database = database.clone();
        tokio::spawn(async move {
            let change = move |connection: &Connection| {
                insert(n)(connection)?;
                if n % 3 == 0 { Err(Error::conflict("not this one").into()) } else { Ok(n) }
            };
            database.write(change).await
        })
    });
    for (n, write) in writes.collect::<Vec<_>>().into_iter().enumerate() {
        let answer = write.await.unwrap();
        assert_eq!(answer.is_ok(), n % 3 != 0);
        assert!(answer.is_ok_and(|m| usize::try_from(m) == Ok(n)) || n % 3 == 0);
    }
    let kept: Vec<i64> = (0..100).filter(|n| n % 3 != 0).collect();
    assert_eq!(numbers(&database).await, kept);
    // SQLite's own refusals leave the writer as usable as the user's.
    let twice = database.write(insert(1)).await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Internal);
    database.write(insert(1000)).await.unwrap();
}

#[tokio::test]
async fn a_change_whose_caller_left_before_its_turn_does_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("n.db"), &FORMAT).await.unwrap();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (started, starts) = oneshot::channel();
    let busy = database.clone();
    let first = tokio::spawn(async move {
        let wait = move |_: &Connection| {
            started.send(()).unwrap();
            Ok(held.recv_timeout(Duration::from_secs(60)).is_ok())
        };
        busy.write(wait).await
    });
    starts.await.unwrap();
    let mut second = Box::pin(database.write(insert(7)));
    assert!(waits(second.as_mut()).await);
    drop(second);
    hold.send(()).unwrap();
    assert!(first.await.unwrap().unwrap());
    database.write(insert(8)).await.unwrap();
    assert_eq!(numbers(&database).await, [8]);
}

/// Polls once; whether it still waits.
async fn waits<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
    })
    .await
}

#[tokio::test]
async fn reads_that_nobody_polls_keep_none_of_those_that_somebody_does() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("n.db"), &FORMAT).await.unwrap();
    let every = u32::try_from(READERS).unwrap();
    let busy = database.readers.turns.clone().acquire_many_owned(every).await.unwrap();
    let look = |_: &Connection| Ok(());
    let mut left: Vec<_> = (0..READERS).map(|_| Box::pin(database.read(look))).collect();
    for read in &mut left {
        assert!(waits(read.as_mut()).await);
    }
    drop(busy);
    let polled = tokio::time::timeout(Duration::from_secs(60), database.read(look)).await;
    polled.expect("a read that is polled ends").unwrap();
    drop(left);
}

#[tokio::test]
async fn a_full_file_says_so_and_the_next_change_that_fits_goes_through() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("n.db"), &FORMAT).await.unwrap();
    let small = |connection: &Connection| {
        connection.pragma_update_and_check(None, "max_page_count", 3, |_| Ok(()))?;
        Ok(())
    };
    database.write(small).await.unwrap();
    let many = |connection: &Connection| (0..100_000).try_for_each(|n| insert(n)(connection));
    let full = database.write(many).await.unwrap_err();
    assert_eq!(full.kind(), ErrorKind::NoSpace, "{}", full.chain());
    assert!(full.to_string().contains("full"));
    database.write(insert(5)).await.unwrap();
    assert_eq!(numbers(&database).await, [5]);
}

#[tokio::test]
async fn a_file_held_by_another_process_says_busy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("n.db");
    let database = Database::open(&path, &FORMAT).await.unwrap();
    let quick = |connection: &Connection| Ok(connection.busy_timeout(Duration::ZERO)?);
    database.write(quick).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(database.write(insert(1)).await.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(numbers(&database).await, [] as [i64; 0]);
    other.execute_batch("COMMIT").unwrap();
    database.write(insert(1)).await.unwrap();
}

#[tokio::test]
async fn what_is_not_ours_or_newer_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let newer = directory.path().join("newer.db");
    drop(Database::open(&newer, &FORMAT).await.unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 9).unwrap();
    let foreign = directory.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let text = directory.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough to look at ".repeat(100)).unwrap();
    for (path, word) in [(newer, "version 9"), (foreign, "something else"), (text, "no SQLite")] {
        let before = std::fs::read(&path).unwrap();
        let error = Database::open(&path, &FORMAT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
    let place = Database::open(directory.path(), &FORMAT).await.unwrap_err();
    assert_eq!(place.kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn an_older_file_is_brought_up_to_date_with_its_rows() {
    const LATER: Format =
        Format { steps: &[FORMAT.steps[0], "ALTER TABLE number ADD COLUMN name TEXT"], ..FORMAT };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("n.db");
    Database::open(&path, &FORMAT).await.unwrap().write(insert(3)).await.unwrap();
    let later = Database::open(&path, &LATER).await.unwrap();
    let name = |connection: &Connection| {
        Ok(connection.execute("UPDATE number SET name = 'three' WHERE n = 3", [])?)
    };
    assert_eq!(later.write(name).await.unwrap(), 1);
    assert!(Database::open(&path, &FORMAT).await.is_err());
}

#[test]
fn a_url_names_a_full_path() {
    assert_eq!(path_of_url("sqlite:///var/lib/a b.db").unwrap(), PathBuf::from("/var/lib/a b.db"));
    let bad = ["sqlite://", "sqlite://x.db", "sqlite:x", "/x.db", "sqlite:///d/", "file:///x"];
    for bad in bad.into_iter().chain(["sqlite://user:secret@host/x.db"]) {
        let error = path_of_url(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{bad}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_make_and_close_one_file_at_the_same_time() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let path = directory.path().join(format!("{}.db", round / 2));
        // Each with threads of its own, as processes would be.
        let openers: Vec<_> = (0..8)
            .map(|n| {
                let path = path.clone();
                tokio::spawn(async move {
                    let database = Database::open(path, &FORMAT).await?;
                    database.write(insert(round * 8 + n)).await?;
                    database.read(|c| Ok(c.query_row("SELECT 1", [], |_| Ok(()))?)).await
                })
            })
            .collect();
        for opener in openers {
            opener.await.unwrap().unwrap_or_else(|error| panic!("{}", error.chain()));
        }
    }
    let last = Database::open(directory.path().join("4.db"), &FORMAT).await.unwrap();
    assert_eq!(numbers(&last).await, (64..80).collect::<Vec<_>>());
}
