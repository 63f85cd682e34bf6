//! From what a source is to what is made of it: the profile (ladder and encoder settings, as data) and
//! the plan (cuts, rungs, tasks).
//!
//! A plan is a pure function of the probe and the profile, so whoever makes it makes the same.

use crate::task::{
    AudioTask, AudioTrack, PosterTask, Probed, Rung, Task, VideoEncoding, VideoTask, VideoTrack,
    Zero,
};
use cmaf::manifest::FrameRate;
use cmaf::timeline::{Cuts, TIMESCALE};
use model::{Error, ErrorKind, Result, Sha256};
use serde::{Deserialize, Serialize};

/// Bumped when the same profile would make other bytes than before: it is part of [`Profile::id`].
const RECIPE: u32 = 4;

/// Pre-roll that costs less than giving a segment to the run before it: decoding is a tenth to a quarter
/// of the work, so decoding one segment's length for nothing is at most a quarter of a segment's.
const MAX_PREROLL_SEGMENTS: i64 = 1;

/// Runs that are sent before the poster. A short video's poster comes last, where it fills a core that
/// would be idle while the last run ends; nobody waits long for a long one's.
const RUNS_BEFORE_POSTER: usize = 6;

/// Beyond the index a run is so much of what may have to be read to get to its beginning: then all runs
/// together read (or at worst decode) the source eight times over, however long it is.
const UNINDEXED_SHARE: u32 = 8;

/// The ladder and the encoder settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The rungs that a source may get, largest first.
    pub rungs: Vec<ProfileRung>,
    /// Encoder settings of every rung.
    pub video: VideoEncoding,
    /// Bits a second of the stereo AAC-LC track.
    pub audio_bitrate: u32,
    /// Usual length of a segment in seconds.
    pub segment_seconds: u32,
    /// Largest width of the poster in pixels.
    pub poster_width: u32,
    /// Longest source that is accepted, in seconds.
    pub max_seconds: u32,
}

/// A rung as the profile has it: the picture is fitted into a box that is turned for upright sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRung {
    /// What a menu shows.
    pub name: String,
    /// The box's longer side.
    pub long: u32,
    /// The box's shorter side.
    pub short: u32,
    /// Bits a second that may not be exceeded for long.
    pub cap: u32,
}

impl Default for Profile {
    fn default() -> Self {
        let rung =
            |name: &str, long, short, cap| ProfileRung { name: name.into(), long, short, cap };
        Self {
            rungs: vec![
                rung("1080p", 1920, 1080, 5_000_000),
                rung("720p", 1280, 720, 2_800_000),
                rung("480p", 854, 480, 1_400_000),
                rung("360p", 640, 360, 800_000),
                rung("240p", 426, 240, 400_000),
            ],
            video: VideoEncoding {
                preset: "veryfast".into(),
                // The preset's 10 is for several threads, where x264 looks further by itself: with one
                // thread, 10 frames lose 0.1 dB at the cap, and 12 take 1 % more time.
                lookahead: Some(12),
                crf: 23.0,
                // Apple's HLS authoring specification, 1.10.
                keyframe_seconds: 2,
                max_frame_rate: 60,
            },
            audio_bitrate: 128_000,
            segment_seconds: 10,
            poster_width: 1280,
            max_seconds: 24 * 3600,
        }
    }
}

impl Profile {
    /// A name for exactly these settings: the same settings have the same, any change has another.
    #[must_use]
    pub fn id(&self) -> String {
        // A struct of numbers and strings always has a JSON form.
        let settings = serde_json::to_string(self).unwrap_or_default();
        let hash = Sha256::of(format!("{RECIPE}:{settings}").as_bytes()).to_string();
        format!("h264.{}", &hash[..12])
    }

