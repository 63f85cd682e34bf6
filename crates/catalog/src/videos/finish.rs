//! The end of a video: what was made is checked as a whole, and then the video is ready.

use super::{Segment, Video, VideoKey, keys};
use crate::Catalog;
use cmaf::{manifest::Kind, timeline::TIMESCALE};
use model::{RenditionId, Result, Timestamp};
use records::{Condition, Write};

/// Segments that are read at a time.
const PAGE: usize = 1000;

/// What a rendition's segments come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Line {
    /// First and last presentation time and number of frames of each segment.
    segments: Vec<(u64, u64, u32)>,
}

impl Line {
    /// Adds the next segment, which must follow the last one.
    fn add(&mut self, segment: &Segment) -> std::result::Result<(), String> {
        let k = self.segments.len();
        let end = self.end();
        if segment.k as usize != k {
            return Err(format!("segment {k} is missing"));
        }
        if segment.start > segment.end || (segment.start == segment.end) != (segment.frames == 0) {
            return Err(format!("segment {k} has no duration"));
        }
        // Where a range without a frame lies says nothing.
        if segment.frames > 0 {
            if segment.start != end {
                return Err(format!("segment {k} begins at {}, not at {end}", segment.start));
            }
            self.segments.push((segment.start, segment.end, segment.frames));
        } else {
            self.segments.push((end, end, 0));
        }
        Ok(())
    }

    fn end(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.1)
    }
}

/// What a video comes to.
struct Length {
    /// Ticks of 1/90,000 s.
    duration: u64,
    /// Audio tracks without a sample: the source names them, and there is nothing in them.
    empty: Vec<RenditionId>,
}

impl Catalog {
    /// Verifies a video whose tasks are done, and makes it ready; or makes it fail where its segments
    /// do not fit together. Answers with the video as it then is, or `None` for one that is gone.
    ///
    /// # Errors
    /// `Conflict` where tasks are not done.
    pub async fn finish(&self, key: &VideoKey, now: Timestamp) -> Result<Option<Video>> {
        loop {
            let Some(video) = self.stored_video(key).await? else { return Ok(None) };
            if video.value.status.is_terminal() {
                return Ok(Some(video.value));
            }
            let mut batch = Vec::new();
            let next = match self.length(&video.value).await? {
                Ok(Length { duration, empty }) => {
                    let mut next = video.value.ready(duration)?;
                    next.renditions.retain(|id| !empty.contains(id));
                    next.needed.retain(|id| !empty.contains(id));
                    let gone = |&id| Write::delete(keys::rendition(id), Condition::Any);
                    batch.extend(empty.iter().map(gone));
                    next
                }
                Err(flaw) => video.value.failed(&flaw)?,
            };
            if self.change_video(key, &video, next.clone(), batch, now).await? {
                return Ok(Some(next));
            }
        }
    }

    /// What was made comes to, or what is wrong with it, for the video's owner.
    async fn length(&self, video: &Video) -> Result<std::result::Result<Length, String>> {
        let mut rung: Option<Line> = None;
        let mut length = Length { duration: 0, empty: Vec::new() };
        for rendition in self.stored_renditions(&video.renditions).await? {
            let rendition = rendition.value;
            let line = match self.line(rendition.id).await? {
                Ok(line) => line,
                Err(flaw) => return Ok(Err(defect(&rendition.name, &flaw))),
            };
            let is_video = matches!(rendition.kind, Kind::Video { .. });
            match (line.end(), is_video) {
                (0, false) => length.empty.push(rendition.id),
                (0, true) => {
                    return Ok(Err(
                        "the video has no picture that can be decoded; the file may be \
                                   damaged"
                            .into(),
                    ));
                }
                (end, _) => {
                    let ticks = end * u64::from(TIMESCALE) / u64::from(rendition.timescale());
                    length.duration = length.duration.max(ticks);
                }
            }
            if is_video && *rung.get_or_insert_with(|| line.clone()) != line {
                let flaw = "its frames are not those of the other rungs";
                return Ok(Err(defect(&rendition.name, flaw)));
            }
        }
        if length.duration == 0 {
            return Ok(Err("the file has no sound that can be decoded; it may be damaged".into()));
        }
        Ok(Ok(length))
    }

    async fn line(&self, id: RenditionId) -> Result<std::result::Result<Line, String>> {
        let mut line = Line::default();
        loop {
            let from = u32::try_from(line.segments.len()).unwrap_or(u32::MAX);
            let segments = self.segments(id, from, PAGE).await?;
            for segment in &segments {
                if let Err(flaw) = line.add(segment) {
                    return Ok(Err(flaw));
                }
            }
            if segments.len() < PAGE {
                return Ok(Ok(line));
            }
        }
    }
}

fn defect(rendition: &str, flaw: &str) -> String {
    format!(
        "the stream did not pass its final check ({rendition}: {flaw}); this is a defect of this \
         program, please report it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(line: &mut Line, k: u32, start: u64, end: u64, frames: u32) -> bool {
        line.add(&Segment { k, start, end, frames, object: None, bytes: 0 }).is_ok()
    }

    #[test]
    fn segments_follow_one_another_without_a_gap() {
        // (k, start, end, frames) after a first segment of 0..10, and whether it may follow.
        let cases = [
            ((1, 10, 20, 5), true),
            ((1, 10, 10, 0), true),
            ((1, 99, 99, 0), true),
            ((2, 10, 20, 5), false),
            ((1, 11, 20, 5), false),
            ((1, 9, 20, 5), false),
            ((1, 10, 10, 5), false),
            ((1, 10, 20, 0), false),
            ((1, 10, 5, 5), false),
        ];
        for ((k, start, end, frames), fits) in cases {
            let mut line = Line::default();
            assert!(add(&mut line, 0, 0, 10, 3));
            assert_eq!(add(&mut line, k, start, end, frames), fits, "{k} {start} {end} {frames}");
        }
    }

    #[test]
    fn a_range_without_a_frame_leaves_no_gap() {
        let mut line = Line::default();
        assert!(add(&mut line, 0, 0, 10, 3) && add(&mut line, 1, 10, 10, 0));
        assert!(add(&mut line, 2, 10, 20, 3));
        assert_eq!(line.end(), 20);
    }
}
