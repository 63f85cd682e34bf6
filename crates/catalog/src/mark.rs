//! Which store of objects belongs to these records: `store` / `objects` names an object that only that
//! one has.

use crate::{
    Catalog, keys,
    row::{self, Row},
};
use model::Result;
use records::{Condition, Consistency};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Mark {
    object: String,
}

impl Row for Mark {
    const WHAT: &'static str = "the mark of the store of objects";
}

impl Catalog {
    /// The name of the object by which the store of objects is known, once there is one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn mark(&self) -> Result<Option<String>> {
        let record = self.records.get(&keys::mark(), Consistency::Strong).await?;
        record.map(|record| row::decode(record.value).map(|mark: Mark| mark.object)).transpose()
    }

    /// Names `object`, which is durable, as the mark.
    ///
    /// # Errors
    /// `Conflict` where there is one.
    pub async fn set_mark(&self, object: &str) -> Result<()> {
        let write = row::put(keys::mark(), Condition::Absent, &Mark { object: object.to_owned() })?;
        self.records.write(vec![write]).await.map(drop)
    }
}
