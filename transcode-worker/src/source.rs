//! A video's source: the bytes of any file that holds it.

use crate::slot::is_outage;
use async_trait::async_trait;
use bytes::Bytes;
use catalog::{VideoLink, videos::VideoKey};
use content::{Reader, Store};
use media::RangeSource;
use model::{ByteRange, Error, ErrorKind, FileId, Result};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Holders that are looked at in one question.
const HOLDERS: usize = 20;

/// Reads from one holder's content, and goes on with another one's when that vanishes: all of them have
/// the same SHA-256.
pub(crate) struct Source {
    store: Store,
    video: VideoKey,
    len: u64,
    current: Mutex<Current>,
    outage: AtomicBool,
    /// End of the range that was read last.
    read_to: Arc<AtomicU64>,
}

struct Current {
    reader: Reader,
    /// Files that were read from, the current one last.
    tried: Vec<FileId>,
}

impl Source {
    /// The source of `video`.
    ///
    /// # Errors
    /// `Cancelled` where nobody holds the video.
    pub(crate) async fn open(store: &Store, video: &VideoKey) -> Result<Self> {
        let (file, reader) = holder(store, video, &[]).await?.ok_or_else(unheld)?;
        Ok(Self {
            store: store.clone(),
            video: video.clone(),
            len: reader.len(),
            current: Mutex::new(Current { reader, tried: vec![file] }),
            outage: AtomicBool::new(false),
            read_to: Arc::default(),
        })
    }

    /// Whether an error came from a store that is away.
    pub(crate) fn had_outage(&self) -> bool {
        self.outage.load(Ordering::Relaxed)
    }

    /// Where it was read last, at any time from now on, and its length.
    pub(crate) fn read_to(&self) -> (Arc<AtomicU64>, u64) {
        (self.read_to.clone(), self.len)
    }

    fn current(&self) -> (Reader, Vec<FileId>) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.reader.clone(), current.tried.clone())
    }

    async fn try_read(&self, range: ByteRange) -> Result<Bytes> {
        loop {
            let (reader, tried) = self.current();
            let error = match reader.read(range).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let vanished =
                matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::Damaged);
            if !vanished {
                return Err(error);
            }
            let Some((file, reader)) = holder(&self.store, &self.video, &tried).await? else {
                // With the last holder deleted, that the bytes are gone is no fault of theirs.
                let held = holder(&self.store, &self.video, &[]).await?.is_some();
                return Err(if held { error } else { unheld() });
            };
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.reader = reader;
            current.tried.push(file);
        }
    }
}

#[async_trait]
impl RangeSource for Source {
    fn len(&self) -> u64 {
        self.len
    }

    async fn read(&self, range: ByteRange) -> Result<Bytes> {
        let read = self.try_read(range).await;
        if read.as_ref().is_err_and(is_outage) {
            self.outage.store(true, Ordering::Relaxed);
        }
        self.read_to.store(range.end, Ordering::Relaxed);
        read
    }
}

/// A file that holds `video`, none of `tried`, and a reader of its bytes.
async fn holder(
    store: &Store,
    video: &VideoKey,
    tried: &[FileId],
) -> Result<Option<(FileId, Reader)>> {
    let mut cursor = None;
    loop {
        let (holders, next) = store.catalog().holders(video, HOLDERS, cursor).await?;
        for holder in holders.iter().filter(|holder| !tried.contains(&holder.file)) {
            let Some(file) = store.catalog().any_file(holder.file).await? else { continue };
            let version = &file.value.current;
            if version.video.as_ref() == Some(&VideoLink::Video(video.clone())) {
                return Ok(Some((holder.file, store.reader(version))));
            }
        }
        cursor = next;
        if cursor.is_none() {
            return Ok(None);
        }
    }
}

fn unheld() -> Error {
    Error::new(ErrorKind::Cancelled, "nobody holds the video any more")
}
