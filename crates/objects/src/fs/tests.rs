//! The suite over files, and what is this back end's own.

use super::*;
use crate::{conformance, layer::Counted};
use futures::stream;
use std::{os::unix::fs::PermissionsExt, path::Path};

fn put(name: &str, bytes: &'static str) -> Put {
    Put::new(ObjectName::new(name).unwrap(), Bytes::from(bytes))
}

async fn names(store: &FsObjects) -> Vec<String> {
    let page = store.list("", None, MAX_LIST).await.unwrap();
    page.objects.into_iter().map(|object| object.name.to_string()).collect()
}

/// Every file below `place`, whatever its name.
fn files(place: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_every_promise_of_the_port() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("file://{}/objects", directory.path().display());
    conformance::suite(crate::open(&url).await.unwrap()).await;
    assert_eq!(files(directory.path()), [] as [PathBuf; 0], "something is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_on_one_directory_keep_every_promise_together() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("made/on/the/way");
    let (one, other) = tokio::join!(FsObjects::open(&root), FsObjects::open(&root));
    conformance::suite_on(vec![Arc::new(one.unwrap()), Arc::new(other.unwrap())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counting_layer_keeps_every_promise() {
    let directory = tempfile::tempdir().unwrap();
    let store = FsObjects::open(directory.path()).await.unwrap();
    conformance::suite(Arc::new(Counted::new(Arc::new(store)))).await;
}

#[tokio::test]
async fn the_counting_layer_tells_the_work_done() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(FsObjects::open(directory.path()).await.unwrap());
    let counted = Counted::new(store);
    counted.put_all(vec![put("a", "12345")]).await.unwrap();
    counted.put_all(vec![put("b", "123"), put("a", "12345")]).await.unwrap();
    let name = ObjectName::new("c").unwrap();
    let stream = stream::iter(["x", "yz"]).map(|piece| Ok(Bytes::from(piece))).boxed();
    counted.put_stream(&name, stream).await.unwrap();
    counted.get(&name, Some(ByteRange::new(1, 9))).await.unwrap();
    counted.head(&name).await.unwrap();
    counted.delete_all(&[name.clone(), name.clone()]).await.unwrap();
    // What is not there is an answer; what the caller got wrong is an error.
    counted.get(&name, None).await.unwrap_err();
    counted.list("", None, 0).await.unwrap_err();
    let counts: Vec<_> = counted.clone().counts().iter().filter(|(_, n)| *n > 0).collect();
    let expected = [
        ("batches", 2),
        ("streams", 1),
        ("created", 3),
        ("existed", 1),
        ("bytes_created", 11),
        ("gets", 2),
        ("bytes_read", 2),
        ("heads", 1),
        ("deletes", 2),
        ("lists", 1),
        ("errors", 1),
    ];
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn objects_are_there_when_the_store_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = FsObjects::open(directory.path()).await.unwrap();
    store.put_all(vec![put("x/y/1", "one"), put("x/2", "two")]).await.unwrap();
    drop(store);
    let again = FsObjects::open(directory.path()).await.unwrap();
    assert_eq!(names(&again).await, ["x/2", "x/y/1"]);
    // A person finds them as files under their names.
    assert_eq!(std::fs::read_to_string(directory.path().join("x/y/1")).unwrap(), "one");
}

#[tokio::test]
async fn a_name_and_a_directory_cannot_be_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let store = FsObjects::open(directory.path()).await.unwrap();
    store.put_all(vec![put("a/b", "x")]).await.unwrap();
    for name in ["a", "a/b/c", "a/b/c/d"] {
        let error = store.put_all(vec![put(name, "y")]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{}", error.chain());
        let stream = stream::iter([Ok(Bytes::from("y"))]).boxed();
        let name = ObjectName::new(name).unwrap();
        let error = store.put_stream(&name, stream).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{}", error.chain());
    }
    assert_eq!(names(&store).await, ["a/b"]);
}

#[tokio::test]
async fn a_directory_that_somebody_tidied_away_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = FsObjects::open(directory.path()).await.unwrap();
    store.put_all(vec![put("a/b/1", "x")]).await.unwrap();
    store.delete(&ObjectName::new("a/b/1").unwrap()).await.unwrap();
    std::fs::remove_dir_all(directory.path().join("a")).unwrap();
    store.put_all(vec![put("a/b/2", "y")]).await.unwrap();
    assert_eq!(names(&store).await, ["a/b/2"]);
}

#[tokio::test]
async fn files_of_others_are_no_objects() {
    let directory = tempfile::tempdir().unwrap();
    let store = FsObjects::open(directory.path()).await.unwrap();
    store.put_all(vec![put("mine", "x")]).await.unwrap();
    std::fs::create_dir_all(directory.path().join(".hidden/x")).unwrap();
    std::fs::create_dir_all(directory.path().join("lost+found/x")).unwrap();
    for name in [".hidden/x/y", ".dot", "a b", "lost+found/x/y"] {
        std::fs::write(directory.path().join(name), "not ours").unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).unwrap();
    assert_eq!(names(&store).await, ["mine"]);
    let link = ObjectName::new("link").unwrap();
    assert_eq!(store.get(&link, None).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_listing_reads_nothing_beside_its_prefix() {
    let directory = tempfile::tempdir().unwrap();
    let store = FsObjects::open(directory.path().join("objects")).await.unwrap();
    store.put_all(vec![put("a/b/1", "x"), put("a/c/1", "y")]).await.unwrap();
    // What is on the way to the prefix can be passed through, but not be read.
    let way = directory.path().join("objects/a");
    let closed = std::fs::Permissions::from_mode(0o311);
    std::fs::set_permissions(&way, closed).unwrap();
    let is_kept_out = std::fs::read_dir(&way).is_err();
    let page = store.list("a/b/", None, 10).await;
    std::fs::set_permissions(&way, std::fs::Permissions::from_mode(0o755)).unwrap();
    // To root every directory is open; what is listed is the same.
    assert_eq!(page.unwrap().objects.len(), 1, "kept out of the rest: {is_kept_out}");
    std::fs::write(directory.path().join("secret"), "").unwrap();
    for prefix in ["../", "a/../../", "/", "//", "a//", "./", "a/b/1/"] {
        let page = store.list(prefix, None, 10).await.unwrap();
        assert_eq!(page.objects, [], "{prefix}");
    }
}

#[tokio::test]
async fn a_place_that_cannot_hold_objects_is_told_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    for place in [file.clone(), file.join("below"), PathBuf::from("/proc/objects")] {
        let error = FsObjects::open(&place).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{}", error.chain());
        assert!(error.to_string().contains(&place.display().to_string()), "{error}");
    }
    for url in ["ftp://bucket", "/tmp", "", "file://here"] {
        let error = crate::open(url).await.unwrap_err();
        assert!(error.to_string().contains("file:///DIRECTORY"), "{error}");
    }
}

#[tokio::test]
async fn puts_that_nobody_polls_keep_none_of_those_that_somebody_does() {
    let directory = tempfile::tempdir().unwrap();
    let store = FsObjects::open(directory.path()).await.unwrap();
    let every = u32::try_from(BATCHES).unwrap();
    let busy = store.batches.clone().acquire_many_owned(every).await.unwrap();
    let mut left: Vec<_> =
        (0..BATCHES).map(|n| store.put_all(vec![put(&format!("left/{n}"), "x")])).collect();
    for put in &mut left {
        assert!(futures::poll!(put).is_pending());
    }
    drop(busy);
    let polled = store.put_all(vec![put("polled", "x")]);
    let polled = tokio::time::timeout(Duration::from_secs(60), polled).await;
    assert_eq!(polled.expect("a put that is polled ends").unwrap(), [Outcome::Created]);
    drop(left);
}
