//! What a child process is asked for, and what it gives back.
//!
//! A task is complete in itself: besides the source's bytes, which the child asks its parent for, it
//! needs nothing that is not written in it. So a task can be stored, sent, and done again elsewhere
//! with the same result.

use bytes::Bytes;
use cmaf::manifest::FrameRate;
use cmaf::timeline::{Cuts, TIMESCALE};
use serde::{Deserialize, Serialize};

/// No source is longer than this, in ticks of 1/90,000 s: what says that it comes later has a broken time.
pub const LATEST: i64 = 48 * 3600 * TIMESCALE as i64;

/// One piece of work for one child process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Find out what the source is. Gives [`Outcome::Probed`], emits nothing.
    Probe,
    /// Encode a run of segments, all rungs. Emits [`Made::Segment`] for each range, in order.
    Video(VideoTask),
    /// Encode one audio track from its beginning to its end. Emits [`Made::Segment`] while it runs.
    Audio(AudioTask),
    /// Make one picture. Emits [`Made::Poster`].
    Poster(PosterTask),
}

/// A run of segments: decoded once, scaled, encoded for every rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoTask {
    /// The track, as it was probed.
    pub track: VideoTrack,
    /// Where the timeline begins.
    pub zero: Zero,
    /// The plan's cuts.
    pub cuts: Cuts,
    /// First segment of the run.
    pub first: u32,
    /// One past the last; `None` goes on to the source's end, however far that is.
    pub end: Option<u32>,
    /// The ladder, largest first.
    pub rungs: Vec<Rung>,
    /// Encoder settings.
    pub encoding: VideoEncoding,
}

/// One audio track as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioTask {
    /// The track, as it was probed.
    pub track: AudioTrack,
    /// Where the timeline begins.
    pub zero: Zero,
    /// The plan's cuts.
    pub cuts: Cuts,
    /// Bits a second.
    pub bitrate: u32,
    /// Where the picture ends in ticks of 1/90,000 s from zero, where the source says: sound that ends
    /// well before it is followed by silence, because players stop where one of both ends.
    #[serde(default)]
    pub end: Option<i64>,
}

/// A picture that stands for the video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PosterTask {
    /// The track, as it was probed.
    pub track: VideoTrack,
    /// Where the timeline begins.
    pub zero: Zero,
    /// The source's duration in ticks of 1/90,000 s, zero where unknown.
    pub duration: i64,
    /// Largest width in pixels.
    pub max_width: u32,
}

/// Time zero of the output in the source's own time: `ts * num / den` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zero {
    /// Ticks of the time base below.
    pub ts: i64,
    /// The time base's numerator.
    pub num: i32,
    /// The time base's denominator; not zero.
    pub den: i32,
}

impl Zero {
    /// `ts` of a stream with time base `num / den`, from this zero, in ticks of `1 / scale` s, rounded
    /// to the nearest.
    #[must_use]
    pub fn ticks(&self, ts: i64, (num, den): (i32, i32), scale: u32) -> i64 {
        let (a, b) = (i128::from(self.den.max(1)), i128::from(den.max(1)));
        let at =
            i128::from(ts) * i128::from(num) * a - i128::from(self.ts) * i128::from(self.num) * b;
        let twice = 2 * at * i128::from(scale) + a * b;
        i64::try_from(twice.div_euclid(2 * a * b)).unwrap_or(if at < 0 {
            i64::MIN
        } else {
            i64::MAX
        })
    }
}

/// One rung of a video's ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// What a menu shows: `1080p`.
    pub name: String,
    /// In pixels, even.
    pub width: u32,
    /// In pixels, even.
    pub height: u32,
    /// Bits a second that may not be exceeded for long.
    pub cap: u32,
}

/// Encoder settings that every rung shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoEncoding {
    /// x264's preset.
    pub preset: String,
    /// Frames that x264 looks ahead; the preset's own number where there is none.
    #[serde(default)]
    pub lookahead: Option<u32>,
    /// x264's constant rate factor, below the cap.
    pub crf: f32,
    /// A keyframe at least every so many seconds, beside the one that begins each segment.
    pub keyframe_seconds: u32,
    /// Frames a second; sources with more lose the frames between.
    pub max_frame_rate: u32,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// libavformat's short name: `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// What the container says, in ticks of 1/90,000 s from zero; `None` where it does not say. An
    /// estimate: the true one is what the tasks made.
    pub duration: Option<i64>,
    /// How long the container says that the source is, where it was cut off: it ends at `duration`, or
    /// before, where that is the same.
    #[serde(default)]
    pub announced: Option<i64>,
    /// Where the timeline begins: the first video frame, without video the first audio sample.
    pub zero: Zero,
    /// The track that is shown, if any.
    pub video: Option<VideoTrack>,
    /// The tracks that can be heard.
    pub audio: Vec<AudioTrack>,
}

