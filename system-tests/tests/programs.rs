//! `upload-svc`, `meta-svc` and `transcode-worker` as programs of their own, several of each, over S3, SQS
//! and DynamoDB: any of them goes on with what another began. Needs what `./dev localstack up` prints in the
//! environment.

#![allow(clippy::unwrap_used, missing_docs)]

use futures::{SinkExt as _, StreamExt as _, channel::mpsc};
use reqwest::{Body, Method, Response};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use system_tests::{
    clips,
    letters::{self, Jobs},
    localstack::Resources,
    programs::{Numbers, Programs, Service},
    random::Random,
    site::Site,
    stream::fingerprint,
    tus,
};
use tempfile::TempDir;
use tokio::{net::TcpStream, task::JoinHandle, time::sleep};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

/// Longer than anything here may take, but a video.
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: usize = 1 << 20;

fn start(uploads: usize, metas: usize, workers: usize) -> (Programs, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let programs = Programs::start(&dir.path().join("log"), Numbers { uploads, metas, workers });
    (programs, dir)
}

/// A file of random bytes, and what is in it.
fn random(dir: &TempDir, seed: &str, len: usize) -> (PathBuf, Vec<u8>) {
    let path = dir.path().join(seed.replace(':', "-"));
    Random::seeded(seed).file(&path, len as u64);
    let bytes = fs::read(&path).unwrap();
    (path, bytes)
}

/// A PATCH whose body comes piece by piece, as its sender likes.
struct Slow {
    body: mpsc::Sender<io::Result<Vec<u8>>>,
    answer: JoinHandle<reqwest::Result<Response>>,
}

impl Slow {
    fn patch(site: &Site, upload: &str, offset: u64) -> Self {
        let (body, pieces) = mpsc::channel(0);
        let request = tus::patch(site, upload, offset, Body::wrap_stream(pieces));
        Self { body, answer: tokio::spawn(request.send()) }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.body.send(Ok(bytes.to_vec())).await.unwrap();
    }
}

