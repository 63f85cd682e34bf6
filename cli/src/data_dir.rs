//! The folder of `hashreel up`: `objects/`, `records.db`, `queue.db` and `queue.db-quick`, and `format`,
//! which says the layout's version, so that an older program never writes into a newer folder.

use model::{Error, ErrorKind, Result};
use objects::ObjectStore;
use queue::JobQueue;
use records::RecordStore;
use rustix::fs::FlockOperation;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The layout that this program reads and writes.
const FORMAT: u32 = 1;

/// The back ends of one folder.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Blocks, tails, renditions.
    pub objects: Arc<dyn ObjectStore>,
    /// The tables.
    pub records: Arc<dyn RecordStore>,
    /// The tasks.
    pub queue: Arc<dyn JobQueue>,
    /// The quick jobs.
    pub quick: Arc<dyn JobQueue>,
}

/// A data folder whose layout is known.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
}

/// Held as long as the folder is served; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Served(#[expect(dead_code, reason = "its drop is what matters")] File);

impl DataDir {
    /// The folder at `path`, made if it is not there.
    ///
    /// # Errors
    /// `Invalid` where it cannot be made, is something else, or is of a newer layout.
    pub fn open(path: &Path) -> Result<Self> {
        make_folder(path).map_err(|error| failed("make the folder", path, error))?;
        let path = fs::canonicalize(path).map_err(|error| failed("open", path, error))?;
        let note = path.join("format");
        match fs::read_to_string(&note) {
            Ok(text) => check_format(&path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                refuse_strangers(&path)?;
                write_format(&note).map_err(|error| failed("write", &note, error))?;
            }
            Err(error) => return Err(failed("read", &note, error)),
        }
        Ok(Self { path })
    }

    /// The folder at `path`, which is there.
    ///
    /// # Errors
    /// `NotFound` where it is not; otherwise as [`Self::open`].
    pub fn existing(path: &Path) -> Result<Self> {
        if Self::is_at(path) {
            return Self::open(path);
        }
        let message = format!("there is no data folder at {}: name it with --data", path.display());
        Err(Error::new(ErrorKind::NotFound, message))
    }

    /// Whether there is a data folder at `path`.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        path.join("format").is_file()
    }

    /// Takes the folder for one server.
    ///
    /// # Errors
    /// `Conflict` while another process serves it.
    pub fn serve(&self) -> Result<Served> {
        let path = self.path.join("lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed("open", &path, error))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Served(lock)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::conflict(format!(
                "another `hashreel up` serves {}: stop it, or choose another folder with --data",
                self.path.display()
            ))),
            Err(error) => Err(failed("lock", &path, error.into())),
        }
    }

    /// Opens the back ends.
    ///
    /// # Errors
    /// What each says.
    pub async fn stores(&self) -> Result<Stores> {
        let queue = self.url("sqlite", "queue.db")?;
        Ok(Stores {
            objects: objects::open(&self.url("file", "objects")?).await?,
            records: self.records().await?,
            queue: queue::open(&queue).await?,
            quick: queue::open(&queue::quick_url(&queue)).await?,
        })
    }

    /// Opens the tables alone.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn records(&self) -> Result<Arc<dyn RecordStore>> {
        records::open(&self.url("sqlite", "records.db")?).await
    }

    fn url(&self, scheme: &str, name: &str) -> Result<String> {
        let path = self.path.join(name);
        let path = path.to_str().ok_or_else(|| {
            Error::invalid(format!("{} is not UTF-8: choose another folder", path.display()))
        })?;
        Ok(format!("{scheme}://{path}"))
    }
}

fn check_format(path: &Path, text: &str) -> Result<()> {
    match text.trim().parse::<u32>() {
        Ok(FORMAT) => Ok(()),
        Ok(newer) if newer > FORMAT => Err(Error::invalid(format!(
            "{} has data of a newer version (format {newer}, known is {FORMAT}): update hashreel",
            path.display()
        ))),
        _ => Err(Error::invalid(format!(
            "{}/format does not hold a known number: this is no data folder of hashreel",
            path.display()
        ))),
    }
}

/// What a folder may hold and still be empty: what a start that broke off has left, and what a file
/// system of its own begins with.
const NOTHING: [&str; 2] = ["format.new", "lost+found"];

/// A folder with files of somebody else's is not taken for a data folder.
fn refuse_strangers(path: &Path) -> Result<()> {
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|error| failed("read", path, error))?;
    if entries.iter().all(|entry| NOTHING.iter().any(|nothing| entry.file_name() == *nothing)) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{} is not empty and no data folder of hashreel: choose another with --data",
        path.display()
    )))
}

/// Makes a folder and those above it, each on the disk with its name, so that a power cut does not take
/// what was acknowledged in it.
fn make_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|place| !place.exists()).collect();
    fs::create_dir_all(path)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Written aside and renamed, so that a crash leaves the whole note or none.
fn write_format(note: &Path) -> io::Result<()> {
    let aside = note.with_extension("new");
    fs::write(&aside, format!("{FORMAT}\n"))?;
    File::open(&aside)?.sync_all()?;
    fs::rename(&aside, note)?;
    note.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

fn failed(verb: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => ErrorKind::NoSpace,
        _ => ErrorKind::Invalid,
    };
    Error::with_source(kind, format!("cannot {verb} {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_is_made_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        DataDir::open(&path).unwrap();
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_newer_folder_is_refused_with_advice() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("format"), "2\n").unwrap();
        let error = DataDir::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("update hashreel"), "{error}");
    }

    #[test]
    fn a_strangers_folder_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "x").unwrap();
        assert!(DataDir::open(dir.path()).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_start_that_broke_off_and_a_fresh_file_system_are_no_strangers() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("lost+found")).unwrap();
        fs::write(dir.path().join("format.new"), "").unwrap();
        DataDir::open(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("format")).unwrap(), "1\n");
    }

    #[test]
    fn one_server_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let served = data.serve().unwrap();
        assert_eq!(data.serve().unwrap_err().kind(), ErrorKind::Conflict);
        drop(served);
        data.serve().unwrap();
    }
}
