//! A client that uploads all the time, piece by piece, remembers what it was told, and goes on after
//! whatever happens.

use crate::{site::Site, tus};
use reqwest::{Method, Response, header};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::dice::Dice;
use tokio::{task::JoinHandle, time::sleep};

/// Of the whole upload: more than is sent before somebody says that it shall end.
const LENGTH: u64 = 16 << 20;
const PIECE: u64 = 32 << 10;
/// Between two pieces, and between two questions where an upload stands.
const PAUSE: Duration = Duration::from_millis(200);
const TROUBLED: Duration = Duration::from_millis(500);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(120);

/// An upload that grows little by little until it is told to end.
#[derive(Debug)]
pub struct Steady {
    seed: u64,
    shared: Arc<Shared>,
    task: JoinHandle<String>,
}

#[derive(Debug)]
struct Shared {
    site: Site,
    /// How long nothing may move.
    patience: Duration,
    /// Bytes that were acknowledged.
    told: AtomicU64,
    ends: AtomicBool,
    /// What went wrong, by kind.
    refused: Mutex<BTreeMap<String, usize>>,
}

impl Steady {
    /// Begins an upload at `site`. Nothing moving for `patience` is a failure.
    pub async fn begin(site: &Site, seed: u64, patience: Duration) -> Self {
        let upload = tus::create(site, LENGTH).await;
        let shared = Arc::new(Shared {
            site: site.clone(),
            patience,
            told: AtomicU64::new(0),
            ends: AtomicBool::new(false),
            refused: Mutex::default(),
        });
        let task = tokio::spawn(shared.clone().upload(upload, seed));
        Self { seed, shared, task }
    }

    /// Bytes that were acknowledged so far.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.shared.told.load(Ordering::SeqCst)
    }

    /// What went wrong so far, by kind, and how often.
    #[must_use]
    pub fn refused(&self) -> BTreeMap<String, usize> {
        self.shared.refused.lock().unwrap().clone()
    }

    /// Sends the rest and gives the file. Its bytes are compared at `site`.
    pub async fn end(self, site: &Site) -> String {
        self.shared.ends.store(true, Ordering::SeqCst);
        let file = self.task.await.unwrap();
        let path = format!("/v1/files/{file}/content");
        let mut content = site.request(Method::GET, &path).await;
        let mut at = 0;
        while let Some(chunk) = content.chunk().await.unwrap() {
            assert!(chunk == bytes(self.seed, at, chunk.len()), "other bytes after {at}");
            at += chunk.len() as u64;
        }
        assert_eq!(at, LENGTH, "all that was acknowledged is there, and nothing else");
        file
    }
}

impl Shared {
    async fn upload(self: Arc<Self>, upload: String, seed: u64) -> String {
        let mut at = 0;
        loop {
            let rest = LENGTH - at;
            let len = if self.ends.load(Ordering::SeqCst) { rest } else { rest.min(PIECE) };
            let piece = bytes(seed, at, len.try_into().unwrap());
            let request = tus::patch(&self.site, &upload, at, piece).timeout(ANSWER);
            let (offset, file) = match request.send().await {
                Ok(answer) if answer.status() == 204 => {
                    (tus::offset_of(&answer).unwrap(), tus::file_of(&answer))
                }
                failed => {
                    self.note("PATCH", failed, true);
                    self.stands(&upload).await
                }
            };
            assert!(offset >= at, "{} of {at} acknowledged bytes were lost", at - offset);
            assert!(offset <= at + len, "bytes are there that were never sent");
            at = offset;
            self.told.store(at, Ordering::SeqCst);
            if let Some(file) = file {
                return file;
            }
            sleep(PAUSE).await;
        }
    }

    /// Asks where the upload stands until somebody says so.
    async fn stands(&self, upload: &str) -> (u64, Option<String>) {
        let deadline = Instant::now() + self.patience;
        loop {
            sleep(TROUBLED).await;
            let request = tus::tus(&self.site, Method::HEAD, upload).timeout(ANSWER);
            match request.send().await {
                Ok(answer) if answer.status() == 200 => {
                    return (tus::offset_of(&answer).unwrap(), tus::file_of(&answer));
                }
                failed => self.note("HEAD", failed, false),
            }
            assert!(Instant::now() < deadline, "the upload does not go on: {:?}", self.refused);
        }
    }

    /// Remembers a failure. An answer must say that the same may succeed later.
    fn note(&self, method: &str, failed: reqwest::Result<Response>, has_body: bool) {
        let what = match failed {
            Ok(answer) => {
                let status = answer.status().as_u16();
                let kind = answer.headers().get(header::CONTENT_TYPE);
                let kind = kind.map_or("", |kind| kind.to_str().unwrap());
                assert!(matches!(status, 429 | 503), "{method} is refused for good: {answer:?}");
                assert!(!has_body || kind == "application/problem+json", "{answer:?}");
                status.to_string()
            }
            Err(error) if error.is_timeout() => "no answer".into(),
            Err(_) => "cut off".into(),
        };
        *self.refused.lock().unwrap().entry(format!("{method}: {what}")).or_default() += 1;
    }
}

/// The bytes of an upload from `at` on: the same in every run, and nowhere the same.
fn bytes(seed: u64, at: u64, len: usize) -> Vec<u8> {
    let word = |n: u64| Dice::of(seed, "steady", n).bits().to_le_bytes();
    let skip = usize::try_from(at % 8).unwrap();
    (at / 8..).flat_map(word).skip(skip).take(len).collect()
}
