//! A store over a temporary directory, and the short words of these tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bed fails")]

use bytes::Bytes;
use catalog::{About, Catalog, Dialect, File, Upload};
use chunking::Profile;
use content::{Append, Appended, Config, Ended, NewUpload, Store};
use futures::{Stream, StreamExt, stream};
use model::{ByteRange, OwnerId, Result, Timestamp, UploadId, upload::UploadState};
use objects::{ObjectStore, fs::FsObjects, layer::Counted};
use records::{RecordStore, sqlite::SqliteRecords};
use std::{io, path::Path, sync::Arc};
use tempfile::TempDir;
use testkit::dice::Dice;
use tokio_util::sync::CancellationToken;

/// Blocks of 4 to 64 KiB: many of them in little data.
pub fn profile() -> Profile {
    Profile::new(4 << 10, 16 << 10, 64 << 10).unwrap()
}

pub fn config() -> Config {
    Config { profile: profile(), budget: 2 << 20, ..Config::default() }
}

pub fn owner() -> OwnerId {
    "alice".parse().unwrap()
}

/// Noise: nothing in it is equal or compressible.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    Dice::of(seed, "noise", 0).bytes(len)
}

pub struct Bed {
    pub store: Store,
    pub counted: Counted,
    pub dir: Arc<TempDir>,
}

pub async fn bed() -> Bed {
    bed_with(config()).await
}

pub async fn bed_with(config: Config) -> Bed {
    open(Arc::new(TempDir::new().unwrap()), config).await
}

/// The stores of a directory, as a process that starts finds them.
pub async fn ports(dir: &Path) -> (Arc<dyn ObjectStore>, Arc<dyn RecordStore>) {
    let objects = FsObjects::open(dir.join("objects")).await.unwrap();
    let records = SqliteRecords::open(dir.join("records.db")).await.unwrap();
    (Arc::new(objects), Arc::new(records))
}

pub async fn open(dir: Arc<TempDir>, config: Config) -> Bed {
    let (objects, records) = ports(dir.path()).await;
    let counted = Counted::new(objects);
    let store = Store::new(Catalog::new(records), Arc::new(counted.clone()), config).unwrap();
    Bed { store, counted, dir }
}

pub fn new_upload(length: Option<u64>) -> NewUpload {
    NewUpload {
        owner: owner(),
        dialect: Dialect::Tus,
        expires: Timestamp::MAX,
        length,
        about: About {
            name: "a file".into(),
            media_type: "application/octet-stream".into(),
            relative_path: None,
        },
        metadata: None,
    }
}

/// A body in frames of `step` bytes.
pub fn body(bytes: &[u8], step: usize) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let bytes = Bytes::copy_from_slice(bytes);
    let step = step.max(1);
    let starts = (0..bytes.len()).step_by(step);
    let frames: Vec<_> = starts.map(|at| Ok(bytes.slice(at..bytes.len().min(at + step)))).collect();
    stream::iter(frames)
}

pub fn at(id: UploadId, at: u64) -> Append {
    Append { owner: owner(), id, at, limit: u64::MAX, closes: false }
}

/// The error of a connection that broke.
pub fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

impl Bed {
    pub async fn create(&self, length: usize) -> Upload {
        self.store.create(new_upload(Some(length as u64))).await.unwrap()
    }

    pub async fn append(&self, id: UploadId, offset: u64, bytes: &[u8]) -> Result<Appended> {
        self.store.append(at(id, offset), body(bytes, 10_000), CancellationToken::new()).await
    }

    /// A whole upload in one request.
    pub async fn put(&self, bytes: &[u8]) -> File {
        let upload = self.create(bytes.len()).await;
        if let UploadState::Committed { file, .. } = upload.state {
            return self.store.catalog().file(&owner(), file).await.unwrap().value;
        }
        match self.append(upload.id, 0, bytes).await.unwrap().ended {
            Ended::Complete(file) => file,
            other => panic!("not complete: {other:?}"),
        }
    }

    pub async fn read(&self, file: &File) -> Result<Vec<u8>> {
        let reader = self.store.reader(&file.current);
        let mut stream = Box::pin(reader.stream(ByteRange::new(0, reader.len()))?);
        let mut bytes = Vec::new();
        while let Some(part) = stream.next().await {
            bytes.extend_from_slice(&part?);
        }
        Ok(bytes)
    }

    /// The objects there are with names that begin with `prefix`.
    pub async fn objects(&self, prefix: &str) -> Vec<String> {
        let page = self.store.objects().list(prefix, None, 1000).await.unwrap();
        page.objects.iter().map(|object| object.name.to_string()).collect()
    }
}
