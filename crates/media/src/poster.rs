//! The poster task: one picture that stands for the video.
//!
//! A few keyframes are tried, and the one with the largest JPEG at the same quality is taken: black,
//! blank and blurred pictures compress best.

use crate::encode;
use crate::fault::{Fault, Result};
use crate::frames::Frames;
use crate::graph::Pictures;
use crate::reader::Pipe;
use crate::task::{Done, PosterTask};
use crate::wire::ToParent;

/// Places that are tried, in hundredths of the duration.
const PLACES: [i64; 4] = [5, 20, 40, 60];

/// Makes the poster and gives it to the parent.
pub fn make(pipe: &Pipe, task: &PosterTask) -> Result<Done> {
    let (width, height) = size(task);
    let mut pictures = Pictures::still(&task.track, width, height);
    let mut frames = Frames::from(pipe, &task.track, task.zero, 0)?;
    let (mut best, mut tried) = (Vec::new(), Vec::new());
    for place in PLACES {
        let at = task.duration.max(0) / 100 * place;
        if tried.contains(&at) {
            continue;
        }
        tried.push(at);
        if (at == 0 || frames.go_near(at)?)
            && let Some(jpeg) = picture(&mut frames, &mut pictures)?
            && jpeg.len() > best.len()
        {
            best = jpeg;
        }
    }
    let (mut decoded, mut damaged) = frames.counts();
    if best.is_empty() {
        // Of a source that cannot be sought, the first picture there is.
        let mut frames = Frames::from(pipe, &task.track, task.zero, 0)?;
        best = picture(&mut frames, &mut pictures)?.ok_or_else(|| {
            Fault::invalid("no picture of the video can be decoded; the file is damaged")
        })?;
        let counts = frames.counts();
        (decoded, damaged) = (decoded + counts.0, damaged + counts.1);
    }
    pipe.say(&ToParent::Poster { width, height }, &[&best])?;
    Ok(Done { at_end: false, decoded, damaged })
}

/// The next frame as a JPEG, where there is one.
fn picture(frames: &mut Frames, pictures: &mut Pictures) -> Result<Option<Vec<u8>>> {
    if frames.next()?.is_none() {
        return Ok(None);
    }
    let made = pictures.scale(&mut frames.frame)? || pictures.flush()?;
    made.then(|| encode::jpeg(&pictures.scaled[0])).transpose()
}

/// The track's size, scaled down to the largest width, even.
fn size(task: &PosterTask) -> (u32, u32) {
    let (width, height) = (u64::from(task.track.width), u64::from(task.track.height));
    let wide = width.min(u64::from(task.max_width)).max(2);
    let even = |size: u64| u32::try_from(size & !1).unwrap_or(2).max(2);
    (even(wide), even(height * wide / width.max(1)))
}
