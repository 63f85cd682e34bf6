//! The directory and its system calls, and what their errors mean.

use crate::{ObjectInfo, ObjectName, Outcome};
use bytes::Bytes;
use model::{ByteRange, Error, ErrorKind, Result, Timestamp};
use rustix::{
    buffer::spare_capacity,
    fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat},
    io::Errno,
};
use std::{
    collections::{BTreeSet, HashSet},
    fs::File,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Directories remembered as durable; beyond it they are forgotten, and synced once more.
const REMEMBERED: usize = 16 << 10;

/// The directory that holds the objects.
#[derive(Debug)]
pub(super) struct Tree {
    path: PathBuf,
    root: OwnedFd,
    /// Directories whose way from the root is known to be on the disk.
    durable: Mutex<HashSet<String>>,
}

/// Directories that must be brought to the disk before an answer, below the root; the root is empty.
pub(super) type Dirty = BTreeSet<String>;

impl Tree {
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let cannot = |errno: std::io::Error| {
            let errno = Errno::from_io_error(&errno).unwrap_or(Errno::IO);
            error(&path, errno, "open the directory of the objects")
        };
        let missing: Vec<&Path> = path.ancestors().take_while(|place| !place.exists()).collect();
        std::fs::create_dir_all(&path).map_err(cannot)?;
        for made in missing {
            let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = File::open(parent.unwrap_or(Path::new("."))).map_err(cannot)?;
            parent.sync_all().map_err(cannot)?;
        }
        let root = File::open(&path).map_err(cannot)?.into();
        let tree = Self { path, root, durable: Mutex::default() };
        tree.check_file_system()?;
        Ok(tree)
    }

    /// What the store rests on is looked for once, so that a wrong place is told at the start.
    fn check_file_system(&self) -> Result<()> {
        let message = "cannot keep objects: it needs a local file system of Linux such as ext4, xfs \
                       or btrfs, and /proc";
        let unfit = |errno| {
            let message = format!("{} {message}", self.path.display());
            Error::with_source(ErrorKind::Internal, message, errno)
        };
        match self.open_unnamed("") {
            Ok(file) => rustix::fs::stat(handle(&file)).map(drop).map_err(unfit),
            Err(errno @ (Errno::OPNOTSUPP | Errno::ISDIR)) => Err(unfit(errno)),
            Err(errno) => Err(self.error(errno, "write")),
        }
    }

    pub(super) fn error(&self, errno: Errno, doing: &str) -> Error {
        error(&self.path, errno, doing)
    }

    /// Makes the directory that `name` will be in, if need be, and notes what its being there depends on.
    pub(super) fn prepare(&self, name: &ObjectName, dirty: &mut Dirty) -> Result<()> {
        let directory = directory_of(name);
        dirty.insert(directory.to_owned());
        if self.is_durable(directory) { Ok(()) } else { self.make(directory, dirty) }
    }

    /// A file without a name, in the directory that was prepared for `name`.
    pub(super) fn unnamed(&self, name: &ObjectName, dirty: &mut Dirty) -> Result<File> {
        let directory = directory_of(name);
        let file = match self.open_unnamed(directory) {
            // Somebody tidied up; objects may come back to where they were.
            Err(Errno::NOENT) => {
                self.make(directory, dirty)?;
                self.open_unnamed(directory)
            }
            opened => opened,
        };
        file.map_err(|errno| match errno {
            Errno::NOTDIR => in_the_way(name),
            errno => self.error(errno, "write an object"),
        })
    }

    fn open_unnamed(&self, directory: &str) -> Result<File, Errno> {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        rustix::fs::openat(&self.root, relative(directory), flags, mode).map(File::from)
    }

    /// Makes a directory and those above it. Each is durable once its parent is.
    fn make(&self, directory: &str, dirty: &mut Dirty) -> Result<()> {
        if directory.is_empty() {
            return Ok(());
        }
        let mut parent = "";
        for (end, _) in directory.match_indices('/').chain([(directory.len(), "")]) {
            let place = &directory[..end];
            match rustix::fs::mkdirat(&self.root, place, Mode::from_raw_mode(0o755)) {
                // Also where it was there: whoever made it may not have come to its parent yet.
                Ok(()) | Err(Errno::EXIST) => dirty.insert(parent.to_owned()),
                Err(Errno::NOTDIR) => return Err(in_the_way(directory)),
                Err(errno) => return Err(self.error(errno, "make a directory")),
            };
            parent = place;
        }
        Ok(())
    }

    /// Gives a complete file its name, unless it is taken.
    pub(super) fn link(&self, file: &File, name: &ObjectName) -> Result<Outcome> {
        let flags = AtFlags::SYMLINK_FOLLOW;
        match rustix::fs::linkat(CWD, handle(file), &self.root, name.as_str(), flags) {
            Ok(()) => Ok(Outcome::Created),
            Err(Errno::EXIST) if self.exists(name)? => Ok(Outcome::Existed),
            Err(Errno::EXIST) => Err(in_the_way(name)),
            Err(errno) => Err(self.error(errno, "name an object")),
        }
    }

    /// Brings a directory to the disk.
    pub(super) fn sync(&self, directory: &str) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.root, relative(directory), flags, Mode::empty())
            .and_then(rustix::fs::fsync)
            .map_err(|errno| self.error(errno, "bring a directory to the disk"))
    }

    fn is_durable(&self, directory: &str) -> bool {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(directory)
    }

    /// Remembers directories that are on the disk, with those above them.
    pub(super) fn remember(&self, directories: impl IntoIterator<Item = String>) {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        for directory in directories {
            if durable.len() == REMEMBERED {
                durable.clear();
            }
            durable.insert(directory);
        }
    }

    /// Removes an object, if there is one.
    pub(super) fn unlink(&self, name: &ObjectName) -> Result<()> {
        match rustix::fs::unlinkat(&self.root, name.as_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR) => Ok(()),
            Err(errno) => Err(self.error(errno, "delete an object")),
        }
    }

    pub(super) fn read(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Bytes> {
        let absent = || not_found(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.root, name.as_str(), flags, Mode::empty());
        let file = opened.map_err(|errno| match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => absent(),
            errno => self.error(errno, "read an object"),
        })?;
        let failed = |errno| self.error(errno, "read an object");
        let stat = rustix::fs::fstat(&file).map_err(failed)?;
        if !is_file(&stat) {
            return Err(absent());
        }
        let whole = ByteRange::new(0, len_of(&stat));
        let wanted = match range {
            None => whole,
            Some(range) => range.overlap(&whole).ok_or_else(|| {
                let message = format!("{name} has {} bytes, none of them in the range", whole.end);
                Error::new(ErrorKind::RangeNotSatisfiable, message)
            })?,
        };
        let len = usize::try_from(wanted.len()).map_err(|_| {
            Error::new(ErrorKind::TooLarge, format!("{name} is read in smaller ranges"))
        })?;
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let at = wanted.start + bytes.len() as u64;
            match rustix::io::pread(&file, spare_capacity(&mut bytes), at) {
                // Objects do not change; one that became shorter was damaged from outside.
                Ok(0) => {
                    return Err(Error::new(ErrorKind::Damaged, format!("{name} was cut short")));
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        bytes.truncate(len);
        Ok(bytes.into())
    }

    pub(super) fn info(&self, name: &ObjectName) -> Result<ObjectInfo> {
        match self.stat(name.as_str())? {
            Some(stat) if is_file(&stat) => {
                // Both fit for a file that exists; the fields' types differ by architecture.
                let nanos = i32::try_from(stat.st_mtime_nsec).unwrap_or(0);
                let modified = Timestamp::new(stat.st_mtime, nanos);
                let modified = modified.unwrap_or(Timestamp::UNIX_EPOCH);
                Ok(ObjectInfo { name: name.clone(), len: len_of(&stat), modified })
            }
            _ => Err(not_found(name)),
        }
    }

    /// Whether there is an object of this name.
    pub(super) fn exists(&self, name: &ObjectName) -> Result<bool> {
        Ok(self.stat(name.as_str())?.is_some_and(|stat| is_file(&stat)))
    }

    /// Whether there is a directory of this name.
    pub(super) fn has_directory(&self, directory: &str) -> Result<bool> {
        let stat = self.stat(directory)?;
        Ok(stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory))
    }

    /// What is known of a path below the root, if it is there.
    fn stat(&self, path: &str) -> Result<Option<Stat>> {
        match rustix::fs::statat(&self.root, relative(path), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(self.error(errno, "look for an object")),
        }
    }

    /// The entries of a directory, if it is there.
    pub(super) fn entries(&self, directory: &str) -> Result<Option<rustix::fs::Dir>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.root, relative(directory), flags, Mode::empty());
        match opened.and_then(rustix::fs::Dir::new) {
            Ok(entries) => Ok(Some(entries)),
            Err(Errno::NOENT | Errno::NOTDIR) if !directory.is_empty() => Ok(None),
            Err(errno) => Err(self.error(errno, "list objects")),
        }
    }
}

