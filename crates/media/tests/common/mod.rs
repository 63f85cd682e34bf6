//! A worker in small: sources from memory, everything made kept in memory.

#![allow(dead_code, reason = "each test file uses its part of this")]

use async_trait::async_trait;
use bytes::Bytes;
use media::ladder::{Plan, Planned, Profile, ProfileRung, plan};
use media::task::{Done, Made, Outcome, SegmentMade};
use media::{Host, Limits, RangeSource, Sink};
use model::{ByteRange, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A source in memory.
pub struct Memory(pub Bytes);

impl Memory {
    pub fn of(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap().into())
    }
}

#[async_trait]
impl RangeSource for Memory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, range: ByteRange) -> Result<Bytes> {
        let at = |offset| usize::try_from(offset).unwrap();
        Ok(self.0.slice(at(range.start)..at(range.end)))
    }
}

/// Keeps what was made.
#[derive(Default)]
pub struct Keep {
    pub segments: Vec<SegmentMade>,
    pub poster: Option<(Bytes, u32, u32)>,
    /// Times that work has come to, in ticks.
    pub progress: Vec<i64>,
}

#[async_trait]
impl Sink for Keep {
    async fn made(&mut self, made: Made) -> Result<()> {
        match made {
            Made::Segment(segment) => self.segments.push(segment),
            Made::Poster { jpeg, width, height } => self.poster = Some((jpeg, width, height)),
        }
        Ok(())
    }

    fn progress(&mut self, at: i64) {
        self.progress.push(at);
    }
}

pub fn host() -> Host {
    Host::new(env!("CARGO_BIN_EXE_media-task"), Limits::default())
}

/// Small rungs and short segments, so that seconds of video have several of both.
pub fn profile() -> Profile {
    let rung = |name: &str, long, short, cap| ProfileRung { name: name.into(), long, short, cap };
    let mut profile = Profile {
        rungs: vec![rung("large", 320, 180, 600_000), rung("small", 160, 90, 200_000)],
        segment_seconds: 1,
        ..Profile::default()
    };
    profile.video.preset = "ultrafast".into();
    profile.video.lookahead = None;
    profile
}

/// One rendition as it would be played.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rendition {
    pub width: u32,
    pub height: u32,
    pub codecs: String,
    pub init: Bytes,
    /// By `k`: frames, start, end, bytes; ranges without a frame have no bytes.
    pub segments: BTreeMap<u32, (u32, u64, u64, Bytes)>,
}

impl Rendition {
    pub fn frames(&self) -> u32 {
        self.segments.values().map(|segment| segment.0).sum()
    }

    /// Writes the init and all segments one after the other, as a player would append them.
    pub fn write(&self, path: &Path) -> PathBuf {
        let mut all = self.init.to_vec();
        self.segments.values().for_each(|segment| all.extend_from_slice(&segment.3));
        std::fs::write(path, all).unwrap();
        path.to_owned()
    }
}

/// A whole video, made.
#[derive(Debug, Clone)]
pub struct Stream {
    pub plan: Plan,
    pub video: Vec<Rendition>,
    pub audio: Vec<Rendition>,
    pub poster: Option<(Bytes, u32, u32)>,
    pub done: Vec<(Planned, Done)>,
}

/// Does all that a worker does with a source, one task after the other, and checks what it would check:
/// that segments of different tasks fit together and share their init segments.
pub async fn stream(source: &dyn RangeSource, profile: &Profile) -> Result<Stream> {
    let host = host();
    let probed = host.probe(source).await?;
    let plan = plan(&probed, profile)?;
    let rendition = |width, height| Rendition { width, height, ..Rendition::default() };
    let mut made = Stream {
        video: plan.rungs.iter().map(|rung| rendition(rung.width, rung.height)).collect(),
        audio: plan.audio.iter().map(|_| rendition(0, 0)).collect(),
        poster: None,
        done: Vec::new(),
        plan: plan.clone(),
    };
    for &planned in &plan.tasks {
        let mut keep = Keep::default();
        let outcome = host.run(plan.task(planned)?, source, &mut keep).await?;
        let Outcome::Done(done) = outcome else { panic!("{planned:?} gave {outcome:?}") };
        made.done.push((planned, done));
        let renditions = match planned {
            Planned::Video { .. } => &mut made.video[..],
            Planned::Audio { track } => &mut made.audio[track as usize..=track as usize],
            Planned::Poster => {
                made.poster = keep.poster;
                assert!(made.poster.is_some() && keep.segments.is_empty());
                continue;
            }
        };
        for segment in keep.segments {
            if segment.frames == 0 {
                assert!(segment.parts.is_empty());
                let empty = (0, segment.start, segment.end, Bytes::new());
                for rendition in renditions.iter_mut() {
                    assert!(rendition.segments.insert(segment.k, empty.clone()).is_none());
                }
                continue;
            }
            assert_eq!(segment.parts.len(), renditions.len());
            for (rendition, part) in renditions.iter_mut().zip(segment.parts) {
                if !rendition.init.is_empty() {
                    assert_eq!(rendition.init, part.init, "init segments differ between tasks");
                }
                let read = cmaf::boxes::fragment(&part.bytes).unwrap();
                assert_eq!(read.start, segment.start);
                assert_eq!(read.start + read.duration, segment.end);
                assert_eq!(read.sample_sizes.len(), segment.frames as usize);
                assert!(read.keyframes > 0);
                (rendition.init, rendition.codecs) = (part.init, part.codecs);
                let entry = (segment.frames, segment.start, segment.end, part.bytes);
                assert!(rendition.segments.insert(segment.k, entry).is_none(), "made twice");
            }
        }
    }
    for rendition in made.video.iter().chain(&made.audio) {
        let ks: Vec<u32> = rendition.segments.keys().copied().collect();
        assert_eq!(ks, (0..u32::try_from(ks.len()).unwrap()).collect::<Vec<_>>());
        let mut next = 0;
        for (frames, start, end, _) in rendition.segments.values().filter(|segment| segment.0 > 0) {
            // Where a source is damaged, what can be decoded may depend on where decoding begins.
            let whole = made.done.iter().all(|(_, done)| done.damaged == 0);
            assert!(*frames > 0 && (*start == next || !whole), "from {next} to {start}");
            next = *end;
        }
    }
    Ok(made)
}
