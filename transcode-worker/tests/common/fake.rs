//! Invented media work: segments whose bytes say what they are, made at once, or when a test lets them.

use async_trait::async_trait;
use bytes::Bytes;
use cmaf::{
    manifest::FrameRate,
    timeline::{AUDIO_RATE, Cuts, TIMESCALE},
};
use media::{
    RangeSource, Sink,
    ladder::{Plan, Profile, plan},
    task::{AudioTrack, Colour, Done, Made, Part, Probed, SegmentMade, Task, VideoTrack, Zero},
};
use model::{ByteRange, Error, ErrorKind, Result};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};
use tokio::sync::Semaphore;
use transcode_worker::Media;

const SECOND: i64 = TIMESCALE as i64;

/// Media work that is done at once.
pub struct Fake {
    seconds: i64,
    /// What the container says of the length.
    duration: Option<i64>,
    /// In seconds; none for a source that can be cut anywhere.
    keyframes: Vec<i64>,
    tracks: u32,
    /// What was begun, in order: `probe`, `video 0`, `audio 0`, `poster`.
    begun: Mutex<Vec<String>>,
    /// Errors that the next attempts at a task end with: a poster's before it is made, others after
    /// their first segment.
    failures: Mutex<HashMap<String, Vec<ErrorKind>>>,
    /// Work waits for a permit before each thing that it makes.
    gate: Option<Arc<Semaphore>>,
}

impl Fake {
    /// A source of so many seconds, 640x360 with sound.
    pub fn new(seconds: i64) -> Self {
        Self {
            seconds,
            duration: Some(seconds * SECOND),
            keyframes: Vec::new(),
            tracks: 1,
            begun: Mutex::default(),
            failures: Mutex::default(),
            gate: None,
        }
    }

    /// The same with one keyframe: all but the first segment are one run.
    pub fn of_one_run(self) -> Self {
        Self { keyframes: vec![0], ..self }
    }

    /// The same with a container that does not say how long it is.
    pub fn of_unknown_length(self) -> Self {
        Self { duration: None, ..self }
    }

    /// The same with so many audio tracks.
    pub fn with_tracks(self, tracks: u32) -> Self {
        Self { tracks, ..self }
    }

    /// The same, that makes one thing for each permit that `gate` gets.
    pub fn gated(self, gate: &Arc<Semaphore>) -> Self {
        Self { gate: Some(gate.clone()), ..self }
    }

    /// The next attempt at `task` that has no other failure before fails with `kind`.
    pub fn fail(&self, task: &str, kind: ErrorKind) {
        self.failures.lock().unwrap().entry(task.into()).or_default().push(kind);
    }

