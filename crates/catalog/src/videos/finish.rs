//! The end of a video: what was made is checked as a whole, and then the video is ready.

use super::{Video, VideoKey, keys, line::Line};
use crate::{
    Catalog, Stored,
    row::{self, put},
};
use cmaf::{manifest::Kind, timeline::TIMESCALE};
use model::{ErrorKind, RenditionId, Result, Timestamp};
use records::{Condition, Consistency, MAX_BATCH, Write};

/// Segments that are read at a time.
const PAGE: usize = 1000;

/// What a video comes to.
#[derive(Default)]
struct Length {
    /// Ticks of 1/90,000 s.
    duration: u64,
    /// Audio tracks without a sample: the source names them, and there is nothing in them.
    empty: Vec<RenditionId>,
    /// Renditions with seams that the source's damage has made and that were mended.
    mended: Vec<(RenditionId, Line)>,
    /// Where the first of those seams is, in ticks of 1/90,000 s.
    first_seam: Option<u64>,
}

/// Why a video whose tasks are done is not ready.
struct Flaw {
    /// For its owner.
    reason: String,
    /// Whether it is the source's.
    of_source: bool,
}

impl Catalog {
    /// Verifies a video whose tasks are done, and makes it ready; or makes it fail where its segments
    /// do not fit together. Answers with the video as it then is, or `None` for one that is gone.
    ///
    /// Where the source is damaged, segments may not meet: then the rows say that each ends where the
    /// next begins, and the video is ready with a note of that as its reason.
    ///
    /// # Errors
    /// `Conflict` where tasks are not done.
    pub async fn finish(&self, key: &VideoKey, now: Timestamp) -> Result<Option<Video>> {
        loop {
            let Some(video) = self.stored_video(key).await? else { return Ok(None) };
            if video.value.status.is_terminal() {
                return Ok(Some(video.value));
            }
            // A finish may be of an earlier life of the video: what it asks for holds for this one only
            // where this one has come to its end too.
            video.value.all_done()?;
            let mut batch = Vec::new();
            let next = match self.length(&video.value).await? {
                Ok(length) => {
                    if !self.mend(&length.mended).await? {
                        continue;
                    }
                    let mut next = video.value.ready(length.duration)?;
                    next.reason = length.first_seam.map(damaged_near);
                    next.renditions.retain(|id| !length.empty.contains(id));
                    next.needed.retain(|id| !length.empty.contains(id));
                    let gone = |&id| Write::delete(keys::rendition(id), Condition::Any);
                    batch.extend(length.empty.iter().map(gone));
                    next
                }
                Err(flaw) => video.value.failed(&flaw.reason, flaw.of_source)?,
            };
            if self.change_video(key, &video, next.clone(), batch, now).await? {
                return Ok(Some(next));
            }
        }
    }

    /// What was made comes to, or what is wrong with it, for the video's owner.
    async fn length(&self, video: &Video) -> Result<std::result::Result<Length, Flaw>> {
        let mut rung: Option<Line> = None;
        let mut length = Length::default();
        for rendition in self.stored_renditions(&video.renditions).await? {
            let rendition = rendition.value;
            let line = match self.line(rendition.id, video.damaged > 0).await? {
                Ok(line) => line,
                Err(flaw) => return Ok(Err(defect(&rendition.name, &flaw))),
            };
            let is_video = matches!(rendition.kind, Kind::Video { .. });
            let ticks = |time: u64| time * u64::from(TIMESCALE) / u64::from(rendition.timescale());
            match (line.end(), is_video) {
                (0, false) => length.empty.push(rendition.id),
                (0, true) => {
                    return Ok(Err(of_source(
                        "the video has no picture that can be decoded; the file may be damaged",
                    )));
                }
                (end, _) => length.duration = length.duration.max(ticks(end)),
            }
            if is_video && *rung.get_or_insert_with(|| line.clone()) != line {
                let flaw = "its frames are not those of the other rungs";
                return Ok(Err(defect(&rendition.name, flaw)));
            }
            if let Some(seam) = line.first_seam() {
                length.first_seam.get_or_insert(ticks(seam));
                length.mended.push((rendition.id, line));
            }
        }
        if length.duration == 0 {
            let reason = "the file has no sound that can be decoded; it may be damaged";
            return Ok(Err(of_source(reason)));
        }
        Ok(Ok(length))
    }

    async fn line(
        &self,
        id: RenditionId,
        damaged: bool,
    ) -> Result<std::result::Result<Line, String>> {
        let mut line = Line::default();
        loop {
            let segments = self.segments(id, line.len(), PAGE).await?;
            for segment in &segments {
                if let Err(flaw) = line.add(segment, damaged) {
                    return Ok(Err(flaw));
                }
            }
            if segments.len() < PAGE {
                return Ok(Ok(line));
            }
        }
    }

    /// Brings the rows of mended segments in line. `false`: another finisher came between, or the video
    /// has gone.
    async fn mend(&self, mended: &[(RenditionId, Line)]) -> Result<bool> {
        for (id, line) in mended {
            let places: Vec<_> = line.mended().collect();
            for some in places.chunks(MAX_BATCH) {
                let keys: Vec<_> = some.iter().map(|(k, _)| keys::segment(*id, *k)).collect();
                let rows = self.records.get_many(&keys, Consistency::Strong).await?;
                let mut batch = Vec::new();
                for ((key, row), (_, piece)) in keys.into_iter().zip(rows).zip(some) {
                    let Some(row) = row else { return Ok(false) };
                    let Stored { value, version } = row::stored::<super::Segment>(row)?;
                    let mended = super::Segment { start: piece.start, end: piece.end, ..value };
                    batch.push(put(key, Condition::VersionIs(version), &mended)?);
                }
                match self.records.write(batch).await {
                    Err(error) if error.kind() == ErrorKind::Conflict => return Ok(false),
                    result => result?,
                };
            }
        }
        Ok(true)
    }
}

fn of_source(reason: &str) -> Flaw {
    Flaw { reason: reason.to_owned(), of_source: true }
}

fn defect(rendition: &str, flaw: &str) -> Flaw {
    let reason = format!(
        "the stream did not pass its final check ({rendition}: {flaw}); this is a defect of this \
         program, please report it"
    );
    Flaw { reason, of_source: false }
}

fn damaged_near(ticks: u64) -> String {
    let seconds = ticks / u64::from(TIMESCALE);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let time = match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    };
    format!("the file is damaged near {time}; what could be read of it plays")
}