    /// The rungs for a picture of `width` x `height`, largest first, never larger than the picture.
    ///
    /// A picture gets the rungs whose boxes it fills to at least nine tenths in one direction (so a
    /// 1920x800 film has a 1080p rung); one smaller than all boxes gets the smallest at its own size.
    #[must_use]
    pub fn rungs_for(&self, width: u32, height: u32) -> Vec<Rung> {
        let (long, short) = (f64::from(width.max(height)), f64::from(width.min(height)));
        let mut rungs: Vec<Rung> = Vec::new();
        for (place, wanted) in self.rungs.iter().enumerate() {
            let scale = (f64::from(wanted.long) / long).min(f64::from(wanted.short) / short);
            let smallest = place + 1 == self.rungs.len() && rungs.is_empty();
            if scale > 1.0 / 0.9 && !smallest {
                continue;
            }
            let (width, height) = (even(width, scale.min(1.0)), even(height, scale.min(1.0)));
            rungs.push(Rung { name: wanted.name.clone(), width, height, cap: wanted.cap });
        }
        rungs
    }
}

/// `size * scale` to the nearest even number, at least 2, and not above `size` where that is even.
#[expect(clippy::cast_possible_truncation, reason = "sizes are far below 2^32")]
#[expect(clippy::cast_sign_loss, reason = "sizes are positive")]
fn even(size: u32, scale: f64) -> u32 {
    if scale >= 1.0 {
        (size & !1).max(2)
    } else {
        ((f64::from(size) * scale / 2.0).round() as u32 * 2).max(2)
    }
}

/// What will be made of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`Profile::id`] of the profile it was made with.
    pub profile: String,
    /// Where the timeline begins.
    pub zero: Zero,
    /// Expected duration in ticks of 1/90,000 s, where the container says.
    pub duration: Option<i64>,
    /// See [`Probed::announced`].
    #[serde(default)]
    pub announced: Option<i64>,
    /// Where all renditions are cut.
    pub cuts: Cuts,
    /// The track that is shown, if any.
    pub video: Option<VideoTrack>,
    /// The ladder, largest first; empty without video.
    pub rungs: Vec<Rung>,
    /// The audio renditions: the first is the default one.
    pub audio: Vec<AudioTrack>,
    /// Encoder settings.
    pub encoding: VideoEncoding,
    /// Bits a second of each audio rendition.
    pub audio_bitrate: u32,
    /// Largest width of the poster in pixels.
    pub poster_width: u32,
    /// What is to be done, what a viewer needs first coming first.
    pub tasks: Vec<Planned>,
}

/// One task of a [`Plan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Planned {
    /// All rungs of the segments from `first` to before `end`, or to the source's end.
    Video {
        /// First segment.
        first: u32,
        /// One past the last; `None` for the run that goes to the source's end.
        end: Option<u32>,
    },
    /// One audio rendition.
    Audio {
        /// Its place in [`Plan::audio`].
        track: u32,
    },
    /// The poster.
    Poster,
}

/// What to make of `probed` with `profile`.
///
/// # Errors
/// `Unsupported` for a source without a track that can be played, `TooLarge` for one that is longer
/// than the profile accepts.
pub fn plan(probed: &Probed, profile: &Profile) -> Result<Plan> {
    let scale = i64::from(TIMESCALE);
    let longest = i64::from(profile.max_seconds);
    if probed.duration.is_some_and(|duration| duration / scale > longest) {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the video is longer than {longest} s; split it into shorter ones"),
        ));
    }
    if probed.video.is_none() && probed.audio.is_empty() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the file has no video or audio track that can be played",
        ));
    }
    let step = i64::from(profile.segment_seconds) * scale;
    let cuts = Cuts::every(step, probed.duration.unwrap_or(0))?;
    let (mut rungs, mut runs) = (Vec::new(), Vec::new());
    if let Some(track) = &probed.video {
        rungs = profile.rungs_for(track.width, track.height);
        runs = video_runs(track, &cuts, probed.duration.is_some());
    }
    let audio = (0..).zip(&probed.audio).map(|(track, _)| Planned::Audio { track });
    let mut tasks: Vec<_> = runs.iter().take(1).copied().chain(audio).collect();
    let (soon, later) = runs.split_at(runs.len().min(RUNS_BEFORE_POSTER));
    tasks.extend(soon.iter().skip(1));
    if probed.video.is_some() {
        tasks.push(Planned::Poster);
    }
    tasks.extend(later);
    Ok(Plan {
        profile: profile.id(),
        zero: probed.zero,
        duration: probed.duration,
        announced: probed.announced,
        cuts,
        // The keyframes have done their work, and are the longest part by far.
        video: probed.video.clone().map(|track| VideoTrack { keyframes: Vec::new(), ..track }),
        rungs,
        audio: probed.audio.clone(),
        encoding: profile.video.clone(),
        audio_bitrate: profile.audio_bitrate,
        poster_width: profile.poster_width,
        tasks,
    })
}

