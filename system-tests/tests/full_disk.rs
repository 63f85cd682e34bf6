//! A disk that is full takes nothing away: the error says so, what was acknowledged stays, and with some
//! space the upload goes on.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use reqwest::Method;
use std::{fs, path::Path};
use system_tests::{
    disk::SmallDisk,
    random::Random,
    server::{Server, command},
    site::{free_address, put_id},
};

const MIB: u64 = 1 << 20;
const DISK: u64 = 96 * MIB;
/// What is on the disk already, and can be taken away.
const BALLAST: u64 = 56 * MIB;
const FILE: u64 = 64 * MIB;

#[tokio::test]
async fn an_upload_that_fills_the_disk_goes_on_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(&dir.path().join("disk"), DISK);
    let data = dir.path().join("disk/data");
    let address = free_address();
    let server = Server::start_by(disk.mounted_for(&command(&data, address, &[])), &data, address);
    let mut random = Random::seeded("full_disk");
    let ballast = disk.seen_by(server.pid()).join("ballast");
    random.file(&ballast, BALLAST);
    let sent = dir.path().join("sent.bin");
    random.file(&sent, FILE);
    let put = || server.client(dir.path(), &["put", sent.to_str().unwrap()]);

    // The client says what is wrong, and gives up: nothing gets better by trying again.
    let output = put();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("full") && said.contains("free some space"), "{said}");

    // So does the server to any other client. It still serves, and there is no file yet.
    let upload = remembered(dir.path());
    let upload = upload.strip_prefix(&server.url()).unwrap();
    let append = server
        .ask(Method::PATCH, upload)
        .header("tus-resumable", "1.0.0")
        .header("content-type", "application/offset+octet-stream");
    let stands = offset(&server, upload).await;
    // Or the question itself was refused so, where not even the answer could be written down.
    if let Some(stands) = stands {
        let rest = fs::read(&sent).unwrap().split_off(usize::try_from(stands).unwrap());
        let refused = append.header("upload-offset", stands).body(rest).send().await.unwrap();
        assert_eq!(refused.status(), 507);
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
    }
    assert!(server.json("/v1/files").await["files"].as_array().unwrap().is_empty());

    fs::remove_file(&ballast).unwrap();
    let stands = offset(&server, upload).await.expect("with space again, an upload has its offset");
    println!("{stands} of {FILE} bytes are kept");
    assert!((16 * MIB..FILE).contains(&stands), "{stands} of {FILE}");
    let id = put_id(&put());
    server.same_bytes(dir.path(), &id, &sent);
    assert!(server.stop().success());
}

/// The address of the one upload that `put` remembers in `home`.
fn remembered(home: &Path) -> String {
    let mut notes = fs::read_dir(home.join("hashreel/uploads")).unwrap();
    let note = fs::read_to_string(notes.next().unwrap().unwrap().path()).unwrap();
    assert!(notes.next().is_none(), "one upload is remembered");
    note.trim().to_owned()
}

/// Where an upload stands; nothing while the server cannot even write down that it was asked.
async fn offset(server: &Server, upload: &str) -> Option<u64> {
    let answer = server.ask(Method::HEAD, upload).header("tus-resumable", "1.0.0");
    let answer = answer.send().await.unwrap();
    if answer.status() == 507 {
        return None;
    }
    assert_eq!(answer.status(), 200);
    Some(answer.headers()["upload-offset"].to_str().unwrap().parse().unwrap())
}
