//! Encoders: x264 for one segment of one rung, AAC for a whole track; and the init segments of both.

use crate::fault::{Blame, Fault, Result};
use crate::task::{Colour, Rung, VideoEncoding, VideoTrack};
use cmaf::fragment::{Sample, length_prefixed};
use cmaf::timeline::{AUDIO_RATE, TIMESCALE};
use ff::format::context::StreamIo;
use ffmpeg_next as ff;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The encoders used here, by libavcodec's names.
pub const ENCODERS: [&str; 3] = ["libx264", "aac", "mjpeg"];

/// The decoder's buffer that the cap is held against, in seconds of the cap. A segment begins with it
/// half full, which is where x264 keeps it when it is at the cap: so that a segment of its own spends no
/// more than the same seconds would in one long encode.
const BUFFER_SECONDS: u64 = 2;
const X264: &str = "open-gop=0:stitchable=1:vbv-init=0.5";

/// One segment of one rung being encoded. Each has an encoder of its own, so that a segment depends on
/// nothing but its frames and the settings.
pub struct Picture {
    encoder: ff::encoder::Video,
    packet: ff::Packet,
    samples: Vec<Sample>,
}

fn picture_encoder(
    track: &VideoTrack,
    rung: &Rung,
    encoding: &VideoEncoding,
) -> Result<ff::encoder::Video> {
    let what = "setting up the video encoder";
    let codec = ff::encoder::find_by_name("libx264")
        .ok_or_else(|| Fault::internal("this libavcodec has no libx264; install one that has"))?;
    let context = ff::codec::Context::new_with_codec(codec);
    let mut encoder = context.encoder().video().map_err(Fault::ours(what))?;
    encoder.set_width(rung.width);
    encoder.set_height(rung.height);
    encoder.set_format(ff::format::Pixel::YUV420P);
    encoder.set_time_base((1, i32::try_from(TIMESCALE).unwrap_or(i32::MAX)));
    let rate = frame_rate(track, encoding);
    encoder.set_frame_rate(Some(rate));
    encoder.set_aspect_ratio((1, 1));
    encoder.set_color_range(ff::color::Range::MPEG);
    let (space, primaries, transfer) = match track.colour {
        Colour::Bt709 => (
            ff::color::Space::BT709,
            ff::color::Primaries::BT709,
            ff::color::TransferCharacteristic::BT709,
        ),
        Colour::Bt601 => (
            ff::color::Space::SMPTE170M,
            ff::color::Primaries::SMPTE170M,
            ff::color::TransferCharacteristic::SMPTE170M,
        ),
    };
    encoder.set_colorspace(space);
    encoder.set_color_primaries(primaries);
    encoder.set_color_transfer_characteristic(transfer);
    encoder.set_flags(ff::codec::Flags::GLOBAL_HEADER);
    let frames = f64::from(rate.0) / f64::from(rate.1) * f64::from(encoding.keyframe_seconds);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    encoder.set_gop(frames.round().clamp(1.0, 10_000.0) as u32);
    let cap = rung.cap.to_string();
    let buffer = (u64::from(rung.cap) * BUFFER_SECONDS).to_string();
    let lookahead = encoding.lookahead.map_or_else(|| "-1".into(), |frames| frames.to_string());
    let mut options = ff::Dictionary::new();
    for (key, value) in [
        ("preset", encoding.preset.as_str()),
        ("rc-lookahead", &lookahead),
        ("crf", &encoding.crf.to_string()),
        ("maxrate", &cap),
        ("bufsize", &buffer),
        ("threads", "1"),
        ("sc_threshold", "0"),
        ("forced-idr", "1"),
        ("x264-params", X264),
    ] {
        options.set(key, value);
    }
    encoder.open_with(options).map_err(Fault::ours(what))
}

/// The average rate that the encoder is told: the track's, or the cap where it has more.
fn frame_rate(track: &VideoTrack, encoding: &VideoEncoding) -> ff::Rational {
    let (rate, most) =
        (track.frame_rate, i32::try_from(encoding.max_frame_rate).unwrap_or(i32::MAX));
    match (i32::try_from(rate.num), i32::try_from(rate.den)) {
        (Ok(num @ 1..), Ok(den @ 1..)) if rate.as_f64() <= f64::from(most) => {
            ff::Rational(num, den)
        }
        (Ok(1..), Ok(1..)) => ff::Rational(most.max(1), 1),
        _ => ff::Rational(25, 1),
    }
}

impl Picture {
    /// An encoder for one segment of `rung`.
    pub fn new(track: &VideoTrack, rung: &Rung, encoding: &VideoEncoding) -> Result<Self> {
        let encoder = picture_encoder(track, rung, encoding)?;
        Ok(Self { encoder, packet: ff::Packet::empty(), samples: Vec::new() })
    }