/// One run a segment, joined to the run before where no keyframe of the source is near its cut.
///
/// Beyond the index a source of known length is trusted to have keyframes, but how it gets to them is not
/// known: a transport stream is searched, Matroska without cues is read from its beginning. So runs
/// lengthen there with what lies before them. A source of unknown length is one run.
fn video_runs(track: &VideoTrack, cuts: &Cuts, known: bool) -> Vec<Planned> {
    let count = if known { u32::try_from(cuts.len()).unwrap_or(u32::MAX) } else { 1 };
    let indexed = cuts.segment_of(track.indexed);
    let mut starts: Vec<u32> = Vec::new();
    for k in 0..count {
        let cut = cuts.cut(k);
        let begins = match starts.last() {
            None => true,
            Some(&last) if cut > track.indexed => {
                k - last >= (last.saturating_sub(indexed) / UNINDEXED_SHARE).max(1)
            }
            Some(_) => {
                let before = track.keyframes.partition_point(|&time| time <= cut).checked_sub(1);
                let preroll = before.map_or(cut, |place| cut - track.keyframes[place]);
                preroll <= cuts.step() * MAX_PREROLL_SEGMENTS
            }
        };
        if begins {
            starts.push(k);
        }
    }
    let ends = starts.iter().skip(1).map(|&next| Some(next)).chain([None]);
    starts.iter().zip(ends).map(|(&first, end)| Planned::Video { first, end }).collect()
}

impl Plan {
    /// What no segment that is expected is longer than, in whole seconds: a playlist's target duration.
    /// Rounded up, as segments of sound end with a frame of sound and may be some milliseconds longer
    /// than those of the picture: the target duration is the same for both and may not grow.
    #[must_use]
    pub fn longest_seconds(&self) -> u32 {
        let scale = i64::from(TIMESCALE);
        let planned = u32::try_from(self.cuts.len()).unwrap_or(u32::MAX);
        let last = self.cuts.cut(planned.saturating_sub(1));
        let tail = self.duration.map_or_else(|| self.cuts.longest(), |end| end - last);
        let between = (1..planned).map(|k| self.cuts.cut(k) - self.cuts.cut(k - 1)).max();
        let longest = between.unwrap_or(self.cuts.step()).max(tail);
        u32::try_from((longest + scale - 1) / scale).unwrap_or(u32::MAX).max(1)
    }

    /// The frame rate of the video renditions: the source's, at most the profile's.
    #[must_use]
    pub fn frame_rate(&self) -> Option<FrameRate> {
        let (rate, most) = (self.video.as_ref()?.frame_rate, self.encoding.max_frame_rate);
        let within = rate.as_f64() <= f64::from(most);
        Some(if within { rate } else { FrameRate { num: most, den: 1 } })
    }

