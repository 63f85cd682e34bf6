//! The mark of a store of objects: an object that the records name, so that objects which are not there
//! are told from a store that is not theirs (another bucket or prefix, a disk that is not mounted).

use crate::Store;
use bytes::Bytes;
use catalog::Catalog;
use model::{Error, ErrorKind, Result};
use objects::{ObjectName, ObjectStore, Put};

impl Store {
    /// Makes sure that records and objects belong together; marks the objects where nobody has yet. For
    /// programs that store contents, before they do.
    ///
    /// # Errors
    /// As [`Self::recognize`].
    pub async fn claim(&self) -> Result<()> {
        let (catalog, objects) = (&self.0.catalog, &*self.0.objects);
        if catalog.mark().await?.is_none() {
            let name = format!("mark/{:016x}", crate::random()?);
            objects.put_all(vec![Put::new(ObjectName::new(name.as_str())?, Bytes::new())]).await?;
            match catalog.set_mark(&name).await {
                // Another program was first: its mark counts.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                named => named?,
            }
        }
        self.recognize().await
    }

    /// Makes sure that records and objects belong together. For programs that read.
    ///
    /// # Errors
    /// `Unavailable` where the objects are not those of the records; those of the stores.
    pub async fn recognize(&self) -> Result<()> {
        check(&self.0.catalog, &*self.0.objects).await
    }
}

/// # Errors
/// `Unavailable` where the store of objects lacks the mark that the records name; those of the stores.
pub(crate) async fn check(catalog: &Catalog, objects: &dyn ObjectStore) -> Result<()> {
    let Some(mark) = catalog.mark().await? else { return Ok(()) };
    match objects.head(&ObjectName::new(mark.as_str())?).await {
        Err(absent) if absent.kind() == ErrorKind::NotFound => {
            let sentence = format!(
                "these objects are not those of these records, whose mark {mark} is not among them: \
                 name the stores that belong together, or store an empty object of that name if it was \
                 lost"
            );
            Err(Error::with_source(ErrorKind::Unavailable, sentence, absent))
        }
        found => found.map(drop),
    }
}