    /// The rung's init segment: the same whichever segment the encoder is for.
    pub fn init(&self) -> Result<Vec<u8>> {
        init(ff::codec::Parameters::from(&self.encoder), TIMESCALE)
    }

    /// Encodes `frame`, shown at `pts` ticks.
    pub fn push(&mut self, frame: &mut ff::frame::Video, pts: i64) -> Result<()> {
        frame.set_pts(Some(pts));
        // Which frames are keyframes is the encoder's to say, not the source's.
        frame.set_kind(ff::picture::Type::None);
        self.encoder.send_frame(frame).map_err(Fault::ours("encoding a picture"))?;
        self.pull()
    }

    /// The segment's samples in coding order.
    pub fn finish(mut self) -> Result<Vec<Sample>> {
        self.encoder.send_eof().map_err(Fault::ours("encoding a picture"))?;
        self.pull()?;
        Ok(self.samples)
    }

    fn pull(&mut self) -> Result<()> {
        loop {
            match self.encoder.receive_packet(&mut self.packet) {
                Ok(()) => self.samples.push(Sample {
                    pts: self.packet.pts().ok_or_else(untimed)?,
                    key: self.packet.is_key(),
                    data: length_prefixed(self.packet.data().unwrap_or_default()),
                }),
                Err(ff::Error::Eof | ff::Error::Other { errno: ff::error::EAGAIN }) => {
                    return Ok(());
                }
                Err(error) => {
                    return Err(Fault::libav(Blame::Internal, "encoding a picture", error));
                }
            }
        }
    }
}

fn untimed() -> Fault {
    Fault::internal("the encoder gave a packet without a time")
}

/// A JPEG of `frame`, which is 4:2:0 in full range.
pub fn jpeg(frame: &ff::frame::Video) -> Result<Vec<u8>> {
    let what = "making the poster";
    let codec = ff::encoder::find_by_name("mjpeg").ok_or_else(|| {
        Fault::internal("this libavcodec has no JPEG encoder; install one that has")
    })?;
    let context = ff::codec::Context::new_with_codec(codec);
    let mut encoder = context.encoder().video().map_err(Fault::ours(what))?;
    encoder.set_width(frame.width());
    encoder.set_height(frame.height());
    encoder.set_format(ff::format::Pixel::YUVJ420P);
    encoder.set_time_base((1, 25));
    encoder.set_color_range(ff::color::Range::JPEG);
    // Quantiser scale 4 of 31: no visible loss, some 150 KB at 1280 x 720. 118 is FF_QP2LAMBDA.
    encoder.set_flags(ff::codec::Flags::QSCALE);
    encoder.set_global_quality(4 * 118);
    let mut encoder = encoder.open().map_err(Fault::ours(what))?;
    let mut packet = ff::Packet::empty();
    encoder.send_frame(frame).map_err(Fault::ours(what))?;
    encoder.send_eof().map_err(Fault::ours(what))?;
    encoder.receive_packet(&mut packet).map_err(Fault::ours(what))?;
    Ok(packet.data().unwrap_or_default().to_vec())
}

/// AAC-LC, stereo, 48 kHz.
pub struct Sound {
    encoder: ff::encoder::Audio,
    packet: ff::Packet,
    sent: i64,
}

impl Sound {
    /// An encoder at `bitrate` bits a second.
    pub fn new(bitrate: u32) -> Result<Self> {
        let what = "setting up the audio encoder";
        let codec = ff::encoder::find_by_name("aac").ok_or_else(|| {
            Fault::internal("this libavcodec has no AAC encoder; install one that has")
        })?;
        let context = ff::codec::Context::new_with_codec(codec);
        let mut encoder = context.encoder().audio().map_err(Fault::ours(what))?;
        let rate = i32::try_from(AUDIO_RATE).unwrap_or(i32::MAX);
        encoder.set_rate(rate);
        encoder.set_time_base((1, rate));
        encoder.set_format(ff::format::Sample::F32(ff::format::sample::Type::Planar));
        encoder.set_channel_layout(ff::ChannelLayout::STEREO);
        encoder.set_bit_rate(bitrate as usize);
        encoder.set_flags(ff::codec::Flags::GLOBAL_HEADER);
        let encoder = encoder.open().map_err(Fault::ours(what))?;
        Ok(Self { encoder, packet: ff::Packet::empty(), sent: 0 })
    }

    /// The track's init segment.
    pub fn init(&self) -> Result<Vec<u8>> {
        init(ff::codec::Parameters::from(&self.encoder), AUDIO_RATE)
    }

