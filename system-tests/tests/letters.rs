//! `hashreel jobs dead | redrive | discard` on a data folder, served or not.

#![allow(clippy::unwrap_used, missing_docs)]

use catalog::{Catalog, jobs::Job};
use std::collections::BTreeMap;
use system_tests::{
    clips,
    letters::{self, Jobs},
    server::Server,
    site::free_address,
};

#[tokio::test]
async fn jobs_that_were_put_aside_are_listed_put_back_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_at(&data, free_address(), &["--workers", "0"]);
    let jobs = Jobs::new(&["--data", data.to_str().unwrap()], &BTreeMap::new());
    let queue = format!("sqlite://{}/queue.db", data.display());

    // Nobody takes tasks here, so one of them can be put aside; the other is no job at all.
    let file = server.put(dir.path(), &clips::small());
    letters::bury_one(&queue, "the disk of the test is on fire").await;
    letters::send(&queue::quick_url(&queue), r#"{"v":1,"job":"dance"}"#).await;
    let (task, strange) = (jobs.wait_for("task/").await, jobs.wait_for("quick/").await);
    assert!(task.contains("on fire") && task.contains("1 deliveries"), "{task}");
    assert!(task.contains("task 0 of") && task.contains(&file), "{task}");
    assert!(strange.contains("no known job") && strange.contains("dance"), "{strange}");

    let id = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    assert_eq!(jobs.succeed(&["discard", &id(&strange)]), "");
    assert!(!jobs.succeed(&["dead"]).contains("quick/"));
    let gone = jobs.run(&["discard", &id(&strange)]);
    assert_eq!(gone.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("hashreel jobs dead"));
    assert_eq!(jobs.run(&["redrive", "nonsense"]).status.code(), Some(2));
    assert!(server.stop().success());

    // While nobody serves the folder.
    assert_eq!(jobs.succeed(&["redrive", &id(&task)]), "");
    assert_eq!(jobs.succeed(&["dead"]), "");
    let server = Server::start(&data);
    server.video_in(&file, "ready").await;
    assert!(server.stop().success());
}

#[tokio::test]
async fn a_job_that_failed_its_video_makes_it_begin_anew() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_at(&data, free_address(), &["--workers", "0"]);
    let queue = format!("sqlite://{}/queue.db", data.display());
    let file = server.put(dir.path(), &clips::small());
    let Job::Task { video, .. } = letters::bury_one(&queue, "a defect").await else {
        panic!("the queue of tasks has other jobs");
    };
    let records = records::open(&format!("sqlite://{}/records.db", data.display())).await.unwrap();
    let catalog = Catalog::new(records);
    catalog.give_up_video(&video, "a defect", model::Timestamp::now()).await.unwrap();
    server.video_in(&file, "failed").await;
    assert!(server.stop().success());

    let jobs = Jobs::new(&["--data", data.to_str().unwrap()], &BTreeMap::new());
    let said = jobs.run(&["redrive", "--all"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("is tried again"), "{said:?}");
    assert_eq!(jobs.succeed(&["dead"]), "");
    let server = Server::start(&data);
    server.video_in(&file, "ready").await;
    assert!(server.stop().success());
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    let said = Jobs::new(&["--data", nowhere.to_str().unwrap()], &BTreeMap::new()).run(&["dead"]);
    assert_eq!(said.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&said.stderr).contains("--data"), "{said:?}");
}