    /// The complete task of `planned`.
    ///
    /// # Errors
    /// `Invalid` for one that is not of this plan.
    pub fn task(&self, planned: Planned) -> Result<Task> {
        let foreign = || Error::invalid("the task is not one of this video's plan");
        let video = || self.video.clone().ok_or_else(foreign);
        Ok(match planned {
            Planned::Video { first, end } => Task::Video(VideoTask {
                track: video()?,
                zero: self.zero,
                cuts: self.cuts.clone(),
                first,
                end,
                rungs: self.rungs.clone(),
                encoding: self.encoding.clone(),
            }),
            Planned::Audio { track } => Task::Audio(AudioTask {
                track: self.audio.get(track as usize).cloned().ok_or_else(foreign)?,
                zero: self.zero,
                cuts: self.cuts.clone(),
                bitrate: self.audio_bitrate,
                end: self.picture_end(),
            }),
            Planned::Poster => Task::Poster(PosterTask {
                track: video()?,
                zero: self.zero,
                duration: self.duration.unwrap_or(0),
                max_width: self.poster_width,
            }),
        })
    }

    /// Where the picture ends, where that is known. Of a source that was cut off before its index it is
    /// not: silence up to what is announced would be all that plays there.
    fn picture_end(&self) -> Option<i64> {
        let video = self
            .video
            .as_ref()
            .filter(|_| self.announced.is_none() || self.announced > self.duration)?;
        video.end.or(self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = TIMESCALE as i64;

    fn sizes(width: u32, height: u32) -> Vec<(u32, u32)> {
        Profile::default().rungs_for(width, height).iter().map(|r| (r.width, r.height)).collect()
    }

    #[test]
    fn the_ladder_fits_the_picture_and_never_enlarges_it() {
        type Sizes = &'static [(u32, u32)];
        let cases: [(u32, u32, Sizes); 9] = [
            (1920, 1080, &[(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]),
            (3840, 2160, &[(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]),
            (1080, 1920, &[(1080, 1920), (720, 1280), (480, 854), (360, 640), (240, 426)]),
            (1920, 800, &[(1920, 800), (1280, 534), (854, 356), (640, 266), (426, 178)]),
            (1440, 1080, &[(1440, 1080), (960, 720), (640, 480), (480, 360), (320, 240)]),
            (1600, 900, &[(1280, 720), (854, 480), (640, 360), (426, 240)]),
            (852, 478, &[(852, 478), (640, 360), (426, 238)]),
            (160, 120, &[(160, 120)]),
            (3, 3, &[(2, 2)]),
        ];
        for (width, height, expected) in cases {
            let got = sizes(width, height);
            assert_eq!(got.len(), expected.len(), "{width}x{height}: {got:?}");
            for (got, expected) in got.iter().zip(expected) {
                let near = |a: u32, b: u32| a.abs_diff(b) <= 2 && a.is_multiple_of(2);
                assert!(near(got.0, expected.0) && near(got.1, expected.1), "{got:?} {expected:?}");
            }
        }
    }

    #[test]
    fn a_profile_is_named_by_its_settings() {
        let profile = Profile::default();
        assert_eq!(profile.id(), Profile::default().id());
        let mut other = profile.clone();
        other.video.crf += 1.0;
        assert_ne!(profile.id(), other.id());
    }

    fn probed(keyframes: Vec<i64>, duration: Option<i64>) -> Probed {
        Probed {
            container: "mov".into(),
            duration,
            announced: None,
            zero: Zero { ts: 0, num: 1, den: 1 },
            video: Some(VideoTrack {
                indexed: if keyframes.is_empty() { 0 } else { duration.unwrap_or(0) },
                keyframes,
                ..VideoTrack::plain(1280, 720)
            }),
            audio: vec![AudioTrack {
                index: 1,
                codec: "aac".into(),
                rate: 44_100,
                channels: 1,
                language: None,
                title: None,
                default: true,
            }],
        }
    }

    fn runs(keyframes: Vec<i64>, duration: Option<i64>) -> Vec<(u32, Option<u32>)> {
        runs_of(&probed(keyframes, duration))
    }

    fn runs_of(probed: &Probed) -> Vec<(u32, Option<u32>)> {
        let plan = plan(probed, &Profile::default()).unwrap();
        let video = |planned: &Planned| match *planned {
            Planned::Video { first, end } => Some((first, end)),
            _ => None,
        };
        plan.tasks.iter().filter_map(video).collect()
    }

    #[test]
    fn a_run_is_a_segment_where_keyframes_are_near() {
        let every = |seconds: i64| (0..=60 / seconds).map(|n| n * seconds * SECOND).collect();
        let single = vec![(0, Some(1)), (1, Some(2)), (2, None)];
        assert_eq!(runs(every(2), Some(30 * SECOND)), single);
        assert_eq!(runs(every(10), Some(30 * SECOND)), single);
        assert_eq!(runs(vec![0], Some(40 * SECOND)), [(0, Some(1)), (1, None)]);
        assert_eq!(
            runs(vec![0, 35 * SECOND], Some(60 * SECOND)),
            [(0, Some(1)), (1, Some(4)), (4, None)]
        );
        assert_eq!(runs(vec![], Some(30 * SECOND)), single);
        assert_eq!(runs(vec![], None), [(0, None)]);
    }

    #[test]
    fn beyond_an_index_that_breaks_off_runs_lengthen_and_never_become_one() {
        // What is in an index when Matroska without cues was looked into: the keyframes of a few seconds.
        let mut probed = probed(vec![0, 5 * SECOND], Some(3600 * SECOND));
        probed.video.as_mut().unwrap().indexed = 5 * SECOND;
        let runs = runs_of(&probed);
        assert_eq!(runs[..3], [(0, Some(1)), (1, Some(2)), (2, Some(3))]);
        assert!((20..60).contains(&runs.len()), "{} runs", runs.len());
        let read: u32 = runs.iter().map(|run| run.0).sum();
        assert!(read < 360 * 9, "{read} segments are read to make 360");
        assert_eq!(runs.last().unwrap().1, None);
    }

    #[test]
    fn what_a_viewer_needs_first_comes_first() {
        let plan = plan(&probed(vec![], Some(30 * SECOND)), &Profile::default()).unwrap();
        assert_eq!(
            plan.tasks,
            [
                Planned::Video { first: 0, end: Some(1) },
                Planned::Audio { track: 0 },
                Planned::Video { first: 1, end: Some(2) },
                Planned::Video { first: 2, end: None },
                Planned::Poster
            ]
        );
        for planned in &plan.tasks {
            assert!(plan.task(*planned).is_ok());
        }
        assert_eq!(plan.longest_seconds(), 10);
        assert!(plan.task(Planned::Audio { track: 7 }).is_err());
    }

    #[test]
    fn a_segment_may_end_a_frame_later_than_planned_within_the_target_duration() {
        let longest = |duration| {
            plan(&probed(vec![], duration), &Profile::default()).unwrap().longest_seconds()
        };
        // 10.49 s of picture may come with 10.51 s of sound, which is rounded to 11.
        assert_eq!(longest(Some(1049 * SECOND / 100)), 11);
        // A tail that nobody announced stays with the segment before it.
        assert_eq!(longest(None), 11);
        assert_eq!(longest(Some(60 * SECOND)), 10);
    }

    #[test]
    fn a_long_videos_poster_comes_after_its_first_minute() {
        let keyframes = (0..360).map(|k| k * 10 * SECOND).collect();
        let plan = plan(&probed(keyframes, Some(3600 * SECOND)), &Profile::default()).unwrap();
        let poster = plan.tasks.iter().position(|planned| *planned == Planned::Poster);
        assert_eq!((poster, plan.tasks.len()), (Some(7), 362));
    }

    #[test]
    fn what_cannot_be_a_stream_is_refused_with_its_reason() {
        let profile = Profile::default();
        let long = probed(vec![], Some(200_000 * SECOND));
        assert_eq!(plan(&long, &profile).unwrap_err().kind(), ErrorKind::TooLarge);
        let empty = Probed { video: None, audio: vec![], ..probed(vec![], None) };
        assert_eq!(plan(&empty, &profile).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
