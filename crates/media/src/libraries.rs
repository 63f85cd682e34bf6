//! Whether the libav of this machine can do all that tasks ask of it: asked once, before the first task.
//!
//! Distributions leave codecs and filters out. Without this check every video would fail with what is
//! wrong with the machine.

use crate::{encode, graph};
use ffmpeg_next as ff;
use model::{Error, ErrorKind, Result};

/// Decoders without which most uploads could not be made into anything.
const DECODERS: [&str; 5] = ["h264", "hevc", "vp9", "aac", "opus"];

/// Whether every encoder, decoder and filter that tasks use is there. Only looks at libav's own lists: no
/// byte of a source is parsed.
///
/// # Errors
/// `Unsupported`, naming what is missing and the package to install.
pub fn check() -> Result<()> {
    let encoder = |name: &str| ff::encoder::find_by_name(name).is_some();
    let decoder = |name: &str| ff::decoder::find_by_name(name).is_some();
    let filter = |name: &str| ff::filter::find(name).is_some();
    demand("encoder", &encode::ENCODERS, encoder, "libavcodec-extra")?;
    demand("decoder", &DECODERS, decoder, "libavcodec-extra")?;
    demand("filter", &graph::FILTERS, filter, "libavfilter-extra")
}

fn demand(what: &str, names: &[&str], there: impl Fn(&str) -> bool, package: &str) -> Result<()> {
    let missing: Vec<_> = names.iter().copied().filter(|name| !there(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the FFmpeg libraries of this machine lack the {what} {}; install Debian's {package} or \
         libraries built with it",
        missing.join(", ")
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_all_that_tasks_use() {
        check().unwrap();
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let error = demand("encoder", &["aac", "libx264"], |name| name == "aac", "the-package");
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("the encoder libx264; install Debian's the-package"));
    }
}
