//! Whether a store keeps what all of Hashreel rests on: that a name is put once.

use crate::{ObjectName, ObjectStore, Outcome, Put};
use bytes::Bytes;
use model::{Error, Result};

/// Puts the empty object `name`, which is there, once more, and has it refused. Some that speak S3's
/// protocol take no heed of the condition: every put overwrites there and says that it was the first, so
/// that two writers of one block both believe it theirs.
///
/// For programs that write, when they start. It leaves nothing behind, and any number may do it at once.
///
/// # Errors
/// `Internal` where the store takes it; those of [`ObjectStore::put_all`].
pub async fn check_create_only(store: &dyn ObjectStore, name: ObjectName) -> Result<()> {
    let outcomes = store.put_all(vec![Put::new(name.clone(), Bytes::new())]).await?;
    if outcomes == [Outcome::Existed] {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the store of objects let {name} be put twice, so it does not heed If-None-Match and would \
         overwrite blocks: keep objects where conditional writes are kept, as in AWS's S3 (docs/deploy.md)"
    )))
}