/// The directory of a name, below the root; empty for the root.
pub(super) fn directory_of(name: &ObjectName) -> &str {
    name.as_str().rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The path of a directory as the system calls take it.
fn relative(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

/// The path by which an open file can be given a name.
fn handle(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())
}

fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

fn len_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn not_found(name: &ObjectName) -> Error {
    Error::not_found(format!("there is no object {name}"))
}

fn in_the_way(name: impl std::fmt::Display) -> Error {
    Error::invalid(format!("{name}: an object's name and a directory's name cannot be the same"))
}

/// Kinds that go to clients as they are name no place of ours; their cause does, for the log.
fn error(root: &Path, errno: Errno, doing: &str) -> Error {
    let root = root.display();
    let cause = || format!("cannot {doing} below {root}: {errno}");
    let (kind, message) = match errno {
        Errno::NOSPC | Errno::DQUOT => {
            let message = "the disk that holds the objects is full; free some space and go on";
            return Error::with_source(ErrorKind::NoSpace, message, cause());
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
            let message = "too much is open at once; try again shortly";
            return Error::with_source(ErrorKind::Busy, message, cause());
        }
        Errno::IO => (
            ErrorKind::Unavailable,
            format!("cannot {doing} below {root}: the disk reports an error"),
        ),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => {
            (ErrorKind::Internal, format!("may not {doing} below {root}; check its rights"))
        }
        _ => (ErrorKind::Internal, format!("cannot {doing} below {root}")),
    };
    Error::with_source(kind, message, errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_says_tells_the_caller_what_to_do() {
        let cases = [
            (Errno::NOSPC, ErrorKind::NoSpace, "free some space"),
            (Errno::DQUOT, ErrorKind::NoSpace, "free some space"),
            (Errno::MFILE, ErrorKind::Busy, "open at once"),
            (Errno::IO, ErrorKind::Unavailable, "disk reports an error"),
            (Errno::ROFS, ErrorKind::Internal, "check its rights"),
            (Errno::INVAL, ErrorKind::Internal, "cannot write an object"),
        ];
        for (errno, kind, words) in cases {
            let error = error(Path::new("/data/objects"), errno, "write an object");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.chain().contains("/data/objects"), "{}", error.chain());
            let told = matches!(kind, ErrorKind::NoSpace | ErrorKind::Busy);
            assert!(!told || !error.to_string().contains("/data"), "clients read it: {error}");
        }
    }
}