    /// Encodes one frame's samples (only the track's last may be fewer than a frame's), and appends the
    /// AAC frames that are ready to `to`: frame `n` plays samples from `n * 1024`. The encoder's priming
    /// frame, which plays before them, is left out.
    pub fn push(&mut self, samples: &[(f32, f32)], to: &mut Vec<Vec<u8>>) -> Result<()> {
        let format = ff::format::Sample::F32(ff::format::sample::Type::Planar);
        let mut frame = ff::frame::Audio::new(format, samples.len(), ff::ChannelLayout::STEREO);
        frame.set_rate(AUDIO_RATE);
        frame.set_pts(Some(self.sent));
        self.sent += i64::try_from(samples.len()).unwrap_or(0);
        for (to, from) in frame.plane_mut::<f32>(0).iter_mut().zip(samples) {
            *to = from.0;
        }
        for (to, from) in frame.plane_mut::<f32>(1).iter_mut().zip(samples) {
            *to = from.1;
        }
        self.encoder.send_frame(&frame).map_err(Fault::ours("encoding sound"))?;
        self.pull(to)
    }

    /// Appends the last AAC frames to `to`.
    pub fn finish(&mut self, to: &mut Vec<Vec<u8>>) -> Result<()> {
        self.encoder.send_eof().map_err(Fault::ours("encoding sound"))?;
        self.pull(to)
    }

    fn pull(&mut self, to: &mut Vec<Vec<u8>>) -> Result<()> {
        loop {
            match self.encoder.receive_packet(&mut self.packet) {
                Ok(()) => {
                    let time = self.packet.pts().ok_or_else(untimed)?;
                    if (0..self.sent).contains(&time) {
                        to.push(self.packet.data().unwrap_or_default().to_vec());
                    }
                }
                Err(ff::Error::Eof | ff::Error::Other { errno: ff::error::EAGAIN }) => {
                    return Ok(());
                }
                Err(error) => return Err(Fault::libav(Blame::Internal, "encoding sound", error)),
            }
        }
    }
}

/// Where libavformat writes the init segment.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The init segment of a track with these parameters: what libavformat's muxer writes before the first
/// fragment, without an edit list and without anything that changes from run to run.
fn init(parameters: ff::codec::Parameters, timescale: u32) -> Result<Vec<u8>> {
    let what = "writing an init segment";
    let memory = Memory::default();
    let io = StreamIo::from_write(memory.clone()).map_err(Fault::ours(what))?;
    let mut output =
        ff::format::output_to_stream(io, None, Some("mp4")).map_err(Fault::ours(what))?;
    let base = (1, i32::try_from(timescale).unwrap_or(i32::MAX));
    let mut stream = output.add_stream(None::<ff::Codec>).map_err(Fault::ours(what))?;
    stream.set_parameters(parameters);
    stream.set_time_base(base);
    let mut options = ff::Dictionary::new();
    options.set("movflags", "+empty_moov+default_base_moof+frag_custom+cmaf+skip_trailer");
    options.set("use_editlist", "0");
    options.set("video_track_timescale", &timescale.to_string());
    options.set("fflags", "+bitexact");
    options.set("avoid_negative_ts", "disabled");
    output.write_header_with(options).map_err(Fault::ours(what))?;
    drop(output);
    let bytes = std::mem::take(&mut *memory.0.lock().unwrap_or_else(PoisonError::into_inner));
    if cmaf::boxes::track_has(&bytes, b"edts")? {
        return Err(Fault::internal("an init segment came with an edit list"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::Profile;

    /// x264 writes its settings into a stream's first sample.
    fn encoded(encoding: &VideoEncoding) -> String {
        let track = VideoTrack::plain(64, 64);
        let rung = Rung { name: "64p".into(), width: 64, height: 64, cap: 100_000 };
        ff::log::set_level(ff::log::Level::Quiet);
        let mut picture = Picture::new(&track, &rung, encoding).unwrap();
        let mut frame = ff::frame::Video::new(ff::format::Pixel::YUV420P, 64, 64);
        for plane in 0..3 {
            frame.data_mut(plane).fill(128);
        }
        picture.push(&mut frame, 0).unwrap();
        let samples = picture.finish().unwrap();
        String::from_utf8_lossy(&samples[0].data).into_owned()
    }

    #[test]
    fn x264_looks_as_far_ahead_as_it_is_told() {
        let mut encoding = Profile::default().video;
        for (lookahead, expected) in [(Some(12), "rc_lookahead=12 "), (None, "rc_lookahead=10 ")] {
            encoding.lookahead = lookahead;
            let settings = encoded(&encoding);
            assert!(settings.contains(expected), "{expected}is not in {settings}");
        }
    }
}
