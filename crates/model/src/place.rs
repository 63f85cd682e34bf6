//! Places as settings name them, in words that may be read by anybody.

use std::borrow::Cow;

/// `place` as an error or the log may repeat it: of what stands before an `@`, which is where URLs have
/// user names and passwords, only that it was there.
#[must_use]
pub fn without_secret(place: &str) -> Cow<'_, str> {
    match place.rsplit_once('@') {
        None => place.into(),
        Some((_, rest)) => format!("...@{rest}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_password_is_not_repeated() {
        for (place, told) in [
            ("s3://reels/films", "s3://reels/films"),
            ("s3://user:secret@reels", "...@reels"),
            ("user:sec@ret@reels/films", "...@reels/films"),
            ("https://secret@", "...@"),
            ("", ""),
        ] {
            assert_eq!(without_secret(place), told);
        }
    }
}
