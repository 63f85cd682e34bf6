//! What is remembered of an upload so that another run goes on with it: its address, by server, path,
//! size and time of change. A file that has changed is another upload.

use crate::client::UploadUrl;
use model::{Error, ErrorKind, Result, Sha256};
use reqwest::Url;
use std::{
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

/// The place where one upload is remembered.
#[derive(Debug, Clone)]
pub struct Resume {
    path: PathBuf,
}

impl Resume {
    /// The place for `file` at `server`.
    ///
    /// # Errors
    /// `Invalid` where there is no home to remember anything in, or the file's path does not resolve.
    pub fn of(server: &Url, file: &Path, meta: &Metadata) -> Result<Self> {
        let full = fs::canonicalize(file).map_err(crate::client::unreadable(file))?;
        let changed = meta
            .modified()
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_nanos());
        let what = format!("{server}\n{}\n{}\n{changed}", full.display(), meta.len());
        let name = Sha256::of(what.as_bytes()).to_string();
        Ok(Self { path: state_dir()?.join(name) })
    }

    /// The upload that was begun, if one was.
    pub fn url(&self) -> Option<UploadUrl> {
        fs::read_to_string(&self.path).ok()?.trim().parse().ok()
    }

    /// Remembers `url`.
    ///
    /// # Errors
    /// `NoSpace` or `Invalid` where it cannot be written.
    pub fn remember(&mut self, url: &UploadUrl) -> Result<()> {
        let written = self
            .path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&self.path, format!("{url}\n")));
        written.map_err(|error| self.failed("write", error))
    }

    /// Forgets the upload: it is complete.
    ///
    /// # Errors
    /// `Invalid` where the note cannot be removed.
    pub fn forget(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.failed("remove", error))
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, verb: &str, error: std::io::Error) -> Error {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull => ErrorKind::NoSpace,
            _ => ErrorKind::Invalid,
        };
        Error::with_source(kind, format!("cannot {verb} {}", self.path.display()), error)
    }
}

/// `$XDG_STATE_HOME/hashreel/uploads`, as the XDG base directory specification says.
fn state_dir() -> Result<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("hashreel/uploads"))
        .ok_or_else(|| {
            Error::invalid("set HOME or XDG_STATE_HOME: unfinished uploads are noted there")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_another_upload() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        let server: Url = "http://127.0.0.1:1".parse().unwrap();
        let place = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            Resume::of(&server, &file, &fs::metadata(&file).unwrap()).unwrap().path
        };
        assert_ne!(place(b"one"), place(b"three"));
    }

    #[test]
    fn what_is_remembered_is_found_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let mut resume = Resume { path: dir.path().join("deep/er") };
        assert_eq!(resume.url(), None);
        let url: Url = "http://127.0.0.1:1/uploads/x".parse().unwrap();
        resume.remember(&url).unwrap();
        assert_eq!(resume.url(), Some(url));
        resume.forget().unwrap();
        resume.forget().unwrap();
        assert_eq!(resume.url(), None);
    }
}
