//! Every refused option, folder, file and request says in words what is wrong and what to do, ends with
//! the documented exit code, and harms nothing.

#![allow(clippy::unwrap_used, missing_docs)]

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};
use system_tests::{
    program::{hashreel, run, succeed},
    server::{Server, command, refuses_to_start, refuses_to_start_by},
    site::{free_address, put_id},
};

/// That a program refused in words, with this code.
fn refused(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
}

#[test]
fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let data = dir.path().join("data");
    let output = refuses_to_start(&data, address);
    refused(&output, 1, &[&address.to_string(), "in use", "--listen"]);
    assert!(!data.exists(), "a start that is refused leaves nothing");
}

#[test]
fn an_upload_that_is_stopped_says_how_to_go_on() {
    // Takes connections and never answers, so that the upload is under way for as long as is needed.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("clip.mp4");
    fs::write(&file, "x").unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());
    let put = Command::new(hashreel())
        .args(["put", "--server", &server])
        .arg(&file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    kill_process(Pid::from_child(&put), Signal::INT).unwrap();
    refused(&put.wait_with_output().unwrap(), 130, &["stopped", "the same command again"]);
}

#[test]
fn a_newer_folder_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("format"), "99\n").unwrap();
    refused(&refuses_to_start(dir.path(), free_address()), 2, &["newer", "update"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_of_something_else_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    refused(&refuses_to_start(dir.path(), free_address()), 2, &["--data"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_second_server_on_a_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let _first = Server::start(&data);
    let output = refuses_to_start(&data, free_address());
    refused(&output, 1, &["another", "--data"]);
}

#[test]
fn a_server_that_demands_keys_and_has_none_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for options in [["--require-keys"].as_slice(), &["--listen", "0.0.0.0:0"]] {
        let command = [&["up", "--data", data.to_str().unwrap()], options].concat();
        refused(&run(hashreel(), command), 2, &["hashreel keys create", data.to_str().unwrap()]);
        assert!(!data.exists(), "a start that is refused leaves nothing");
    }
}

#[test]
fn an_encoder_that_this_machine_lacks_is_named_at_start() {
    let dir = tempfile::tempdir().unwrap();
    // libav as a distribution builds it that leaves encoders out.
    let (source, without) = (dir.path().join("without.c"), dir.path().join("without.so"));
    let finds_none =
        "void *avcodec_find_encoder_by_name(const char *name) { (void)name; return 0; }";
    fs::write(&source, finds_none).unwrap();
    let options = ["-shared", "-fPIC", "-o"].map(Path::new);
    succeed("cc", options.into_iter().chain([&*without, &*source]));
    let mut server = command(&dir.path().join("data"), free_address(), &[]);
    server.env("LD_PRELOAD", &without);
    refused(&refuses_to_start_by(server), 2, &["libx264", "install", "libavcodec-extra"]);
    assert!(!dir.path().join("data").exists());
}

#[test]
fn what_is_not_there_is_said_before_a_folder_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let named = data.to_str().unwrap();
    let listed = run(hashreel(), ["keys", "list", "--data", named]);
    refused(&listed, 4, &["no data folder", named, "--data"]);
    let up = run(hashreel(), ["up", "--data", named, "nosuch.mp4"]);
    refused(&up, 4, &["nosuch.mp4: cannot read"]);
    assert!(!data.exists());
}

#[test]
fn too_little_memory_is_said_before_a_folder_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let up = run(hashreel(), ["up", "--data", data.to_str().unwrap(), "--upload-memory", "15MiB"]);
    refused(&up, 2, &["--upload-memory", "16MiB at least"]);
    assert!(!data.exists());
}

#[test]
fn the_command_line_explains_itself() {
    for (args, words) in [
        (&["--help"][..], &["put", "up", "Exit codes"][..]),
        (&["put", "--help"], &["HASHREEL_SERVER", "--wait", "exit code"]),
        (&["--version"], &["hashreel"]),
    ] {
        let output = run(hashreel(), args);
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        for word in words {
            assert!(said.contains(word), "{args:?} does not say {word}: {said}");
        }
    }
    for args in
        [&["dance"][..], &["put"], &["put", "--sideways", "x"], &["up", "--workers", "many"]]
    {
        refused(&run(hashreel(), args), 2, &["--help"]);
    }
}

#[test]
fn a_client_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let path = dir.path().join("a.txt");
    fs::write(&path, "hello").unwrap();
    let file = path.to_str().unwrap();
    let client = |args: &[&str]| server.client(dir.path(), args);

    refused(&client(&["put", "/nonexistent/file"]), 4, &["/nonexistent/file"]);
    refused(&client(&["put", dir.path().to_str().unwrap()]), 2, &["not a file"]);
    refused(&client(&["get", "nothing-like-this"]), 4, &["hashreel ls"]);
    refused(&client(&["info", "0198c7d2-0000-7000-8000-000000000000"]), 4, &["no such file"]);
    refused(
        &client(&["watch", &server.put(dir.path(), &path)]),
        2,
        &["not a video", "hashreel get"],
    );
    let nowhere = format!("http://{}", free_address());
    for args in [&["ls", "--server", &nowhere][..], &["put", file, "--server", &nowhere]] {
        let output = client(args);
        refused(&output, 3, &[&nowhere, "hashreel up"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.lines().count() == 1 && !said.contains("error sending"), "{said}");
    }
    refused(&client(&["ls", "--server", "ftp://x"]), 2, &["http://"]);
    refused(&client(&["ls", "--server", "example.org"]), 2, &["https://example.org, or http://"]);
    let here = server.address().to_string();
    assert!(client(&["ls", "--server", &here]).status.success(), "this machine needs no http://");
}

