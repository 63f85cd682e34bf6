//! A plan of `media` as the tables keep it, and back.

use catalog::videos::{NewPlan, Rendition, VideoKey};
use cmaf::manifest::{FrameRate, Kind};
use media::{
    ladder::{Plan, Planned},
    task::Rung,
};
use model::{Error, ErrorKind, RenditionId, Result};
use serde_json::Value;
use std::ops::Range;

/// `plan` for the tables, with fresh ids for its renditions.
pub(crate) fn to_tables(mut plan: Plan, video: &VideoKey) -> Result<NewPlan> {
    let ladder = plan.rungs.iter().map(|rung| rung_of(&plan, rung, video));
    let tracks = (0..plan.audio.len()).map(|track| track_of(&plan, track, video));
    let renditions: Vec<_> = ladder.chain(tracks).collect();
    // Every rung is made with every segment, so the first stands for all; the first track is the one
    // that plays unless another is chosen.
    let first = |range: Range<usize>| renditions[range].first().map(|rendition| rendition.id);
    let rungs = plan.rungs.len();
    let needed = [first(0..rungs), first(rungs..renditions.len())].into_iter().flatten().collect();
    let expected = plan.duration.map_or(0, |_| u32::try_from(plan.cuts.len()).unwrap_or(u32::MAX));
    let tasks = plan.tasks.iter().map(serde_json::to_value);
    let tasks = tasks.collect::<serde_json::Result<_>>().map_err(unwritable)?;
    let longest_seconds = plan.longest_seconds();
    let ticks = |time: Option<i64>| time.and_then(|ticks| u64::try_from(ticks).ok());
    let (duration, announced) = (ticks(plan.duration), ticks(plan.announced));
    // What the tasks were made from, and nothing needs any more; a long film has thousands of each.
    plan.tasks.clear();
    if let Some(track) = &mut plan.video {
        track.keyframes.clear();
    }
    Ok(NewPlan {
        plan: serde_json::to_value(&plan).map_err(unwritable)?,
        tasks,
        renditions,
        needed,
        duration,
        announced,
        expected,
        longest_seconds,
    })
}

/// A plan and one of its tasks from the tables.
pub(crate) fn from_tables(plan: Value, planned: Value) -> Result<(Plan, Planned)> {
    let plan = serde_json::from_value(plan).map_err(unreadable)?;
    Ok((plan, serde_json::from_value(planned).map_err(unreadable)?))
}

/// Which of a video's renditions a task makes; none for a picture.
pub(crate) fn renditions_of(plan: &Plan, planned: Planned) -> Range<usize> {
    match planned {
        Planned::Video { .. } => 0..plan.rungs.len(),
        Planned::Audio { track } => {
            let place = plan.rungs.len() + track as usize;
            place..place + 1
        }
        Planned::Poster => 0..0,
    }
}

fn rung_of(plan: &Plan, rung: &Rung, video: &VideoKey) -> Rendition {
    let kind = Kind::Video {
        width: rung.width,
        height: rung.height,
        frame_rate: plan.frame_rate().unwrap_or(FrameRate { num: 0, den: 1 }),
    };
    rendition(video, kind, rung.name.clone(), rung.cap)
}

fn track_of(plan: &Plan, place: usize, video: &VideoKey) -> Rendition {
    let track = &plan.audio[place];
    let numbered = || format!("audio {}", place + 1);
    let name = track.title.clone().or_else(|| track.language.clone()).unwrap_or_else(numbered);
    let kind = Kind::Audio {
        name: name.clone(),
        language: track.language.clone(),
        // All audio is mixed down to stereo.
        channels: 2,
        default: place == 0,
    };
    rendition(video, kind, name, plan.audio_bitrate)
}

fn rendition(video: &VideoKey, kind: Kind, name: String, cap: u32) -> Rendition {
    let id = RenditionId::random();
    Rendition { id, video: video.clone(), kind, name, cap: cap.into(), init: None }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::with_source(ErrorKind::Internal, "a plan cannot be written", error)
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::with_source(ErrorKind::Internal, "a plan cannot be read", error)
}
