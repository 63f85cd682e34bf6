//! A server to ask, and ways to fill it.

use access::{Access, Keys, Policy};
use axum::{Router, body::Body};
use catalog::{
    About, Catalog, Dialect,
    videos::{
        Cause, Claim, Failure, Held, Init, NewPlan, Part, Policy as Tries, Poster, Rendition,
        Segment, TakenUp, TaskId, VideoKey,
    },
};
use cmaf::manifest::{FrameRate, Kind};
use content::{Append, Config, Ended, NewUpload, Store};
use futures::stream;
use http_body_util::BodyExt as _;
use meta_svc::{Delivery, Meta, MetaOptions, openapi, router};
use model::{FileId, OwnerId, RenditionId, Result, Sha256, Timestamp};
use objects::{ObjectName, Put};
use queue::JobQueue;
use serde_json::{Value, json};
use service::{Metrics, Size};
use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub const PROFILE: &str = "test.1";

pub struct Server {
    pub router: Router,
    pub store: Store,
    pub catalog: Catalog,
    /// Where jobs go at once.
    pub quick: Arc<dyn JobQueue>,
    pub shutdown: CancellationToken,
    /// By owner, where keys are demanded.
    keys: HashMap<String, String>,
    pub dir: TempDir,
}

pub struct Answer {
    pub status: u16,
    pub headers: axum::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn owner(name: &str) -> OwnerId {
    name.parse().unwrap()
}

impl Server {
    /// Without accounts.
    pub async fn open() -> Self {
        Self::start(Policy::Open, Delivery::Here).await
    }

    /// Without accounts, its segments being got as `delivery` says.
    pub async fn delivering(delivery: &str) -> Self {
        Self::start(Policy::Open, delivery.parse().unwrap()).await
    }

    /// With keys for alice and bob.
    pub async fn with_keys() -> Self {
        Self::start(Policy::Keys, Delivery::Here).await
    }

    async fn start(policy: Policy, delivery: Delivery) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let objects = format!("file://{}/objects", dir.path().display());
        Self::over(dir, &objects, policy, delivery).await.unwrap()
    }

    /// With records in `dir` and objects at a URL.
    pub async fn over(
        dir: TempDir,
        objects: &str,
        policy: Policy,
        delivery: Delivery,
    ) -> Result<Self> {
        let records = format!("sqlite://{}/records.db", dir.path().display());
        let records = records::open(&records).await.unwrap();
        let objects = objects::open(objects).await.unwrap();
        let catalog = Catalog::new(records);
        let store = Store::new(catalog.clone(), objects, Config::default()).unwrap();
        let mut keys = HashMap::new();
        for name in ["alice", "bob"] {
            let all = Keys::new(catalog.clone());
            let (_, key) = all.create(owner(name), "test", Timestamp::now()).await.unwrap();
            keys.insert(name.to_owned(), key.expose());
        }
        let access = Access::new(catalog.clone(), policy);
        let shutdown = CancellationToken::new();
        let options = MetaOptions { segment_cache: Size(8 << 20), delivery };
        let meta = Meta::open(store.clone(), access, &options, shutdown.clone()).await?;
        let quick =
            queue::open(&format!("sqlite://{}/quick.db", dir.path().display())).await.unwrap();
        let routes = router(meta.announcing(quick.clone()))
            .merge(service::openapi_route(&openapi()).unwrap());
        let router = service::edge(routes, &Metrics::new(|_| ()));
        Ok(Self { router, store, catalog, quick, shutdown, keys, dir })
    }

    pub fn key(&self, name: &str) -> &str {
        &self.keys[name]
    }

