//! `hashreel keys`: API keys, made where the data is.

use crate::{
    args::{KeysAction, KeysArgs},
    data_dir::DataDir,
    place::Place,
    say,
};
use access::{KeyInfo, Keys};
use catalog::Catalog;
use model::{Result, Timestamp};
use service::of_setting;
use std::path::Path;

/// Keys that are read at a time.
const PAGE: usize = 100;

/// Makes, lists or revokes keys.
///
/// # Errors
/// Those of the data folder and of its records.
pub async fn run(args: &KeysArgs) -> Result<()> {
    let place = args.place.of("the keys");
    let records = match &place {
        Place::Records(url) => of_setting("records", records::open(url).await)?,
        Place::Folder(path) => data_dir(path, &args.action)?.records().await?,
    };
    let keys = Keys::new(Catalog::new(records));
    match &args.action {
        KeysAction::Create { owner, name } => {
            let (key, text) = keys.create(owner.clone(), name, Timestamp::now()).await?;
            say::talk(&format!("key {} of {}; it is shown this once:", key.id, key.owner));
            say::data(&text.expose());
        }
        KeysAction::List => list(&keys).await?,
        KeysAction::Revoke { id } => {
            keys.revoke(*id, Timestamp::now()).await?;
            say::talk(&format!("key {id} is revoked; servers notice within seconds"));
        }
    }
    Ok(())
}

/// The folder that the keys are in. Only the first key may be what makes it.
fn data_dir(path: &Path, action: &KeysAction) -> Result<DataDir> {
    match action {
        KeysAction::Create { .. } => DataDir::open(path),
        KeysAction::List | KeysAction::Revoke { .. } => DataDir::existing(path),
    }
}

async fn list(keys: &Keys) -> Result<()> {
    let (mut cursor, mut any) = (None, false);
    loop {
        let (page, next) = keys.list(PAGE, cursor.as_deref()).await?;
        for KeyInfo { id, owner, name, created, revoked } in page {
            let state = revoked.map_or("valid".into(), |at| format!("revoked {at:.0}"));
            any = true;
            say::data(&format!("{id}  {owner:<16}  {created:.0}  {state}  {name}"));
        }
        cursor = next;
        if cursor.is_none() {
            if !any {
                say::talk("there are no keys; `hashreel keys create` makes one");
            }
            return Ok(());
        }
    }
}
