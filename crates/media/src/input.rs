//! Opening a source: which containers and codecs are let in, and why one is refused.

use crate::fault::{Blame, Fault, Result};
use crate::reader::Pipe;
use ff::codec::packet::side_data::Type as SideData;
use ff::format::context::{Input, StreamIo};
use ffmpeg_next as ff;

/// Demuxers that may look at a source. Without a list an uploaded ffconcat script reads local files.
const CONTAINERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi";

/// Decoders that may run, those of libavformat's own probing included.
const DECODERS: [&str; 34] = [
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "libdav1d",
    "av1",
    "mpeg4",
    "mpeg2video",
    "mpeg1video",
    "prores",
    "mjpeg",
    "dnxhd",
    "h263",
    "ffv1",
    "aac",
    "aac_latm",
    "mp3float",
    "mp3",
    "mp2float",
    "mp2",
    "ac3",
    "eac3",
    "dca",
    "opus",
    "libopus",
    "vorbis",
    "flac",
    "alac",
    "pcm_s16le",
    "pcm_s16be",
    "pcm_s24le",
    "pcm_s24be",
    "pcm_f32le",
    "pcm_u8",
];

/// More tracks than any film has.
const MAX_STREAMS: &str = "64";

/// Most pixels of a picture: 8K in either orientation, and a little.
pub const MAX_PIXELS: u64 = 8192 * 4352;

/// The pipe's source, opened and looked through as far as needed to know its tracks.
pub fn open(pipe: &Pipe) -> Result<Input> {
    let io = StreamIo::from_read_seek_with_capacity(pipe.reader(), 64 << 10)
        .map_err(Fault::ours("opening the source"))?;
    let mut options = ff::Dictionary::new();
    options.set("format_whitelist", CONTAINERS);
    options.set("codec_whitelist", &DECODERS.join(","));
    // No protocol has this name: nothing but our reader is ever read.
    options.set("protocol_whitelist", "none");
    options.set("max_streams", MAX_STREAMS);
    ff::format::input_from_stream(io, None, Some(options)).map_err(|error| {
        if let Err(fault) = pipe.check() {
            return fault;
        }
        match error {
            _ if lacks_index(pipe) => {
                Fault::invalid("the file was cut off before its index; upload the whole file again")
            }
            ff::Error::InvalidData | ff::Error::Eof => Fault::invalid(
                "the file is not a video of a kind that is understood, or it is damaged",
            ),
            error => Fault::libav(Blame::Invalid, "reading the file", error),
        }
    })
}

/// Whether the source is of the MP4 family and has no `moov` box before its bytes end.
fn lacks_index(pipe: &Pipe) -> bool {
    const MOST_BOXES: usize = 10_000;
    let mut at = 0;
    for place in 0..MOST_BOXES {
        let Ok(head) = pipe.peek(at, 16) else { return false };
        let Some((size, rest)) = head.split_first_chunk::<4>() else { return place > 0 };
        let Some((kind, long)) = rest.split_first_chunk::<4>() else { return place > 0 };
        if place == 0 && kind != b"ftyp" {
            return false;
        }
        if kind == b"moov" {
            // There, but perhaps not all of it.
            return at + u64::from(u32::from_be_bytes(*size)) > pipe.source_len();
        }
        let size = match (u32::from_be_bytes(*size), long.first_chunk::<8>()) {
            (0, _) => return true,
            (1, Some(size)) => u64::from_be_bytes(*size),
            (size, _) => u64::from(size),
        };
        if size < 8 {
            return false;
        }
        at = at.saturating_add(size);
    }
    false
}

/// The decoder for a stream, with its limits set, not opened yet.
fn decoder(
    stream: &ff::Stream,
) -> Result<(ff::codec::decoder::Decoder, ff::Codec, ff::Dictionary<'static>)> {
    let id = stream.parameters().id();
    if stream.side_data().any(|data| data.kind() == SideData::EncryptionInitInfo) {
        return Err(encrypted());
    }
    let codec = ff::decoder::find(id).filter(|codec| DECODERS.contains(&codec.name()));
    let codec = codec.ok_or_else(|| {
        Fault::unsupported(format!(
            "the codec {} cannot be decoded here; convert the file to H.264 and AAC",
            id.name()
        ))
    })?;
    let mut context = ff::codec::Context::from_parameters(stream.parameters())
        .map_err(|error| Fault::libav(Blame::Invalid, "reading a track's parameters", error))?;
    context.set_threading(ff::threading::Config { count: 1, ..Default::default() });
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(stream.time_base());
    let mut options = ff::Dictionary::new();
    options.set("max_pixels", &MAX_PIXELS.to_string());
    Ok((decoder, codec, options))
}

/// What to say of a file that only its owner's key can read.
pub fn encrypted() -> Fault {
    Fault::unsupported("the file is encrypted (DRM); upload one without protection")
}

/// A video stream's decoder.
pub fn video_decoder(stream: &ff::Stream) -> Result<ff::decoder::Video> {
    let (decoder, codec, options) = decoder(stream)?;
    let decoder = decoder.open_as_with(codec, options).and_then(ff::decoder::Opened::video);
    let decoder = decoder.map_err(|error| {
        Fault::libav(
            Blame::Invalid,
            "opening the video track (damaged, or of too many pixels)",
            error,
        )
    })?;
    if u64::from(decoder.width()) * u64::from(decoder.height()) > MAX_PIXELS {
        return Err(Fault::too_large(format!(
            "the picture has {} x {} pixels, more than {MAX_PIXELS} in all",
            decoder.width(),
            decoder.height()
        )));
    }
    Ok(decoder)
}

/// An audio stream's decoder.
pub fn audio_decoder(stream: &ff::Stream) -> Result<ff::decoder::Audio> {
    let (decoder, codec, options) = decoder(stream)?;
    let decoder = decoder.open_as_with(codec, options).and_then(ff::decoder::Opened::audio);
    decoder.map_err(|error| Fault::libav(Blame::Invalid, "opening the audio track", error))
}
