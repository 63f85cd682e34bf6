//! Damage of every kind at every place: an error, never other bytes; and the next upload heals it.

use crate::{gates::Keeps, support::*};
use catalog::Catalog;
use content::Store;
use futures::StreamExt;
use model::{ByteRange, ErrorKind};
use objects::layer::Counted;
use std::{fs, path::PathBuf, sync::Arc};

/// The file of an object: wherever the store keeps it, its name ends in the object's.
fn file_of(bed: &Bed, object: &str) -> PathBuf {
    let mut dirs = vec![bed.dir.path().join("objects")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.file_name().unwrap().to_str() == object.rsplit('/').next() {
                return path;
            }
        }
    }
    panic!("no file of {object}")
}

fn rewrite(path: &std::path::Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    // Stored files are read-only, and replaced as an evil disk would.
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

type Change = fn(&std::path::Path);

const MISSING: &str = "missing";

const CHANGES: [(&str, Change); 6] = [
    ("flipped at the start", |path| rewrite(path, |bytes| bytes[0] ^= 1)),
    ("flipped at the end", |path| rewrite(path, |bytes| *bytes.last_mut().unwrap() ^= 0x80)),
    ("truncated", |path| rewrite(path, |bytes| bytes.truncate(bytes.len() / 2))),
    ("emptied", |path| rewrite(path, Vec::clear)),
    ("grown in front", |path| rewrite(path, |bytes| bytes.insert(0, 0))),
    (MISSING, |path| fs::remove_file(path).unwrap()),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_block_is_an_error_and_never_served() {
    let texts = (0..12_000).map(|line| format!("line {line}\n")).collect::<String>().into_bytes();
    for (name, change) in CHANGES {
        for (kind, bytes) in [("plain", noise(150_000, 1)), ("compressed", texts.clone())] {
            let bed = bed().await;
            let file = bed.put(&bytes).await;
            let reader = bed.store.reader(&file.current);
            let objects = bed.objects("blocks/").await;
            assert!(objects.len() >= 3);
            change(&file_of(&bed, &objects[1]));

            // Whatever comes before the damage is right, and nothing comes after it.
            let all = ByteRange::new(0, u64::MAX);
            let parts: Vec<_> = reader.stream(all).unwrap().collect().await;
            let (last, before) = parts.split_last().unwrap();
            let good: Vec<u8> =
                before.iter().flat_map(|part| part.as_ref().unwrap().to_vec()).collect();
            assert!(bytes.starts_with(&good), "{kind}, {name}");
            assert_eq!(last.as_ref().unwrap_err().kind(), ErrorKind::Damaged, "{kind}, {name}");
            let at = good.len() as u64;
            let read = reader.read(ByteRange::at(at, 1)).await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Damaged, "{kind}, {name}");

            // It is recorded: nobody needs to look at the object again to know. What is missing may come
            // back, so it is looked for.
            let gets = bed.counted.counts().gets;
            reader.read(ByteRange::at(at, 1)).await.unwrap_err();
            let looks = if name == MISSING { 2 } else { 0 };
            assert_eq!(bed.counted.counts().gets, gets + looks, "{kind}, {name}");

            // The same bytes again heal both files, under a new name.
            let created = bed.counted.counts().created;
            let again = bed.put(&bytes).await;
            assert_eq!(bed.counted.counts().created, created + 1, "{kind}, {name}");
            assert!(bed.read(&again).await.unwrap() == bytes, "{kind}, {name}");
            assert!(bed.read(&file).await.unwrap() == bytes, "{kind}, {name}");
        }
    }
}

/// Every file of the store, elsewhere: as where the disk is not mounted, or the prefix is another.
fn take_away(bed: &Bed) -> (PathBuf, PathBuf) {
    let (objects, elsewhere) = (bed.dir.path().join("objects"), bed.dir.path().join("elsewhere"));
    fs::create_dir(&elsewhere).unwrap();
    for entry in fs::read_dir(&objects).unwrap() {
        let name = entry.unwrap().file_name();
        fs::rename(objects.join(&name), elsewhere.join(&name)).unwrap();
    }
    (objects, elsewhere)
}

fn bring_back((objects, elsewhere): (PathBuf, PathBuf)) {
    for entry in fs::read_dir(&elsewhere).unwrap() {
        let name = entry.unwrap().file_name();
        fs::rename(elsewhere.join(&name), objects.join(&name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_not_the_records_own_damages_nothing() {
    let bed = bed().await;
    bed.store.claim().await.unwrap();
    let bytes = noise(150_000, 3);
    let file = bed.put(&bytes).await;
    let reader = bed.store.reader(&file.current);
    let away = take_away(&bed);
    let error = reader.read(ByteRange::at(0, 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    for checked in [bed.store.recognize().await, bed.store.claim().await] {
        let error = checked.unwrap_err();
        assert!(error.to_string().contains("not those of these records"), "{error}");
    }
    bring_back(away);
    bed.store.claim().await.unwrap();
    assert!(bed.read(&file).await.unwrap() == bytes);
    // Nothing was taken for missing: the same bytes again are there.
    let created = bed.counted.counts().created;
    bed.put(&bytes).await;
    assert_eq!(bed.counted.counts().created, created);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missing_and_is_back_is_read() {
    let bed = bed().await;
    // Records of before there were marks. One block, so that no reading of another is under way when the
    // first is known to be missing.
    let bytes = noise(3_000, 4);
    let file = bed.put(&bytes).await;
    let away = take_away(&bed);
    assert_eq!(bed.read(&file).await.unwrap_err().kind(), ErrorKind::Damaged);
    bring_back(away);
    assert!(bed.read(&file).await.unwrap() == bytes);
    let created = bed.counted.counts().created;
    bed.put(&bytes).await;
    assert_eq!(bed.counted.counts().created, created);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_begin_together_agree_on_a_mark() {
    let bed = bed().await;
    let claims = (0..8).map(|_| bed.store.claim());
    futures::future::try_join_all(claims).await.unwrap();
    bed.store.recognize().await.unwrap();
    assert_eq!(bed.objects("mark/").await.len(), 1, "the others took theirs away");
}

#[tokio::test]
async fn a_store_that_overwrites_is_none_to_write_to() {
    let dir = tempfile::tempdir().unwrap();
    let (objects, records) = ports(dir.path()).await;
    let keeps = Arc::new(Keeps::new(objects));
    let counted = Counted::new(keeps.clone());
    let store = Store::new(Catalog::new(records), Arc::new(counted.clone()), config()).unwrap();
    store.claim().await.unwrap();
    keeps.overwrite();
    let error = store.claim().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{}", error.chain());
    assert!(error.to_string().contains("conditional writes"), "{error}");
    // Whoever only reads may not write, and puts nothing.
    let batches = counted.counts().batches;
    store.recognize().await.unwrap();
    assert_eq!(counted.counts().batches, batches);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_tail_never_becomes_a_block() {
    let bytes = noise(40_000, 2);
    for (name, change) in CHANGES {
        let bed = bed().await;
        let upload = bed.create(bytes.len()).await;
        bed.append(upload.id, 0, &bytes[..1000]).await.unwrap();
        bed.append(upload.id, 1000, &bytes[1000..2000]).await.unwrap();
        let tails = bed.objects("tails/").await;
        assert_eq!(tails.len(), 2);
        change(&file_of(&bed, &tails[0]));
        let error = bed.append(upload.id, 2000, &bytes[2000..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{name}");
        assert!(bed.objects("blocks/").await.is_empty(), "{name}");
    }
}
