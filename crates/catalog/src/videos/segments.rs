//! What an attempt has made becomes the video's: all renditions of a segment in one conditional write,
//! so that attempts never mix within a segment.

use super::{Held, Init, Poster, Rendition, Segment, Video, keys};
use crate::{Catalog, Stored, row};
use model::{Error, ErrorKind, RenditionId, Result, Timestamp, video::VideoStatus};
use records::{Condition, failed_key};

/// Segments that are enough to say whether a rendition can be played from zero: a playlist appears with
/// its second.
const ENOUGH: usize = 2;

/// Segments that are looked at to find [`ENOUGH`]: ranges without a frame are rare.
const LOOK_AT: usize = 16;

/// One segment of one rendition, stored and not yet named by anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Of which rendition.
    pub rendition: RenditionId,
    /// The segment.
    pub segment: Segment,
    /// The init segment, where this attempt has stored it because the rendition had none.
    pub init: Option<Init>,
}

/// What became of parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// Objects of theirs that nothing names, because other attempts came first: to be deleted.
    pub unused: Vec<String>,
}

impl Catalog {
    /// Makes `parts`, one segment in some renditions, the video's, unless another attempt has made that
    /// segment before.
    ///
    /// # Errors
    /// `Cancelled` where somebody else took the task over, or the video has ended: none of the parts'
    /// objects is named by anything. `Internal` where an init segment differs from the one that other
    /// attempts have made.
    pub async fn segment_made(&self, held: &Held, parts: &[Part], now: Timestamp) -> Result<Made> {
        let segments: Vec<_> =
            parts.iter().map(|p| keys::segment(p.rendition, p.segment.k)).collect();
        loop {
            let video = self.video_under_way(&held.video).await?;
            if let Some(part) =
                parts.iter().find(|part| !video.value.renditions.contains(&part.rendition))
            {
                let id = part.rendition;
                return Err(Error::invalid(format!("{id} is no rendition of this video")));
            }
            let mut batch = vec![held.check()];
            for (key, part) in segments.iter().zip(parts) {
                batch.push(row::put(key.clone(), Condition::Absent, &part.segment)?);
            }
            let mut made = Made::default();
            for (init, rendition) in self.with_init(parts).await? {
                match rendition.value.init {
                    None => {
                        let key = keys::rendition(rendition.value.id);
                        let with = Rendition { init: Some(init.clone()), ..rendition.value };
                        let unchanged = Condition::VersionIs(rendition.version);
                        batch.push(row::put(key, unchanged, &with)?);
                    }
                    Some(known) if known.sha256 == init.sha256 => {
                        made.unused.push(init.object.clone());
                    }
                    Some(_) => {
                        return Err(Error::internal(
                            "two attempts have made different init segments",
                        ));
                    }
                }
            }
            let next = self.after(held, &video.value, parts).await?;
            match self.change_video(&held.video, &video, next, batch, now).await {
                Ok(true) => return Ok(made),
                Ok(false) => {}
                Err(error) => {
                    let error = held.lost(error);
                    let Some(key) = failed_key(&error) else { return Err(error) };
                    if segments.contains(key) {
                        let inits = parts.iter().filter_map(|part| part.init.as_ref());
                        let inits = inits.map(|init| init.object.clone());
                        let objects = parts.iter().filter_map(|part| part.segment.object.clone());
                        return Ok(Made { unused: objects.chain(inits).collect() });
                    }
                    // Else a rendition got its init segment meanwhile.
                    if error.kind() != ErrorKind::Conflict {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// The parts that bring an init segment, with their renditions.
    async fn with_init<'a>(&self, parts: &'a [Part]) -> Result<Vec<(&'a Init, Stored<Rendition>)>> {
        let bring: Vec<_> =
            parts.iter().filter_map(|p| Some((p.init.as_ref()?, p.rendition))).collect();
        if bring.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = bring.iter().map(|(_, id)| *id).collect();
        let renditions = self.stored_renditions(&ids).await?;
        if renditions.len() != ids.len() {
            return Err(Error::new(ErrorKind::Cancelled, "the video's renditions are gone"));
        }
        Ok(bring.into_iter().map(|(init, _)| init).zip(renditions).collect())
    }

    /// The video with `parts`.
    async fn after(&self, held: &Held, video: &Video, parts: &[Part]) -> Result<Video> {
        let leads = parts.iter().any(|part| video.needed.first() == Some(&part.rendition));
        let mut playable = video.status == VideoStatus::Running;
        for &id in &video.needed {
            playable = playable && {
                let mut segments = self.segments(id, 0, LOOK_AT).await?;
                let new = parts.iter().filter(|part| part.rendition == id);
                segments.extend(new.map(|part| part.segment.clone()));
                segments.sort_by_key(|segment| segment.k);
                plays(&segments)
            };
        }
        video.segment_made(leads.then_some(held.task), playable)
    }

    /// Makes `poster` the video's, unless it has one: then its object is unused.
    ///
    /// # Errors
    /// `Cancelled` where somebody else took the task over, or the video has ended.
    pub async fn poster_made(&self, held: &Held, poster: Poster, now: Timestamp) -> Result<Made> {
        loop {
            let video = self.video_under_way(&held.video).await?;
            if video.value.poster.is_some() {
                return Ok(Made { unused: vec![poster.object] });
            }
            let next = Video { poster: Some(poster.clone()), ..video.value.clone() };
            let batch = vec![held.check()];
            let written = self.change_video(&held.video, &video, next, batch, now).await;
            if written.map_err(|e| held.lost(e))? {
                return Ok(Made::default());
            }
        }
    }
}

/// Whether a growing playlist of these segments, sorted, appears.
fn plays(segments: &[Segment]) -> bool {
    let prefix = (0..).zip(segments).take_while(|(k, segment)| *k == segment.k);
    prefix.filter(|(_, segment)| segment.object.is_some()).count() >= ENOUGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_appears_with_its_second_segment_from_zero() {
        let of = |ks: &[(u32, bool)]| {
            let segment = |&(k, full): &(u32, bool)| Segment {
                k,
                start: 0,
                end: 0,
                frames: 0,
                object: full.then(String::new),
                bytes: 0,
            };
            plays(&ks.iter().map(segment).collect::<Vec<_>>())
        };
        assert!(of(&[(0, true), (1, true)]));
        assert!(of(&[(0, true), (1, false), (2, true)]));
        assert!(!of(&[(0, true)]));
        assert!(!of(&[(0, true), (1, false)]));
        assert!(!of(&[(1, true), (2, true)]));
        assert!(!of(&[(0, true), (2, true)]));
    }
}
