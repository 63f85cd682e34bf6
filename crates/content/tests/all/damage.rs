//! Damage of every kind at every place: an error, never other bytes; and the next upload heals it.

use crate::support::*;
use futures::StreamExt;
use model::{ByteRange, ErrorKind};
use std::{fs, path::PathBuf};

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

const CHANGES: [(&str, Change); 6] = [
    ("flipped at the start", |path| rewrite(path, |bytes| bytes[0] ^= 1)),
    ("flipped at the end", |path| rewrite(path, |bytes| *bytes.last_mut().unwrap() ^= 0x80)),
    ("truncated", |path| rewrite(path, |bytes| bytes.truncate(bytes.len() / 2))),
    ("emptied", |path| rewrite(path, Vec::clear)),
    ("grown in front", |path| rewrite(path, |bytes| bytes.insert(0, 0))),
    ("missing", |path| fs::remove_file(path).unwrap()),
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

            // It is recorded: nobody needs to look at the object again to know.
            let gets = bed.counted.counts().gets;
            reader.read(ByteRange::at(at, 1)).await.unwrap_err();
            assert_eq!(bed.counted.counts().gets, gets, "{kind}, {name}");

            // The same bytes again heal both files, under a new name.
            let created = bed.counted.counts().created;
            let again = bed.put(&bytes).await;
            assert_eq!(bed.counted.counts().created, created + 1, "{kind}, {name}");
            assert!(bed.read(&again).await.unwrap() == bytes, "{kind}, {name}");
            assert!(bed.read(&file).await.unwrap() == bytes, "{kind}, {name}");
        }
    }
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
