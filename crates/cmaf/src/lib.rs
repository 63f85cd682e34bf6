//! CMAF without a codec: the timeline and its cuts, fragments, a strict reader of boxes, and the HLS
//! and DASH manifests over the same segments.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no libav. What it promises is
//! tested with invented times. Encoding is left to `media`, storing and serving to the services.

pub mod boxes;
pub mod dash;
pub mod fragment;
pub mod hls;
pub mod manifest;
pub mod timeline;
