//! What the manifests are written from: renditions, their segments, and where they are served.

use crate::timeline::{AUDIO_RATE, TIMESCALE};
use model::{FileId, RenditionId};
use serde::{Deserialize, Serialize};

/// One segment of a rendition, as it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its place in the plan's cuts, from zero.
    pub k: u32,
    /// Its true duration in ticks of the rendition's timescale: the next one begins where it ends. Zero
    /// for a range without a frame, which is known, and listed nowhere.
    pub duration: u64,
    /// Its size.
    pub bytes: u64,
}

/// Frames a second, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FrameRate {
    /// Frames ...
    pub num: u32,
    /// ... in so many seconds; not zero.
    pub den: u32,
}

impl FrameRate {
    /// As a number; zero where the fraction has none.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        if self.den == 0 { 0.0 } else { f64::from(self.num) / f64::from(self.den) }
    }
}

/// What a rendition shows or sounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// One rung of the ladder.
    Video {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// The source's average.
        frame_rate: FrameRate,
    },
    /// One audio track.
    Audio {
        /// What a menu shows.
        name: String,
        /// BCP 47, where the source says.
        language: Option<String>,
        /// Number of channels.
        channels: u32,
        /// Whether it plays unless another is chosen.
        default: bool,
    },
}

/// One rendition: an init segment, and segments that play after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// Random; part of its URIs.
    pub id: RenditionId,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// RFC 6381, as `avc1.640028` (from the init segment, see [`crate::boxes::codecs`]).
    pub codecs: String,
    /// Bits a second that the encoder may not exceed for long: what is announced until the true figures
    /// are known.
    pub cap: u64,
    /// What is known of its segments, in the order of `k`; gaps are segments not made yet.
    pub segments: Vec<Segment>,
}

impl Rendition {
    /// Ticks a second of its segments' durations.
    #[must_use]
    pub fn timescale(&self) -> u32 {
        match self.kind {
            Kind::Video { .. } => TIMESCALE,
            Kind::Audio { .. } => AUDIO_RATE,
        }
    }

    /// The segments that can be played from zero without a gap, ranges without a frame left out.
    #[must_use]
    pub fn prefix(&self) -> Vec<Segment> {
        (0..)
            .zip(&self.segments)
            .take_while(|(k, segment)| *k == segment.k)
            .filter(|(_, segment)| segment.duration > 0)
            .map(|(_, segment)| *segment)
            .collect()
    }

    /// Peak and average bits a second of `segments`, rounded up; nothing without a segment.
    #[must_use]
    pub fn rates(&self, segments: &[Segment]) -> Option<(u64, u64)> {
        let rate = |bytes: u64, ticks: u64| {
            let bits = u128::from(bytes) * 8 * u128::from(self.timescale());
            u64::try_from(bits.div_ceil(u128::from(ticks.max(1)))).unwrap_or(u64::MAX)
        };
        // A tail of a few frames has no rate worth announcing.
        let long = |segment: &&Segment| segment.duration >= u64::from(self.timescale());
        let peak = segments.iter().filter(long).map(|s| rate(s.bytes, s.duration)).max();
        let bytes = segments.iter().map(|s| s.bytes).sum();
        let ticks = segments.iter().map(|s| s.duration).sum::<u64>();
        let average = (!segments.is_empty()).then(|| rate(bytes, ticks))?;
        Some((peak.unwrap_or(average).max(average), average))
    }
}

/// Whether more is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Segments are still being made.
    Growing,
    /// Complete, or failed: nothing comes after what is there.
    Ended,
}

/// Where manifests point. Segments may be on another origin, an edge's for example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uris {
    /// What stands before `{rendition}.m3u8`.
    pub playlists: String,
    /// What stands before `{rendition}/init.mp4` and `{rendition}/{k}.m4s`.
    pub segments: String,
}

impl Uris {
    /// The service's own: `/play/{file}/` and `/play/r/`.
    #[must_use]
    pub fn local(file: FileId) -> Self {
        Self { playlists: format!("/play/{file}/"), segments: "/play/r/".into() }
    }

    /// A rendition's media playlist.
    #[must_use]
    pub fn playlist(&self, rendition: RenditionId) -> String {
        format!("{}{rendition}.m3u8", self.playlists)
    }

    /// What a rendition's init segment and segments are relative to.
    #[must_use]
    pub fn base(&self, rendition: RenditionId) -> String {
        format!("{}{rendition}/", self.segments)
    }

    /// A rendition's init segment.
    #[must_use]
    pub fn init(&self, rendition: RenditionId) -> String {
        format!("{}init.mp4", self.base(rendition))
    }

    /// A rendition's segment `k`.
    #[must_use]
    pub fn segment(&self, rendition: RenditionId, k: u32) -> String {
        format!("{}{k}.m4s", self.base(rendition))
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    pub fn uris() -> Uris {
        Uris { playlists: "/play/f/".into(), segments: "/play/r/".into() }
    }

    pub fn id(n: u8) -> RenditionId {
        format!("00000000-0000-4000-8000-0000000000{n:02}").parse().unwrap()
    }

    pub fn video(n: u8, width: u32, height: u32, segments: &[(u32, u64, u64)]) -> Rendition {
        Rendition {
            id: id(n),
            kind: Kind::Video { width, height, frame_rate: FrameRate { num: 30_000, den: 1001 } },
            codecs: "avc1.64001f".into(),
            cap: 2_800_000,
            segments: list(segments),
        }
    }

    pub fn audio(n: u8, segments: &[(u32, u64, u64)]) -> Rendition {
        Rendition {
            id: id(n),
            kind: Kind::Audio {
                name: "Tom & \"Jerry\"".into(),
                language: Some("en".into()),
                channels: 2,
                default: true,
            },
            codecs: "mp4a.40.2".into(),
            cap: 128_000,
            segments: list(segments),
        }
    }

    fn list(segments: &[(u32, u64, u64)]) -> Vec<Segment> {
        segments.iter().map(|&(k, duration, bytes)| Segment { k, duration, bytes }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_plays_without_a_gap_is_listed() {
        let of = |segments: &[(u32, u64, u64)]| {
            let kept = samples::video(1, 2, 2, segments).prefix();
            kept.iter().map(|segment| segment.k).collect::<Vec<_>>()
        };
        assert_eq!(of(&[(0, 9, 1), (1, 9, 1), (3, 9, 1)]), [0, 1]);
        assert_eq!(of(&[(1, 9, 1)]), [0u32; 0]);
        assert_eq!(of(&[(0, 9, 1), (1, 0, 0), (2, 9, 1)]), [0, 2]);
    }

    #[test]
    fn rates_are_of_what_was_made() {
        let second = u64::from(TIMESCALE);
        let rendition = samples::video(1, 2, 2, &[(0, second, 100), (1, 3 * second, 100)]);
        assert_eq!(rendition.rates(&rendition.prefix()), Some((800, 400)));
        assert_eq!(rendition.rates(&[]), None);
        let short = samples::video(1, 2, 2, &[(0, second, 100), (1, second / 30, 100)]);
        assert_eq!(short.rates(&short.prefix()).unwrap().0, 1549);
    }
}