    /// Asks as `who`: an owner with a key, or nobody (empty).
    pub async fn ask(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = axum::http::Request::builder().method(method).uri(path);
        request = request.header("host", "127.0.0.1:8080");
        if let Some(key) = self.keys.get(who) {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn get(&self, who: &str, path: &str) -> Answer {
        self.ask(who, "GET", path, &[], Body::empty()).await
    }

    /// Sends JSON.
    pub async fn send(&self, who: &str, method: &str, path: &str, body: Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.ask(who, method, path, &json, body.to_string()).await
    }

    /// Stores a file, as an upload would.
    pub async fn file(&self, who: &str, name: &str, media_type: &str, bytes: &[u8]) -> FileId {
        let about = About { name: name.into(), media_type: media_type.into(), relative_path: None };
        let expires = Timestamp::now() + Duration::from_secs(3600);
        let new = NewUpload {
            owner: owner(who),
            dialect: Dialect::Tus,
            expires,
            length: Some(bytes.len() as u64),
            about,
            metadata: None,
        };
        let upload = self.store.create(new).await.unwrap();
        if bytes.is_empty() {
            return upload.file;
        }
        let append =
            Append { owner: owner(who), id: upload.id, at: 0, limit: u64::MAX, closes: false };
        let body = stream::iter([Ok::<_, Infallible>(bytes.to_vec().into())]);
        let stop = CancellationToken::new();
        match self.store.append(append, body, stop).await.unwrap().ended {
            Ended::Complete(file) => file.id,
            other => panic!("{other:?}"),
        }
    }

    /// Stores what looks like a video, `movie` telling it apart, and takes it up. Its probe has begun.
    pub async fn video(&self, who: &str, movie: &str) -> (FileId, Making) {
        let bytes = [b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".as_slice(), movie.as_bytes()];
        let file = self.file(who, "clip.mp4", "video/mp4", &bytes.concat()).await;
        (file, self.take_up(file).await)
    }

    /// Takes a file up as a worker would.
    pub async fn take_up(&self, file: FileId) -> Making {
        let taken = self.catalog.take_up(file, PROFILE, Timestamp::now()).await.unwrap();
        let TakenUp::Video(key) = taken else { panic!("{taken:?}") };
        Making { store: self.store.clone(), key }
    }
}

/// A worker's hands on a video: two rungs and a track of audio, segments of 10 s.
pub struct Making {
    store: Store,
    pub key: VideoKey,
}

impl Making {
    fn catalog(&self) -> &Catalog {
        self.store.catalog()
    }

    async fn claim(&self, task: TaskId) -> Held {
        let (now, attempt) = (Timestamp::now(), RenditionId::random().to_string());
        let until = now + Duration::from_secs(60);
        let tries = Tries::default();
        match self.catalog().claim(&self.key, task, &attempt, &tries, now, until).await.unwrap() {
            Claim::Held(held) => held,
            other => panic!("{other:?}"),
        }
    }

    /// Ends the probe with a plan.
    pub async fn plan(&self) {
        self.plan_of(None).await;
    }

    /// The same for a source that was cut off: it announces so many ticks of 1/90,000 s.
    pub async fn plan_of(&self, announced: Option<u64>) {
        let rate = FrameRate { num: 30, den: 1 };
        let rung = |width, height| Kind::Video { width, height, frame_rate: rate };
        let name = "English".into();
        let sound = Kind::Audio { name, language: Some("en".into()), channels: 2, default: true };
        let rendition = |kind, name: &str| {
            let (id, video, name) = (RenditionId::random(), self.key.clone(), name.to_owned());
            Rendition { id, video, kind, name, cap: 800_000, init: None }
        };
        let renditions = vec![
            rendition(rung(1280, 720), "720p"),
            rendition(rung(640, 360), "360p"),
            rendition(sound, "English"),
        ];
        let plan = NewPlan {
            plan: json!({}),
            tasks: vec![json!({}), json!({})],
            needed: vec![renditions[0].id, renditions[2].id],
            renditions,
            duration: Some(3 * 900_000),
            announced,
            expected: 3,
            longest_seconds: 10,
        };
        let probe = self.claim(TaskId::Probe).await;
        self.catalog().planned(&probe, plan, 2, Timestamp::now()).await.unwrap();
    }

    pub async fn renditions(&self) -> Vec<Rendition> {
        self.catalog().renditions(&self.key).await.unwrap()
    }

    /// Makes segments `ks` of everything, and the poster; ends the video where that is `all`.
    pub async fn segments(&self, ks: std::ops::Range<u32>, all: bool) {
        let (picture, sound) = (TaskId::Number(0), TaskId::Number(1));
        for (task, audio) in [(picture, false), (sound, true)] {
            let held = self.claim(task).await;
            for k in ks.clone() {
                let parts = self.parts(k, audio).await;
                self.catalog().segment_made(&held, &parts, Timestamp::now()).await.unwrap();
            }
            if !audio {
                let object = format!("renditions/{}/poster.jpg", self.renditions().await[0].id);
                self.put(&object, b"jpeg").await;
                let poster = Poster { object, bytes: 4, width: 640, height: 360 };
                self.catalog().poster_made(&held, poster, Timestamp::now()).await.unwrap();
            }
            if all {
                self.catalog().task_done(&held, 0, 2, Timestamp::now()).await.unwrap();
            } else {
                self.catalog().give_back(&held, Timestamp::now()).await.unwrap();
            }
        }
        if all {
            self.catalog().finish(&self.key, Timestamp::now()).await.unwrap().unwrap();
        }
    }

    /// Makes segments `ks` of the picture alone.
    pub async fn picture(&self, ks: std::ops::Range<u32>) {
        let held = self.claim(TaskId::Number(0)).await;
        for k in ks {
            let parts = self.parts(k, false).await;
            self.catalog().segment_made(&held, &parts, Timestamp::now()).await.unwrap();
        }
        self.catalog().give_back(&held, Timestamp::now()).await.unwrap();
    }

    async fn parts(&self, k: u32, audio: bool) -> Vec<Part> {
        let renditions = self.renditions().await;
        let mine = if audio { &renditions[2..] } else { &renditions[..2] };
        let ten = if audio { 480_000 } else { 900_000 };
        let mut parts = Vec::new();
        for rendition in mine {
            let object = format!("renditions/{}/{k}.m4s", rendition.id);
            let bytes = segment_bytes(rendition.id, k);
            self.put(&object, &bytes).await;
            let mut init = None;
            if rendition.init.is_none() {
                let object = format!("renditions/{}/init.mp4", rendition.id);
                self.put(&object, b"init").await;
                let codecs = if audio { "mp4a.40.2" } else { "avc1.64001f" }.into();
                init = Some(Init { object, bytes: 4, sha256: Sha256::of(b"init"), codecs });
            }
            let segment = Segment {
                k,
                start: u64::from(k) * ten,
                end: u64::from(k + 1) * ten,
                frames: 300,
                object: Some(object),
                bytes: bytes.len() as u64,
            };
            parts.push(Part { rendition: rendition.id, segment, init });
        }
        parts
    }

    async fn put(&self, object: &str, bytes: &[u8]) {
        let name = ObjectName::new(object).unwrap();
        let put = Put::new(name, bytes.to_vec().into());
        self.store.objects().put_all(vec![put]).await.unwrap();
    }

    /// Fails the video for good, in its probe or in a task of its plan, for what its source is.
    pub async fn fail(&self, reason: &str) {
        self.fail_for(Cause::Source, reason).await;
    }

    /// The same for any cause.
    pub async fn fail_for(&self, cause: Cause, reason: &str) {
        let planned = !self.renditions().await.is_empty();
        let held = self.claim(if planned { TaskId::Number(0) } else { TaskId::Probe }).await;
        let failure = Failure { cause, reason: reason.into() };
        // The first miss is the last.
        let tries = Tries { failures: 1, outages: 1, ..Tries::default() };
        let now = Timestamp::now();
        self.catalog().task_missed(&held, &failure, &tries, now).await.unwrap();
    }
}

pub fn segment_bytes(rendition: RenditionId, k: u32) -> Vec<u8> {
    format!("segment {k} of {rendition}").into_bytes()
}