#[test]
fn the_same_file_twice_is_said_and_a_name_of_two_gives_their_ids() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let file = dir.path().join("a.txt");
    fs::write(&file, "hello").unwrap();
    let put = || server.client(dir.path(), &["put", file.to_str().unwrap()]);
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let first = put();
    assert!(!said(&first).contains("the same bytes"));
    let id = put_id(&first);
    let second = put();
    let words = format!("it has the same bytes as {id} a.txt: nothing was stored again");
    assert!(said(&second).contains(&words), "{}", said(&second));
    for command in ["get", "info", "rm", "watch"] {
        let output = server.client(dir.path(), &[command, "a.txt"]);
        refused(&output, 2, &["2 files", &id, &put_id(&second), "T"]);
    }
    assert!(server.client(dir.path(), &["rm", &id]).status.success());
    assert!(server.client(dir.path(), &["info", "a.txt"]).status.success());
}

#[test]
fn a_download_never_overwrites_by_accident() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let file = dir.path().join("a.txt");
    fs::write(&file, "hello").unwrap();
    let id = server.put(dir.path(), &file);
    fs::write(&file, "changed").unwrap();
    let into = file.to_str().unwrap();
    let output = server.client(dir.path(), &["get", &id, "--output", into]);
    refused(&output, 2, &["--force"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "changed");
    let nowhere = dir.path().join("no/where");
    let output = server.client(dir.path(), &["get", &id, "--output", nowhere.to_str().unwrap()]);
    refused(&output, 2, &[&format!("cannot write {}: ", nowhere.display())]);
    assert!(server.client(dir.path(), &["get", &id, "--output", into, "--force"]).status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello");
}

#[tokio::test]
async fn what_is_no_video_stays_a_file_and_what_is_broken_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let text = dir.path().join("a.txt");
    fs::write(&text, "hello").unwrap();
    let id = server.put(dir.path(), &text);
    let file = server.json(&format!("/v1/files/{id}")).await;
    assert!(file["video"].is_null(), "{file}");

    let broken = dir.path().join("broken.mp4");
    let clip = fs::read(system_tests::clips::small()).unwrap();
    // The index of this clip is at its end.
    fs::write(&broken, &clip[..clip.len() / 2]).unwrap();
    let output = server.client(dir.path(), &["put", "--wait", broken.to_str().unwrap()]);
    let reason = "the file was cut off before its index";
    refused(&output, 2, &["is stored, but no stream was made of it", reason]);
    let printed = String::from_utf8_lossy(&output.stdout);
    let retry = |options: &[&str]| {
        server.client(dir.path(), &[&["jobs", "retry", "broken.mp4"], options].concat())
    };
    refused(&retry(&[]), 1, &["would again", reason, "force"]);
    let listed = server.json("/v1/files").await;
    let id = listed["files"][0]["id"].as_str().unwrap();
    assert_eq!(listed["files"][0]["video"]["state"], "failed");
    assert_eq!(printed.trim(), id, "it is stored, so its id is said");
    assert!(retry(&["--force"]).status.success());
    assert_eq!(server.get(&format!("/v1/files/{id}/content")).await, fs::read(&broken).unwrap());
}

#[test]
fn a_video_that_was_cut_off_says_how_much_of_it_could_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let clip = system_tests::clips::small();
    // With its index in front, as a film is for the web; and with its index at the end.
    for container in ["mp4", "mkv"] {
        let path = |name: &str| dir.path().join(format!("{name}.{container}"));
        let (whole, cut) = (path("whole"), path("cut"));
        let front = ["-c", "copy", "-movflags", "+faststart"].map(Path::new);
        let arguments = [Path::new("-v"), Path::new("error"), Path::new("-i"), &clip];
        succeed("ffmpeg", arguments.into_iter().chain(front).chain([&*whole]));
        let bytes = fs::read(&whole).unwrap();
        fs::write(&cut, &bytes[..bytes.len() * 6 / 10]).unwrap();
        for (file, expected) in [(&cut, true), (&whole, false)] {
            let name = file.file_name().unwrap().to_str().unwrap();
            let put = server.client(dir.path(), &["put", "--wait", file.to_str().unwrap()]);
            assert!(put.status.success());
            let info = server.client(dir.path(), &["info", name]);
            for said in [&put.stderr, &info.stdout] {
                let said = String::from_utf8_lossy(said);
                assert_eq!(said.contains("cut off: it announces 4 s, 2."), expected, "{said}");
            }
            let info = server.client(dir.path(), &["info", "--json", name]);
            let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
            let announced = info["video"]["announced_duration"].as_f64();
            assert_eq!(announced.map(f64::round), expected.then_some(4.0), "{info}");
            let there = info["video"]["duration"].as_f64().unwrap();
            assert_eq!(there < 3.0, expected, "{info}");
        }
    }
}