/// Waits until some block of an upload is stored.
async fn stores(resources: &Resources) {
    let store = objects::open(resources.setting("HASHREEL_OBJECTS")).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while store.list("blocks/", None, 1).await.unwrap().objects.is_empty() {
        assert!(Instant::now() < deadline, "no block is stored");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn each_program_tells_that_it_lives_is_ready_and_what_it_did() {
    let (mut programs, _dir) = start(1, 1, 1);
    let back_ends: [(&Service, &[&str]); 3] = [
        (&programs.uploads[0], &["objects", "queue", "records"]),
        (&programs.metas[0], &["objects", "records"]),
        (&programs.workers[0], &["objects", "queue", "records"]),
    ];
    for (service, back_ends) in back_ends {
        assert_eq!(service.json("/livez").await["alive"], true);
        let ready = service.json("/readyz").await;
        let checks = ready["checks"].as_object().unwrap();
        let named: BTreeSet<_> = checks.keys().map(String::as_str).collect();
        assert_eq!(named, back_ends.iter().copied().collect());
        assert!(checks.values().all(|check| check == "ok"), "{ready}");
        let figures = String::from_utf8(service.get("/metrics").await).unwrap();
        let asked = r#"hashreel_http_requests_total{method="GET",route="/readyz",status="200"}"#;
        assert!(figures.contains(asked), "{figures}");
    }
    for (service, path) in [(&programs.uploads[0], "/uploads"), (&programs.metas[0], "/v1/files")] {
        let described = service.json("/openapi.json").await;
        assert!(described["paths"].get(path).is_some(), "{described}");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        let status = programs.front.request(Method::GET, path).await.status();
        assert_eq!(status, 404, "{path} is for operators");
    }
    assert!(programs.stop().success(), "{}", programs.log());
}

#[tokio::test]
async fn an_upload_goes_on_at_another_upload_svc_than_the_one_that_began_it() {
    let (mut programs, dir) = start(2, 1, 0);
    let (path, bytes) = random(&dir, "programs::another", 24 * MIB);
    let (one, other) = (&programs.uploads[0], &programs.uploads[1]);
    let upload = tus::create(one, bytes.len() as u64).await;

    // In turns.
    for (k, piece) in bytes[..8 * MIB].chunks(2 * MIB).enumerate() {
        let site: &Site = if k % 2 == 0 { other } else { one };
        let offset = (k * 2 * MIB) as u64;
        assert_eq!(tus::offset(site, &upload).await, offset);
        let answer = tus::patch(site, &upload, offset, piece.to_vec()).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }

    // From one that still writes it, and believes to be the only one.
    let mut slow = Slow::patch(one, &upload, 8 << 20);
    slow.send(&bytes[8 * MIB..16 * MIB]).await;
    stores(programs.resources()).await;
    let taken = tus::offset(other, &upload).await;
    assert!(taken >= 8 << 20, "what was told stays: {taken}");
    let rest = bytes[usize::try_from(taken).unwrap()..].to_vec();
    let answer = tus::patch(other, &upload, taken, rest).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let file = tus::file_of(&answer).unwrap();
    // Nobody is left to take it. The sender may have been told so already.
    let _ = slow.body.send(Ok(bytes[16 * MIB..].to_vec())).await;
    drop(slow.body);
    let late = slow.answer.await.unwrap();
    assert!(late.is_err() || !late.unwrap().status().is_success(), "two writers have succeeded");

    programs.metas[0].same_bytes(dir.path(), &file, &path);
    let size = programs.metas[0].json(&format!("/v1/files/{file}")).await["size"].as_u64();
    assert_eq!(size, Some(bytes.len() as u64));
    assert!(programs.stop().success(), "{}", programs.log());
}

#[tokio::test]
async fn a_key_made_in_the_records_opens_every_program() {
    let resources = Resources::make();
    let dir = tempfile::tempdir().unwrap();
    let start = |program: &str| {
        let mut command = resources.command(program);
        command.env("HASHREEL_REQUIRE_KEYS", "true");
        Service::start(command, &dir.path().join("log"))
    };
    let (uploads, meta) = (start("upload-svc"), start("meta-svc"));
    let mut keys = resources.command("hashreel");
    let made = keys.args(["keys", "create", "--owner", "alice"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = String::from_utf8(made.stdout).unwrap();

    let ask = |site: &Site, method: Method, path: &str| site.ask(method, path).body("bytes");
    for (site, method, path) in
        [(&uploads, Method::POST, "/uploads"), (&meta, Method::GET, "/v1/files")]
    {
        let refused = ask(site, method.clone(), path).send().await.unwrap();
        assert_eq!(refused.status(), 401, "{path} without a key");
        let taken = ask(site, method, path).bearer_auth(key.trim()).send().await.unwrap();
        assert!(taken.status().is_success(), "{path} with a key: {}", taken.status());
    }
    assert!(uploads.stop().success() && meta.stop().success());
}

type Socket = WebSocketStream<TcpStream>;

async fn listen(site: &Site) -> Socket {
    let request = format!("ws://{}/v1/events", site.address()).into_client_request().unwrap();
    let stream = TcpStream::connect(site.address()).await.unwrap();
    client_async(request, stream).await.unwrap().0
}

/// Events until all of `wanted` were heard.
async fn hear(socket: &mut Socket, wanted: &BTreeSet<String>) -> BTreeSet<String> {
    let mut heard = BTreeSet::new();
    let all = async {
        while !heard.is_superset(wanted) {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                let event: serde_json::Value = serde_json::from_str(&text).unwrap();
                let is_new = heard.insert(event["id"].as_str().unwrap().to_owned());
                assert!(is_new, "an event came twice: {event}");
            }
        }
    };
    let all = tokio::time::timeout(PATIENCE, all).await;
    assert!(all.is_ok(), "missed: {:?}", wanted.difference(&heard).collect::<Vec<_>>());
    heard
}

#[tokio::test]
async fn whoever_listens_at_any_meta_svc_hears_of_everything() {
    let (mut programs, dir) = start(2, 2, 1);
    let mut sockets = Vec::new();
    for meta in &programs.metas {
        sockets.push(listen(meta).await);
    }
    let (text, _) = random(&dir, "programs::events", MIB);
    let _file = programs.front.put(dir.path(), &text);
    programs.uploads[0].ask(Method::POST, "/uploads").body("one").send().await.unwrap();
    programs.uploads[1].ask(Method::POST, "/uploads").body("other").send().await.unwrap();
    let clip = programs.front.put(dir.path(), &clips::small());
    programs.metas[1].video_in(&clip, "ready").await;

    let history = programs.metas[0].json("/v1/events?limit=1000").await;
    let history: Vec<_> = history["events"].as_array().unwrap().clone();
    for kind in ["upload.created", "file.stored", "video.changed"] {
        assert!(history.iter().any(|event| event["type"] == kind), "{kind}: {history:?}");
    }
    let ids = history.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    for socket in &mut sockets {
        assert_eq!(hear(socket, &ids).await, ids);
    }
    // With both still listening.
    assert!(programs.stop().success(), "{}", programs.log());
    for socket in &mut sockets {
        let goodbye = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
        assert!(matches!(goodbye, Some(Ok(Message::Close(Some(_))))), "{goodbye:?}");
    }
}

#[tokio::test]
async fn an_upload_svc_that_is_told_to_stop_keeps_what_came_and_another_goes_on() {
    let (mut programs, dir) = start(2, 1, 0);
    let (path, bytes) = random(&dir, "programs::stop", 32 * MIB);
    let upload = tus::create(&programs.uploads[0], bytes.len() as u64).await;
    let mut slow = Slow::patch(&programs.uploads[0], &upload, 0);
    slow.send(&bytes[..16 * MIB]).await;
    stores(programs.resources()).await;
    // It does not wait for the rest of a body that does not come.
    let status = programs.uploads.remove(0).stop();
    assert_eq!(status.code(), Some(0), "{}", programs.log());
    let answer = slow.answer.await.unwrap();
    let told = answer.ok().filter(|answer| answer.status().is_success());
    assert!(told.is_none(), "it cannot have taken all: {told:?}");

    let other = &programs.uploads[0];
    let kept = tus::offset(other, &upload).await;
    assert!(kept > 0, "what came was made durable before the end");
    let rest = bytes[usize::try_from(kept).unwrap()..].to_vec();
    let answer = tus::patch(other, &upload, kept, rest).send().await.unwrap();
    programs.metas[0].same_bytes(dir.path(), &tus::file_of(&answer).unwrap(), &path);
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_gives_its_tasks_to_another() {
    let (mut programs, dir) = start(1, 1, 1);
    let clip = &clips::medium()[0];
    let id = programs.front.put(dir.path(), clip);
    programs.front.video_in(&id, "running").await;
    let status = programs.workers.remove(0).stop();
    assert_eq!(status.code(), Some(0), "{}", programs.log());
    let queue = queue::open(programs.resources().setting("HASHREEL_QUEUE")).await.unwrap();
    // SQS counts approximately: what it said at once may be from before.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = queue.depth().await.unwrap();
        if left.in_flight == 0 {
            assert!(left.waiting > 0, "there was work to give back: {left:?}");
            break;
        }
        assert!(Instant::now() < deadline, "jobs that nobody works on wait: {left:?}");
        sleep(Duration::from_millis(100)).await;
    }
    let workers = [programs.another("transcode-worker"), programs.another("transcode-worker")];
    programs.workers.extend(workers);
    let file = programs.front.video_in(&id, "ready").await;
    assert!(!fingerprint(&programs.front, &file).await.is_empty());
    programs.front.same_bytes(dir.path(), &id, Path::new(clip));
    assert!(programs.stop().success(), "{}", programs.log());
}

#[tokio::test]
async fn a_job_that_was_put_aside_is_listed_with_its_reason_and_put_back() {
    let (mut programs, dir) = start(1, 1, 0);
    let quick = queue::quick_url(programs.resources().setting("HASHREEL_QUEUE"));
    let id = programs.front.put(dir.path(), &clips::small());
    letters::bury_one(&quick, "for the test").await;
    letters::send(&quick, r#"{"v":1,"job":"finish","video":"0"}"#).await;
    letters::bury_any(&quick, "not a job").await;

    let jobs = Jobs::new(&[], programs.resources().environment());
    let listed = jobs.succeed(&["dead"]);
    let line = |part: &str| listed.lines().find(|line| line.contains(part)).unwrap().to_owned();
    let (mine, strange) = (line("for the test"), line("not a job"));
    assert!(mine.starts_with("quick/") && mine.contains("look at"), "{mine}");
    assert!(mine.contains(&format!("({id} of local)")), "{mine}");
    let word = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    // A look hides nothing from the next one.
    assert_eq!(jobs.succeed(&["dead"]), listed);
    assert_eq!(jobs.succeed(&["redrive", &word(&mine)]), "");
    assert_eq!(jobs.succeed(&["discard", &word(&strange)]), "");
    assert_eq!(jobs.succeed(&["dead"]), "");
    programs.workers.push(programs.another("transcode-worker"));
    programs.front.video_in(&id, "ready").await;

    // Half of the setting is a sentence, and so is a queue that is not there.
    for (missing, flag) in [("HASHREEL_RECORDS", "--records"), ("HASHREEL_QUEUE", "--queue")] {
        let mut half = programs.resources().environment().clone();
        half.remove(missing);
        let said = Jobs::new(&[], &half).run(&["dead"]);
        assert_eq!(said.status.code(), Some(2));
        let said = String::from_utf8(said.stderr).unwrap();
        assert!(said.contains(missing) && said.contains(flag), "{said}");
    }
    let mut wrong = programs.resources().environment().clone();
    wrong.insert("HASHREEL_QUEUE".into(), "sqs://nobody-has-made-it".into());
    let said = Jobs::new(&[], &wrong).run(&["dead"]);
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("there is no queue") && said.contains("HASHREEL_QUEUE"), "{said}");
    assert!(programs.stop().success(), "{}", programs.log());
}
