//! The three programs on LocalStack, with segments straight from the bucket. Needs what `./dev localstack up`
//! prints in the environment.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use system_tests::{
    browser::steps,
    clips,
    programs::{Numbers, Programs, Service},
};
use testkit::localstack::endpoint;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_plays_what_it_is_sent_to_the_bucket_for() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("log");
    let mut programs = Programs::start(&folder, Numbers { uploads: 1, metas: 1, workers: 1 });
    let file = programs.front.put(dir.path(), &clips::one_rung());
    programs.front.video_in(&file, "ready").await;

    // A second meta-svc over the same videos: how they are delivered is not in the stores.
    let mut command = programs.resources().command("meta-svc");
    command.env("HASHREEL_DELIVERY", "presigned");
    let meta = Service::start(command, &folder.join("presigned"));
    let (bucket, _) = endpoint("AWS_ENDPOINT_URL");
    println!("{}", steps(&meta, &["--only", "bucket", "--bucket", &bucket, "--file", &file]));
    assert!(meta.stop().success());
    assert!(programs.stop().success(), "{}", programs.log());
}