    pub fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }

    /// How often `task` was begun.
    pub fn count(&self, task: &str) -> usize {
        self.begun().iter().filter(|begun| *begun == task).count()
    }

    pub fn whole_plan(&self) -> Plan {
        let track = |index| AudioTrack {
            index,
            codec: "aac".into(),
            rate: 48_000,
            channels: 2,
            language: None,
            title: None,
            default: index == 1,
        };
        let probed = Probed {
            container: "invented".into(),
            duration: self.duration,
            announced: None,
            zero: Zero { ts: 0, num: 1, den: 1 },
            video: Some(VideoTrack {
                index: 0,
                codec: "h264".into(),
                width: 640,
                height: 360,
                rotation: 0,
                mirrored: false,
                frame_rate: FrameRate { num: 30, den: 1 },
                end: None,
                pixel_format: "yuv420p".into(),
                bit_depth: 8,
                colour: Colour::Bt709,
                hdr: false,
                interlaced: false,
                keyframes: self.keyframes.iter().map(|time| time * SECOND).collect(),
                indexed: if self.keyframes.is_empty() { 0 } else { self.duration.unwrap_or(0) },
            }),
            audio: (1..=self.tracks).map(track).collect(),
        };
        plan(&probed, &Profile::default()).unwrap()
    }

    /// What an undisturbed run shows, by the rendition's name and the segment.
    pub fn expected(&self) -> BTreeMap<(String, String), Vec<u8>> {
        let plan = self.whole_plan();
        let mut shown = BTreeMap::new();
        for name in plan.rungs.iter().map(|rung| rung.name.as_str()).chain(["audio 1"]) {
            shown.insert((name.into(), "init".into()), format!("init {name}").into_bytes());
            for k in 0..plan.cuts.len() {
                shown.insert((name.into(), k.to_string()), format!("{name} {k}").into_bytes());
            }
        }
        shown
    }

    async fn begin(&self, task: &str, source: &dyn RangeSource) -> Result<()> {
        self.begun.lock().unwrap().push(task.into());
        source.read(ByteRange::new(0, source.len().min(16))).await?;
        Ok(())
    }

    async fn wait(&self) {
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
    }

    fn failure(&self, task: &str) -> Result<()> {
        let mut failures = self.failures.lock().unwrap();
        let Some(kinds) = failures.get_mut(task).filter(|kinds| !kinds.is_empty()) else {
            return Ok(());
        };
        Err(Error::new(kinds.remove(0), format!("{task} fails, as planned")))
    }

    fn segment(&self, cuts: &Cuts, k: u32, rate: u32, names: &[&str]) -> SegmentMade {
        let last = k as usize + 1 == cuts.len();
        let ticks = |time: i64| u64::try_from(time * i64::from(rate) / SECOND).unwrap();
        let end = if last { self.seconds * SECOND } else { cuts.cut(k + 1) };
        let part = |name: &&str| Part {
            init: Bytes::from(format!("init {name}")),
            codecs: "avc1.64001e".into(),
            bytes: Bytes::from(format!("{name} {k}")),
        };
        let parts = names.iter().map(part).collect();
        SegmentMade { k, start: ticks(cuts.cut(k)), end: ticks(end), frames: 300, parts }
    }
}

#[async_trait]
impl Media for Fake {
    fn profile(&self) -> String {
        Profile::default().id()
    }

    async fn plan(&self, source: &dyn RangeSource) -> Result<Plan> {
        self.begin("probe", source).await?;
        self.failure("probe")?;
        Ok(self.whole_plan())
    }

    async fn run(&self, task: Task, source: &dyn RangeSource, sink: &mut dyn Sink) -> Result<Done> {
        let made: Vec<Made> = match &task {
            Task::Probe => return Err(Error::internal("the worker probes by planning")),
            Task::Video(task) => {
                let names: Vec<_> = task.rungs.iter().map(|rung| rung.name.as_str()).collect();
                let count = u32::try_from(task.cuts.len()).unwrap();
                let ks = task.first..task.end.unwrap_or(count);
                let one = |k| Made::Segment(self.segment(&task.cuts, k, TIMESCALE, &names));
                ks.map(one).collect()
            }
            Task::Audio(task) => {
                let ks = 0..u32::try_from(task.cuts.len()).unwrap();
                let name = format!("audio {}", task.track.index);
                let one = |k| Made::Segment(self.segment(&task.cuts, k, AUDIO_RATE, &[&name]));
                ks.map(one).collect()
            }
            Task::Poster(_) => {
                vec![Made::Poster { jpeg: Bytes::from("a picture"), width: 640, height: 360 }]
            }
        };
        let name = match &task {
            Task::Video(task) => format!("video {}", task.first),
            Task::Audio(task) => format!("audio {}", task.track.index),
            _ => "poster".into(),
        };
        self.begin(&name, source).await?;
        for made in made {
            if let (Made::Segment(segment), Some(cuts)) = (&made, cuts_of(&task)) {
                sink.progress(cuts.cut(segment.k) + cuts.step() / 2);
            }
            self.wait().await;
            // Each thing needs the source, as real work does.
            source.read(ByteRange::new(0, source.len().min(16))).await?;
            if name == "poster" {
                self.failure(&name)?;
            }
            sink.made(made).await?;
            self.failure(&name)?;
        }
        Ok(Done { at_end: true, decoded: 1, damaged: 0 })
    }
}

fn cuts_of(task: &Task) -> Option<&Cuts> {
    match task {
        Task::Video(task) => Some(&task.cuts),
        Task::Audio(task) => Some(&task.cuts),
        Task::Probe | Task::Poster(_) => None,
    }
}
