//! An upload-svc that loses a back end in the middle of uploads: its clients see errors that pass, go on
//! afterwards, and lose nothing that was acknowledged; /readyz says so meanwhile, and of which. So does
//! /readyz of the other programs, and none of them ends.
//!
//! Each is lost for `HASHREEL_CUT_SECONDS` (8 by default; `./dev soak cut` takes 30). Needs what
//! `./dev localstack up` prints in the environment.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use reqwest::Method;
use serde_json::Value;
use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use system_tests::{
    clips, gates,
    localstack::Resources,
    programs::{Numbers, Programs, Service},
    random::Random,
    site::put_id,
    steady::Steady,
};
use testkit::gate::Way;
use tokio::time::sleep;

/// How long anything may take to be noticed, beyond the cut itself.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(250);
/// For what /readyz has found before, it does not look anew.
const TOLD_AGAIN: Duration = Duration::from_millis(1_100);

fn cut() -> Duration {
    let seconds = std::env::var("HASHREEL_CUT_SECONDS").map_or(8, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

/// What /readyz says: nothing, or why not.
async fn not_ready(service: &Service) -> Option<String> {
    let answer = service.request(Method::GET, "/readyz").await;
    if answer.status() == 200 {
        return None;
    }
    assert_eq!(answer.status(), 503);
    let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    Some(problem["detail"].as_str().unwrap().to_owned())
}

/// What /readyz says where `back_end` alone does not answer.
fn names(back_end: &str) -> String {
    format!("not ready: no answer from {back_end}")
}

/// Waits until `service` says that `back_end` alone does not answer, or that all do.
async fn says(service: &mut Service, back_end: Option<&str>) {
    let wanted = back_end.map(names);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = not_ready(service).await;
        if said == wanted {
            break;
        }
        assert!(Instant::now() < deadline, "{wanted:?} is not said, but {said:?}");
        sleep(LOOK).await;
    }
    assert!(service.process().ended().is_none(), "it lives");
    assert_eq!(service.json("/livez").await["alive"], true);
}

/// Loses each back end in turn.
async fn loses_each(way: Way) {
    let mut random = Random::seeded(&format!("cut_off::{way:?}"));
    let dir = tempfile::tempdir().unwrap();
    let numbers = Numbers { uploads: 1, metas: 1, workers: 1 };
    let programs = Programs::start(&dir.path().join("programs"), numbers);
    let log = dir.path().join("upload-svc.log");
    let (mut service, back_ends) = gates::start("upload-svc", programs.resources(), &log).await;
    let meta = &programs.metas[0];
    let front = dir.path().join("front");
    let front = Service::front(&front, &[service.address()], &[meta.address()]);
    let mut uploads = Vec::new();
    for _ in 0..3 {
        uploads.push(Steady::begin(&service, random.bits(), cut() + PATIENCE).await);
    }
    let mut videos = Vec::new();
    for (back_end, clip) in back_ends.iter().zip(clips::tiny()) {
        go_on(&uploads, &[0; 3]).await;
        let start = Instant::now();
        back_end.gate.set(way);
        let put = front
            .client_command(dir.path(), &["put", clip.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        says(&mut service, Some(back_end.name)).await;
        let noticed = start.elapsed();
        // Having said so it goes on saying so, and of no other.
        while start.elapsed() < cut() {
            assert_eq!(not_ready(&service).await, Some(names(back_end.name)));
            sleep(LOOK).await;
        }
        back_end.gate.set(Way::Open);
        says(&mut service, None).await;
        let told: Vec<_> = uploads.iter().map(Steady::told).collect();
        go_on(&uploads, &told).await;
        let put = tokio::task::spawn_blocking(|| put.wait_with_output().unwrap()).await.unwrap();
        videos.push((put_id(&put), clip));
        println!(
            "lost {} for {} s ({way:?}): /readyz said so after {noticed:.1?}; so far {:?}",
            back_end.name,
            cut().as_secs(),
            uploads.iter().map(Steady::refused).collect::<Vec<_>>(),
        );
    }
    for upload in uploads {
        upload.end(meta).await;
    }
    for (id, clip) in videos {
        meta.video_in(&id, "ready").await;
        meta.same_bytes(dir.path(), &id, Path::new(&clip));
    }
    assert!(service.stop().success(), "{}", std::fs::read_to_string(log).unwrap());
}

/// Waits until each upload has been told more than it was.
async fn go_on(uploads: &[Steady], told: &[u64]) {
    let deadline = Instant::now() + PATIENCE;
    while uploads.iter().zip(told).any(|(upload, told)| upload.told() <= *told) {
        assert!(Instant::now() < deadline, "an upload does not go on after {told:?}");
        sleep(LOOK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_outlive_that_each_back_end_is_gone_for_a_while() {
    loses_each(Way::Closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_outlive_that_each_back_end_hangs_for_a_while() {
    loses_each(Way::Silent).await;
}

/// An answer over HTTP.
macro_rules! answer {
    ($status:literal, $kind:literal, $body:literal) => {
        Way::Says(concat!(
            "HTTP/1.1 ",
            $status,
            "\r\ncontent-type: ",
            $kind,
            "\r\nconnection: close\r\n\r\n",
            $body
        ))
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_wrong_at_run_time_turns_readiness_off_and_not_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let resources = Resources::make();
    for program in ["upload-svc", "meta-svc", "transcode-worker"] {
        becomes_wrong(program, &resources, &dir.path().join(program)).await;
    }
}

async fn becomes_wrong(program: &str, resources: &Resources, log: &Path) {
    let (mut service, back_ends) = gates::start(program, resources, log).await;
    let html = answer!("200 OK", "text/html", "<html><body>Welcome</body></html>");
    let wrong: [&[Way]; 3] = [
        &[
            Way::Closed,
            Way::Silent,
            answer!("403 No", "application/xml", "<Error><Code>InvalidAccessKeyId</Code></Error>"),
            answer!("403 No", "application/xml", "<Error><Code>AccessDenied</Code></Error>"),
            answer!("404 No", "application/xml", "<Error><Code>NoSuchBucket</Code></Error>"),
            answer!(
                "403 No",
                "application/xml",
                "<Error><Code>RequestTimeTooSkewed</Code></Error>"
            ),
            html,
        ],
        &[
            Way::Closed,
            Way::Silent,
            answer!(
                "400 No",
                "application/x-amz-json-1.0",
                r#"{"__type":"UnrecognizedClientException"}"#
            ),
            // Other keys than ours.
            answer!("400 No", "application/x-amz-json-1.0", r#"{"__type":"ValidationException"}"#),
            answer!(
                "400 No",
                "application/x-amz-json-1.0",
                r#"{"__type":"ResourceNotFoundException"}"#
            ),
            html,
        ],
        &[
            Way::Closed,
            Way::Silent,
            answer!("403 No", "application/x-amz-json-1.0", r#"{"__type":"InvalidClientTokenId"}"#),
            answer!("400 No", "application/x-amz-json-1.0", r#"{"__type":"QueueDoesNotExist"}"#),
            html,
            Way::Says("SSH-2.0-OpenSSH_9.2\r\n"),
        ],
    ];
    for (back_end, wrong) in back_ends.iter().zip(wrong) {
        for way in wrong {
            back_end.gate.set(*way);
            sleep(TOLD_AGAIN).await;
            says(&mut service, Some(back_end.name)).await;
        }
        back_end.gate.set(Way::Open);
        says(&mut service, None).await;
    }
    assert!(service.stop().success(), "{}", std::fs::read_to_string(log).unwrap());
}
