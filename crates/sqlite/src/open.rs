//! Opening a file: what it must be, and how its connections are set.

use crate::Failure;
use model::{Error, ErrorKind, Result, without_secret};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::{
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a connection waits for another process before it says `Busy`.
const BUSY: Duration = Duration::from_secs(5);
/// How long opening waits between two tries.
const AGAIN: Duration = Duration::from_millis(10);
/// Prepared statements kept for each connection.
const STATEMENTS: usize = 32;

/// What a file holds, and how it came to be so.
#[derive(Debug)]
pub struct Format {
    /// What the file is to people, as in "a store of records".
    pub what: &'static str,
    /// SQLite's `application_id`, so that no file is taken for another's.
    pub application_id: i32,
    /// The SQL that leads from each version to the next, from the empty file on; the number of steps is
    /// the version. Steps are added, never changed.
    pub steps: &'static [&'static str],
}

/// The path in a URL `sqlite:///absolute/path`, taken as it is written, without escapes.
///
/// # Errors
/// `Invalid` for anything else.
pub fn path_of_url(url: &str) -> Result<PathBuf> {
    match url.strip_prefix("sqlite://") {
        Some(path) if path.starts_with('/') && !path.ends_with('/') => Ok(PathBuf::from(path)),
        _ => {
            let told = without_secret(url);
            Err(Error::invalid(format!("{told:?} should be sqlite:///PATH, with a full path")))
        }
    }
}

/// The connection that writes, on a file that is there and of this format.
pub(crate) fn writer(path: &Path, format: &Format) -> Result<Connection> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    make_directory(directory).map_err(|error| cannot_make(directory, error))?;
    let begun = Instant::now();
    let connection = loop {
        let opened = connect(path).and_then(|mut connection| {
            upgrade(&mut connection, path, format)?;
            durable(&connection)?;
            Ok(connection)
        });
        match opened.map_err(|failure| failure.into_error(path)) {
            // SQLite does not wait by itself where two turn a new file into a shared one.
            Err(error) if error.kind() == ErrorKind::Busy && begun.elapsed() < BUSY => {
                std::thread::sleep(AGAIN);
            }
            opened => break opened?,
        }
    };
    // A new file must not be forgotten with its first acknowledged row.
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| cannot_make(directory, error))?;
    Ok(connection)
}

/// Makes a directory and those above it, each on the disk with its name.
fn make_directory(path: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|place| !place.exists()).collect();
    std::fs::create_dir_all(path)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// A connection that only reads, on a file that [`writer`] has seen.
pub(crate) fn reader(path: &Path) -> Result<Connection, Failure> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, Failure> {
    // Each connection is used by one thread at a time, which `Connection` not being `Sync` ensures.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// Brings the file to this format. Nothing is changed, not even the journal's mode, before the file is
/// known to be ours.
fn upgrade(connection: &mut Connection, path: &Path, format: &Format) -> Result<(), Failure> {
    let (file, what) = (path.display(), format.what);
    let ours = i32::try_from(format.steps.len()).map_err(|_| Error::internal("too many steps"))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number =
        |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (id, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != format.application_id && (id != 0 || tables > 0) {
        let message = format!("{file} holds something else than {what}; name another file");
        return Err(Error::invalid(message).into());
    }
    if version > ours {
        return Err(Error::invalid(format!(
            "{file} is {what} of version {version}, this program knows up to {ours}; \
             use a newer program"
        ))
        .into());
    }
    if version < ours {
        for step in format.steps.iter().skip(usize::try_from(version).unwrap_or(0)) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", format.application_id)?;
        transaction.pragma_update(None, "user_version", ours)?;
    }
    Ok(transaction.commit()?)
}

/// A commit is on the disk when it returns, and readers and the writer do not wait for one another.
fn durable(connection: &Connection) -> Result<(), Failure> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let message =
            "the file system cannot share memory, which SQLite's WAL needs; use a local disk";
        return Err(Error::new(ErrorKind::Internal, message).into());
    }
    connection.pragma_update(None, "synchronous", "full")?;
    // Fewer, larger checkpoints: 16 MiB of log, then once into the file.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 4096, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -16 << 10)?;
    Ok(())
}

fn cannot_make(directory: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        _ => ErrorKind::Internal,
    };
    let message = format!("cannot make the directory {}; check its rights", directory.display());
    Error::with_source(kind, message, error)
}
