//! Names of the objects that workers store. Each has the name of its attempt in it, which no other
//! attempt has: so no name is ever used twice, and what arrives late can do no harm. Their endings tell a
//! store that others read from, a bucket, what they are (`ObjectName::media_type`).

use model::{Error, ErrorKind, RenditionId, Result};
use objects::ObjectName;

/// What the names of all objects of a rendition begin with; its id is never used again.
pub(crate) fn of_rendition(id: RenditionId) -> String {
    format!("renditions/{id}/")
}

pub(crate) fn segment(id: RenditionId, k: u32, attempt: &str) -> Result<ObjectName> {
    ObjectName::new(format!("{}{k}.{attempt}.m4s", of_rendition(id)))
}

pub(crate) fn init(id: RenditionId, attempt: &str) -> Result<ObjectName> {
    ObjectName::new(format!("{}init.{attempt}.mp4", of_rendition(id)))
}

/// A poster is among the objects of its video's first rendition, and goes with them.
pub(crate) fn poster(first: RenditionId, attempt: &str) -> Result<ObjectName> {
    ObjectName::new(format!("{}poster.{attempt}.jpg", of_rendition(first)))
}

/// A name for an attempt: 64 random bits.
pub(crate) fn attempt() -> Result<String> {
    let bits = getrandom::u64().map_err(|error| {
        Error::with_source(ErrorKind::Internal, "the system has no random numbers", error)
    })?;
    Ok(format!("{bits:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_says_what_it_is_and_belongs_to_its_rendition() {
        let (id, attempt) = (RenditionId::random(), attempt().unwrap());
        for (name, media_type) in [
            (segment(id, 7, &attempt), "video/mp4"),
            (init(id, &attempt), "video/mp4"),
            (poster(id, &attempt), "image/jpeg"),
        ] {
            let name = name.unwrap();
            assert_eq!(name.media_type(), Some(media_type), "{name}");
            assert!(name.as_str().starts_with(&of_rendition(id)), "{name}");
        }
    }
}
