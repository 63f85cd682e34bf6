//! What an upload remembers of the bytes behind it: the whole file's hash so far, and whether it begins
//! like media. Saved with every checkpoint.

use catalog::HasherState;
use chunking::StreamHasher;
use model::{Error, ErrorKind, Result, Sha256, sniff};

/// Marks of a saved state's first byte.
const NOT_MEDIA: u8 = 0;
const MEDIA: u8 = 1;
const UNDECIDED: u8 = 2;

/// The whole file, as far as it has come.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    hasher: StreamHasher,
    beginning: Beginning,
}

#[derive(Debug, Clone)]
enum Beginning {
    /// Too few bytes to judge.
    Undecided(Vec<u8>),
    /// Whether they are of a media container.
    Decided(bool),
}

impl Running {
    /// Before the first byte.
    pub(crate) fn new() -> Self {
        Self { hasher: StreamHasher::new(), beginning: Beginning::Undecided(Vec::new()) }
    }

    /// Takes the file's next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.look_at(bytes);
        self.hasher.update(bytes);
    }

    /// Takes the file's next block, of which it has had the first `seen` bytes, and returns the block's
    /// own hash.
    pub(crate) fn update_block(&mut self, block: &[u8], seen: usize) -> Sha256 {
        self.look_at(&block[seen..]);
        self.hasher.update_block(block, seen)
    }

    fn look_at(&mut self, bytes: &[u8]) {
        if let Beginning::Undecided(head) = &mut self.beginning {
            let missing = sniff::SNIFF_LEN - head.len();
            head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
            if head.len() == sniff::SNIFF_LEN {
                self.beginning = Beginning::Decided(sniff::looks_like_media(head));
            }
        }
    }

    /// Whether a worker should look for a video in the file.
    pub(crate) fn looks_like_media(&self) -> bool {
        match &self.beginning {
            Beginning::Undecided(head) => sniff::looks_like_media(head),
            Beginning::Decided(media) => *media,
        }
    }

    /// The hash of all bytes so far.
    pub(crate) fn sha256(self) -> Sha256 {
        self.hasher.finish()
    }

    pub(crate) fn save(&self) -> HasherState {
        let mut saved = match &self.beginning {
            Beginning::Decided(media) => vec![if *media { MEDIA } else { NOT_MEDIA }],
            Beginning::Undecided(head) => {
                // Below `SNIFF_LEN`, so it fits.
                let len = u16::try_from(head.len()).unwrap_or(u16::MAX).to_be_bytes();
                [&[UNDECIDED], &len[..], head].concat()
            }
        };
        saved.extend(self.hasher.save());
        HasherState(saved)
    }

    /// Goes on from what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// `Damaged` for anything else.
    pub(crate) fn restore(HasherState(saved): &HasherState) -> Result<Self> {
        let damaged = || {
            let message =
                "what is known of this upload's bytes is unreadable; start the upload anew";
            Error::new(ErrorKind::Damaged, message)
        };
        let (beginning, hasher) = match saved.split_first().ok_or_else(damaged)? {
            (&NOT_MEDIA, rest) => (Beginning::Decided(false), rest),
            (&MEDIA, rest) => (Beginning::Decided(true), rest),
            (&UNDECIDED, rest) => {
                let (len, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
                let len = usize::from(u16::from_be_bytes(*len));
                let (head, rest) = rest.split_at_checked(len).ok_or_else(damaged)?;
                if head.len() >= sniff::SNIFF_LEN {
                    return Err(damaged());
                }
                (Beginning::Undecided(head.to_vec()), rest)
            }
            _ => return Err(damaged()),
        };
        Ok(Self { hasher: StreamHasher::restore(hasher)?, beginning })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_any_byte() {
        let mut bytes = b"\0\0\0\x20ftypisom".to_vec();
        bytes.resize(3000, 1);
        for cut in [0, 1, 11, 12, 1023, 1024, 1025, 3000] {
            let mut before = Running::new();
            before.update(&bytes[..cut]);
            let mut after = Running::restore(&before.save()).unwrap();
            after.update(&bytes[cut..]);
            assert!(after.looks_like_media(), "cut at {cut}");
            assert_eq!(after.sha256(), Sha256::of(&bytes), "cut at {cut}");

            assert_eq!(before.update_block(&bytes, cut), Sha256::of(&bytes), "cut at {cut}");
            assert!(before.looks_like_media(), "cut at {cut}");
            assert_eq!(before.sha256(), Sha256::of(&bytes), "cut at {cut}");
        }
    }

    #[test]
    fn a_short_file_is_judged_by_what_there_is() {
        let mut short = Running::new();
        short.update(b"\0\0\0\x20ftypisom");
        assert!(short.looks_like_media());
        assert!(!Running::new().looks_like_media());
    }

    #[test]
    fn other_bytes_are_damage() {
        let good = Running::new().save().0;
        for bad in
            [vec![], vec![9; 200], vec![UNDECIDED], vec![UNDECIDED, 4, 0, 1], good[1..].to_vec()]
        {
            let error = Running::restore(&HasherState(bad)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged);
        }
    }
}
