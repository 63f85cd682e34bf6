//! The port: what a store of objects does and must guarantee.

use crate::ObjectName;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use model::{ByteRange, Error, ErrorKind, Result, Sha256, Timestamp};
use std::{collections::HashSet, fmt, time::Duration};

/// The most objects of one [`ObjectStore::put_all`].
pub const MAX_PUT_ALL: usize = 1000;
/// The most objects a page of [`ObjectStore::list`] may be asked to hold, and of one
/// [`ObjectStore::delete_all`].
pub const MAX_LIST: usize = 1000;

/// An object to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Its name, never used for other bytes before.
    pub name: ObjectName,
    /// All of it.
    pub bytes: Bytes,
    /// Its SHA-256, where the caller has it already. A back end that has every object checked by its sum
    /// need not hash it again; what does not have this sum is refused there.
    pub sha256: Option<Sha256>,
}

impl Put {
    /// An object whose sum nobody has worked out.
    #[must_use]
    pub fn new(name: ObjectName, bytes: Bytes) -> Self {
        Self { name, bytes, sha256: None }
    }
}

/// What became of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// These bytes are the object.
    Created,
    /// A complete, durable object of this name was there before; it stays as it was.
    Existed,
}

/// What became of a streamed put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streamed {
    /// Whether these bytes are the object.
    pub outcome: Outcome,
    /// Bytes that came from the stream.
    pub len: u64,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its name.
    pub name: ObjectName,
    /// Its length in bytes.
    pub len: u64,
    /// When it was stored, by the store's clock.
    pub modified: Timestamp,
}

/// Part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// In the byte order of their names; possibly fewer than the limit though more follow.
    pub objects: Vec<ObjectInfo>,
    /// Gives the next page; `None` at the end, and only there.
    pub cursor: Option<String>,
}

/// How somebody without credentials puts one object straight into the store: `PUT` to `url` with just
/// these headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedPut {
    /// The right to put this object, and no other.
    pub url: String,
    /// Names and values; they are signed too.
    pub headers: Vec<(String, String)>,
}

/// A store of immutable objects. A name is used once and never again, so there is no overwriting: what
/// arrives late can do no harm.
///
/// Required of every implementation, and tested by `conformance`:
/// - **Whole or not there.** At no moment, crash and drop included, does any call see part of an object.
/// - **Durable.** An object whose put returned `Ok` (either [`Outcome`]) survives a crash of any process
///   and of the machine; so does the absence of one whose deletion returned `Ok`.
/// - **Read after write.** Every call that begins after a put was answered sees the object, and none
///   that begins after a deletion was answered does, whatever process asks.
/// - **Create-only.** Of any number of puts of one name, in any processes, exactly one is `Created`.
/// - **Exact.** What is read is what was put.
/// - A call dropped halfway, or that failed with `Unavailable`, may have happened, or may happen a moment
///   later, for any part of its batch: put again, and take `Existed` for success. A back end that tries
///   again by itself answers `Existed` of its own object, too, where the first answer was lost.
///
/// Errors of every method, besides those it names: `Busy` and `Unavailable` for a back end that is
/// overloaded or away (the same call may succeed later), `NoSpace` for a full one, `Internal` for one
/// that is not usable as it is set up.
#[async_trait]
pub trait ObjectStore: Send + Sync + fmt::Debug + 'static {
    /// Stores up to [`MAX_PUT_ALL`] objects with one durability barrier, and answers when all are
    /// durable, in the order of the batch. An empty batch is fine. The bytes are not copied.
    ///
    /// # Errors
    /// `Invalid` for a batch that is too long or names an object twice, or where a name is another's
    /// directory and the store cannot hold both. After an error, any part of the batch may be stored.
    async fn put_all(&self, batch: Vec<Put>) -> Result<Vec<Outcome>>;

    /// Stores what `stream` yields, of any length, holding no more of it in memory than a few pieces.
    /// The object appears when the stream has ended well. An error of the stream is returned as it is;
    /// that, or dropping the call, leaves nothing behind.
    ///
    /// # Errors
    /// Those of the stream, and those of [`Self::put_all`].
    async fn put_stream(
        &self,
        name: &ObjectName,
        stream: BoxStream<'_, Result<Bytes>>,
    ) -> Result<Streamed>;

    /// All bytes, or those of `range`, which ends at the object's end at the latest. The answer is in
    /// memory at once: who reads a large object asks for one range after the other.
    ///
    /// # Errors
    /// `NotFound`; `Damaged` where the store finds that its bytes are not those that were put, which not
    /// every store looks at; `RangeNotSatisfiable` for a range of which no byte exists, an empty one included.
    async fn get(&self, name: &ObjectName, range: Option<ByteRange>) -> Result<Bytes>;

    /// Length and time.
    ///
    /// # Errors
    /// `NotFound`.
    async fn head(&self, name: &ObjectName) -> Result<ObjectInfo>;

    /// Removes up to [`MAX_LIST`] objects, durably; what is absent is no error. After an error, any part
    /// of them may be gone.
    ///
    /// # Errors
    /// `Invalid` for too many names.
    async fn delete_all(&self, names: &[ObjectName]) -> Result<()>;

    /// Removes one object; see [`Self::delete_all`], which shares one barrier among many.
    async fn delete(&self, name: &ObjectName) -> Result<()> {
        self.delete_all(std::slice::from_ref(name)).await
    }

    /// Objects whose names begin with `prefix` (any text, empty for all), in the byte order of their
    /// names, `limit` (1 to [`MAX_LIST`]) at a time. One that is there during the whole walk through the
    /// pages comes exactly once, whatever is put and deleted meanwhile. For operators' tools and tests:
    /// what exists is in the records.
    ///
    /// # Errors
    /// `Invalid` for a limit out of bounds.
    async fn list(&self, prefix: &str, cursor: Option<String>, limit: usize) -> Result<ListPage>;

    /// One real call that shows that the store can be used, for readiness: the cheapest there is, not held
    /// up by the calls of others, and answered within seconds.
    ///
    /// # Errors
    /// None but those of every method.
    async fn probe(&self) -> Result<()> {
        self.list("", None, 1).await.map(drop)
    }

    /// An address at which anybody may read the object for a while, byte ranges included. Whether the
    /// object is there is not looked at.
    ///
    /// # Errors
    /// `Unsupported` by a store that nobody else can reach; `Invalid` for a time out of its bounds.
    async fn presign_get(&self, name: &ObjectName, valid: Duration) -> Result<String>;

    /// The right to put these bytes as this object, once: the store refuses others by length and
    /// SHA-256, and any at all once the object is there. Whether it was used, [`Self::head`] tells.
    ///
    /// # Errors
    /// As [`Self::presign_get`].
    async fn presign_put(
        &self,
        name: &ObjectName,
        sha256: Sha256,
        len: u64,
        valid: Duration,
    ) -> Result<PresignedPut>;
}

/// Refuses the batches that no store takes.
pub(crate) fn check_batch(batch: &[Put]) -> Result<()> {
    if batch.len() > MAX_PUT_ALL {
        return Err(Error::invalid(format!("at most {MAX_PUT_ALL} objects are put at once")));
    }
    let mut names = HashSet::with_capacity(batch.len());
    match batch.iter().find(|put| !names.insert(&put.name)) {
        None => Ok(()),
        Some(twice) => Err(Error::invalid(format!("the batch puts {} twice", twice.name))),
    }
}

/// What a store answers that has no addresses to give.
pub(crate) fn no_addresses<T>() -> Result<T> {
    let sentence = "this store of objects is reached through its services alone";
    Err(Error::new(ErrorKind::Unsupported, sentence))
}
