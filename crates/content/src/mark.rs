//! The mark of a store of objects: an object that the records name, so that objects which are not there
//! are told from a store that is not theirs (another bucket or prefix, a disk that is not mounted).

use crate::Store;
use bytes::Bytes;
use catalog::Catalog;
use model::{Error, ErrorKind, Result};
use objects::{ObjectName, ObjectStore, Put, check_create_only};

impl Store {
    /// Makes sure that records and objects belong together, and that the objects are put once; marks the
    /// objects where nobody has yet. For programs that store contents, before they do.
    ///
    /// # Errors
    /// `Internal` for a store of objects that overwrites; as [`Self::recognize`].
    pub async fn claim(&self) -> Result<()> {
        let (catalog, objects) = (&self.0.catalog, &*self.0.objects);
        let mark = match catalog.mark().await? {
            Some(mark) => mark,
            None => self.mark().await?,
        };
        self.recognize().await?;
        check_create_only(objects, ObjectName::new(mark)?).await
    }

    /// The name of the mark that these records have from now on.
    async fn mark(&self) -> Result<String> {
        let (catalog, objects) = (&self.0.catalog, &*self.0.objects);
        let name = ObjectName::new(format!("mark/{:016x}", crate::random()?))?;
        objects.put_all(vec![Put::new(name.clone(), Bytes::new())]).await?;
        match catalog.set_mark(name.as_str()).await {
            // Another program was first: its mark counts, and nobody ever looks for this one.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                objects.delete(&name).await?;
                catalog.mark().await?.ok_or(error)
            }
            named => named.map(|()| name.as_str().to_owned()),
        }
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
