//! Renditions and their segments, as they are read.

use super::{VideoKey, keys};
use crate::{
    Catalog, Stored,
    row::{self, Row},
};
use cmaf::{
    manifest::{self, Kind},
    timeline::{AUDIO_RATE, TIMESCALE},
};
use model::{RenditionId, Result, Sha256};
use records::{Consistency, Query};
use serde::{Deserialize, Serialize};

/// One rung of a video's ladder, or one of its audio tracks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// Random: knowing it is the right to read its segments.
    pub id: RenditionId,
    /// Of which video.
    pub video: VideoKey,
    /// What it shows or sounds.
    pub kind: Kind,
    /// What a menu shows.
    pub name: String,
    /// Bits a second that it does not exceed for long.
    pub cap: u64,
    /// Known from the first segment on that was made, whichever that is.
    pub init: Option<Init>,
}

/// An init segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    /// Name of the object.
    pub object: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes: every attempt must make the same.
    pub sha256: Sha256,
    /// RFC 6381.
    pub codecs: String,
}

/// One segment of a rendition. Written once; never changed, save that the finish of a damaged source's
/// video brings the times of two that do not meet in line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its place in the plan's cuts.
    pub k: u32,
    /// First presentation time in ticks of the rendition's timescale.
    pub start: u64,
    /// Where the next one begins; equals `start` for a range without a frame.
    pub end: u64,
    /// Number of frames.
    pub frames: u32,
    /// Name of the object; none for a range without a frame.
    pub object: Option<String>,
    /// Its length.
    pub bytes: u64,
}

impl Row for Rendition {
    const WHAT: &'static str = "a rendition";
}

impl Row for Segment {
    const WHAT: &'static str = "a segment";
}

impl Rendition {
    /// Ticks a second of its segments.
    #[must_use]
    pub fn timescale(&self) -> u32 {
        match self.kind {
            Kind::Video { .. } => TIMESCALE,
            Kind::Audio { .. } => AUDIO_RATE,
        }
    }

    /// What manifests are written from; nothing before a segment was made.
    #[must_use]
    pub fn manifest(&self, segments: &[Segment]) -> Option<manifest::Rendition> {
        let init = self.init.as_ref()?;
        let segment = |segment: &Segment| manifest::Segment {
            k: segment.k,
            duration: segment.end - segment.start,
            bytes: segment.bytes,
        };
        Some(manifest::Rendition {
            id: self.id,
            kind: self.kind.clone(),
            codecs: init.codecs.clone(),
            cap: self.cap,
            segments: segments.iter().map(segment).collect(),
        })
    }
}

impl Catalog {
    /// A rendition.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn rendition(&self, id: RenditionId) -> Result<Option<Rendition>> {
        let record = self.records.get(&keys::rendition(id), Consistency::Strong).await?;
        record.map(|record| row::decode(record.value)).transpose()
    }

    /// A video's renditions, in the order of [`super::Video::renditions`]; none for a video that is not
    /// there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn renditions(&self, video: &VideoKey) -> Result<Vec<Rendition>> {
        let Some(video) = self.video(video).await? else { return Ok(Vec::new()) };
        let renditions = self.stored_renditions(&video.renditions).await?;
        Ok(renditions.into_iter().map(|rendition| rendition.value).collect())
    }

    /// Those of `ids` that are there.
    pub(super) async fn stored_renditions(
        &self,
        ids: &[RenditionId],
    ) -> Result<Vec<Stored<Rendition>>> {
        let keys: Vec<_> = ids.iter().map(|&id| keys::rendition(id)).collect();
        let records = self.records.get_many(&keys, Consistency::Strong).await?;
        records.into_iter().flatten().map(row::stored).collect()
    }

    /// A rendition's segments from `from` on, in the order of `k`, at most `limit` (1 to 1,000). What is
    /// not made yet is missing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn segments(
        &self,
        rendition: RenditionId,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Segment>> {
        let (mut segments, mut cursor) = (Vec::new(), None);
        loop {
            let first = keys::segment(rendition, from).sort;
            // Hex digits sort before `~`.
            let query = Query::range(
                keys::rendition_partition(rendition),
                first,
                format!("{}~", keys::SEGMENT),
            )
            .limit(limit.saturating_sub(segments.len()))
            .cursor(cursor)
            .consistency(Consistency::Strong);
            let page = self.records.query(query).await?;
            for record in page.records {
                segments.push(row::decode(record.value)?);
            }
            cursor = page.cursor;
            if cursor.is_none() || segments.len() >= limit {
                return Ok(segments);
            }
        }
    }

    /// One segment, if it was made.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn segment(&self, rendition: RenditionId, k: u32) -> Result<Option<Segment>> {
        let key = keys::segment(rendition, k);
        let record = self.records.get(&key, Consistency::Strong).await?;
        record.map(|record| row::decode(record.value)).transpose()
    }
}
