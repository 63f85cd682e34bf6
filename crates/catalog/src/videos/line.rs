//! A rendition's segments as one line of time, each beginning where the one before it ends.
//!
//! Runs of a damaged source, decoded from different keyframes, may not agree on the first frame behind
//! their seam. Such a seam is mended: the segment before it is taken to end where the next one begins,
//! as it does for whoever plays them one after the other. Where the source is whole, a seam that does
//! not fit is a defect.

use super::Segment;

/// What a rendition's segments come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    pieces: Vec<Piece>,
    /// Segments whose times are not those of their rows, rising.
    mended: Vec<u32>,
    /// Where the first seam was mended.
    first_seam: Option<u64>,
}

/// A segment's place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) end: u64,
    frames: u32,
}

impl Line {
    /// Adds the next segment, which must follow the last one; where `damaged`, is made to.
    pub(super) fn add(&mut self, segment: &Segment, damaged: bool) -> Result<(), String> {
        let &Segment { k, mut start, end, frames, .. } = segment;
        if k as usize != self.pieces.len() {
            return Err(format!("segment {} is missing", self.pieces.len()));
        }
        if start > end || (start == end) != (frames == 0) {
            return Err(format!("segment {k} has no duration"));
        }
        // Where a range without a frame lies says nothing.
        if frames == 0 {
            let start = self.end();
            self.pieces.push(Piece { start, end: start, frames });
            return Ok(());
        }
        if start != self.end() {
            let flaw = format!("segment {k} begins at {start}, not at {}", self.end());
            if !damaged {
                return Err(flaw);
            }
            let mended = match self.pieces.iter().rposition(|piece| piece.frames > 0) {
                Some(before) if self.pieces[before].start < start => {
                    self.pieces[before].end = start;
                    u32::try_from(before).unwrap_or(u32::MAX)
                }
                Some(_) => return Err(flaw),
                // The timeline begins at zero, also where its first frames are lost.
                None => {
                    start = 0;
                    k
                }
            };
            self.first_seam.get_or_insert(start);
            if self.mended.last() != Some(&mended) {
                self.mended.push(mended);
            }
        }
        self.pieces.push(Piece { start, end, frames });
        Ok(())
    }

    pub(super) fn end(&self) -> u64 {
        let last = self.pieces.iter().rfind(|piece| piece.frames > 0);
        last.map_or(0, |piece| piece.end)
    }

    /// Number of segments.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.pieces.len()).unwrap_or(u32::MAX)
    }

    /// Where the first mended seam is, if any is.
    pub(super) fn first_seam(&self) -> Option<u64> {
        self.first_seam
    }

    /// Segments whose rows are to be brought in line, with where they truly lie; rising.
    pub(super) fn mended(&self) -> impl Iterator<Item = (u32, Piece)> {
        let place = |&k: &u32| Some((k, *self.pieces.get(k as usize)?));
        self.mended.iter().filter_map(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Place = (u32, u64, u64, u32);

    fn line(segments: &[Place], damaged: bool) -> Result<Line, String> {
        let mut line = Line::default();
        for &(k, start, end, frames) in segments {
            line.add(&Segment { k, start, end, frames, object: None, bytes: 0 }, damaged)?;
        }
        Ok(line)
    }

    fn mended(segments: &[Place]) -> Vec<(u32, u64, u64)> {
        let line = line(segments, true).unwrap();
        line.mended().map(|(k, piece)| (k, piece.start, piece.end)).collect()
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
        for (next, fits) in cases {
            assert_eq!(line(&[(0, 0, 10, 3), next], false).is_ok(), fits, "{next:?}");
        }
    }

    #[test]
    fn a_range_without_a_frame_leaves_no_gap() {
        let whole = line(&[(0, 0, 10, 3), (1, 10, 10, 0), (2, 10, 20, 3)], false).unwrap();
        assert_eq!((whole.end(), whole.len(), whole.mended().count()), (20, 3, 0));
    }

    #[test]
    fn seams_of_a_damaged_source_are_mended_at_the_segment_before() {
        assert_eq!(mended(&[(0, 0, 10, 3), (1, 12, 20, 3)]), [(0, 0, 12)]);
        assert_eq!(mended(&[(0, 0, 13, 3), (1, 12, 20, 3)]), [(0, 0, 12)]);
        assert_eq!(mended(&[(0, 0, 10, 3), (1, 10, 10, 0), (2, 21, 30, 3)]), [(0, 0, 21)]);
        assert_eq!(mended(&[(0, 0, 0, 0), (1, 12, 20, 3), (2, 20, 30, 3)]), [(1, 0, 20)]);
        assert_eq!(mended(&[(0, 4, 10, 3), (1, 12, 20, 3)]), [(0, 0, 12)]);
        let seams = [(0, 0, 10, 3), (1, 12, 20, 3), (2, 19, 30, 3)];
        assert_eq!(line(&seams, true).unwrap().first_seam(), Some(12));
    }

    #[test]
    fn what_no_damage_explains_stays_a_flaw() {
        for flawed in [(2, 10, 20, 5), (1, 10, 10, 5), (1, 0, 20, 5)] {
            assert!(line(&[(0, 0, 10, 3), flawed], true).is_err(), "{flawed:?}");
        }
    }
}