/// A video track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoTrack {
    /// Stream index in the container.
    pub index: u32,
    /// libavcodec's name of the codec: `h264`.
    pub codec: String,
    /// Width as it is to be seen: rotated, with square pixels, even.
    pub width: u32,
    /// Height as it is to be seen.
    pub height: u32,
    /// Degrees clockwise by which decoded frames are turned: 0, 90, 180 or 270.
    pub rotation: u32,
    /// Whether decoded frames are mirrored left to right before they are turned.
    pub mirrored: bool,
    /// The average.
    pub frame_rate: FrameRate,
    /// Where the track says that it ends, in ticks of 1/90,000 s from zero.
    pub end: Option<i64>,
    /// libavutil's name of the pixel format: `yuv420p10le`.
    pub pixel_format: String,
    /// Bits of a luma sample.
    pub bit_depth: u32,
    /// How the renditions' colours are to be understood.
    pub colour: Colour,
    /// Whether the transfer function is one of a high dynamic range.
    pub hdr: bool,
    /// Whether the track says that it is interlaced.
    pub interlaced: bool,
    /// Times of keyframes in ticks of 1/90,000 s from zero, rising, as far as the container's index
    /// tells them; empty where it has none.
    pub keyframes: Vec<i64>,
    /// Up to this time, in ticks from zero, `keyframes` are all that there are.
    #[serde(default)]
    pub indexed: i64,
}

/// The two ways in which the renditions' colours are coded; every source is converted to the nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// ITU-R BT.709: high definition, and everything that is neither.
    Bt709,
    /// ITU-R BT.601: standard definition.
    Bt601,
}

/// An audio track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioTrack {
    /// Stream index in the container.
    pub index: u32,
    /// libavcodec's name of the codec: `aac`.
    pub codec: String,
    /// Samples a second.
    pub rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// BCP 47 or ISO 639-2, as the container says.
    pub language: Option<String>,
    /// The track's title, as the container says.
    pub title: Option<String>,
    /// Whether the container marks it as the one to play.
    pub default: bool,
}

/// Something finished, given to the sink as soon as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// One range of the plan.
    Segment(SegmentMade),
    /// A JPEG picture.
    Poster {
        /// The file.
        jpeg: Bytes,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
}

/// One range of the plan, in every rung (or in the one audio rendition).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentMade {
    /// Its place in the cuts.
    pub k: u32,
    /// First presentation time, in ticks of the rendition's timescale (90,000 video, 48,000 audio).
    pub start: u64,
    /// Where it ends and the next segment begins; equals `start` for a range without a frame.
    pub end: u64,
    /// Number of frames, the same in every rung.
    pub frames: u32,
    /// The bytes, in the order of the task's rungs; one for audio; empty for a range without a frame.
    pub parts: Vec<Part>,
}

/// One segment of one rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The init segment: byte for byte the same in every segment of the rendition, whoever makes it.
    pub init: Bytes,
    /// RFC 6381: `avc1.640028`.
    pub codecs: String,
    /// `styp`, `moof` and `mdat`.
    pub bytes: Bytes,
}

/// How a task ended well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Of [`Task::Probe`].
    Probed(Probed),
    /// Of all others.
    Done(Done),
}

/// What a task that makes something reports at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Whether the source ended within the task: no later segment has a frame.
    pub at_end: bool,
    /// Frames decoded, those before the run included.
    pub decoded: u64,
    /// Packets and frames that could not be used: damage in the source.
    pub damaged: u64,
}

#[cfg(test)]
impl VideoTrack {
    /// One that asks for nothing special.
    pub(crate) fn plain(width: u32, height: u32) -> Self {
        Self {
            index: 0,
            codec: "h264".into(),
            width,
            height,
            rotation: 0,
            mirrored: false,
            frame_rate: FrameRate { num: 30, den: 1 },
            end: None,
            pixel_format: "yuv420p".into(),
            bit_depth: 8,
            colour: Colour::Bt709,
            hdr: false,
            interlaced: false,
            keyframes: Vec::new(),
            indexed: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_to_the_nearest_tick_of_any_scale() {
        let zero = Zero { ts: 1001, num: 1, den: 30_000 };
        assert_eq!(zero.ticks(2002, (1, 30_000), 90_000), 3003);
        assert_eq!(zero.ticks(0, (1, 30_000), 90_000), -3003);
        let zero = Zero { ts: 0, num: 1, den: 1000 };
        assert_eq!(zero.ticks(33, (1, 1000), 90_000), 2970);
        assert_eq!(zero.ticks(1, (1, 44_100), 48_000), 1);
        assert_eq!(zero.ticks(i64::MAX, (1, 1), 90_000), i64::MAX);
    }

    /// Plans of videos that were begun are stored.
    #[test]
    fn settings_of_earlier_releases_stay_readable() {
        let frozen = r#"{"preset":"veryfast","crf":23.0,"keyframe_seconds":2,"max_frame_rate":60}"#;
        let read: VideoEncoding = serde_json::from_str(frozen).unwrap();
        assert_eq!((read.preset.as_str(), read.lookahead), ("veryfast", None));
    }
}
