//! The probe task: what a source is, as far as its beginning and its index tell.

use crate::decode::{self, Track, time_base};
use crate::fault::{Fault, Result};
use crate::frames::micros;
use crate::index::Index;
use crate::reader::Pipe;
use crate::short::is_short;
use crate::task::{AudioTrack, Colour, LATEST, Probed, VideoTrack, Zero};
use crate::{index, input};
use cmaf::manifest::FrameRate;
use cmaf::timeline::TIMESCALE;
use ff::codec::packet::side_data::Type as SideData;
use ff::format::context::Input;
use ff::format::stream::Disposition;
use ff::media::Type;
use ffmpeg_next as ff;

/// Keyframes closer than this to the last one noted, in ticks, add nothing to a plan.
const KEYFRAMES_APART: i64 = TIMESCALE as i64;

/// Finds out what the source is.
pub fn probe(pipe: &Pipe) -> Result<Probed> {
    let mut source = input::open(pipe)?;
    let container = source.format().name().to_owned();
    let video = first_video(&source);
    let audio = audio_tracks(&source);
    let Some(first) = first(pipe, video, &audio)? else {
        return Err(Fault::unsupported("the file has no video or audio track that can be played"));
    };
    let zero = first.zero;
    let shown = video.or(audio.first().map(|track| track.index));
    let index =
        shown.map(|shown| index(pipe, &mut source, shown, zero)).transpose()?.unwrap_or_default();
    let announced = duration(&source, shown, zero);
    let here = cut_off(&source, shown, zero, &index);
    let video = match video {
        Some(number) => Some(video_track(&source, number, &first, &index, here)?),
        None => None,
    };
    let cut = announced.zip(here).filter(|(announced, here)| here < announced);
    Ok(Probed {
        container,
        duration: cut.map(|(_, here)| here).or(announced),
        // Without an index nobody knows how much is there before all was read.
        announced: cut.map(|(announced, _)| announced).or(announced.filter(|_| is_short(pipe))),
        zero,
        video,
        audio,
    })
}

/// The container's index of a track; one at the file's end is read when something is sought.
fn index(pipe: &Pipe, source: &mut Input, number: u32, zero: Zero) -> Result<Index> {
    // A transport stream has none: what libav notes there are the places where a search passed by.
    if source.format().name() == "mpegts" {
        return Ok(Index::default());
    }
    let sought = source.seek(micros(zero, 0), ..);
    pipe.check()?;
    let stream = source.stream(number as usize).filter(|_| sought.is_ok());
    Ok(stream.map(|stream| index::of(&stream, pipe.source_len())).unwrap_or_default())
}

/// Where the source's bytes end before its track does, in ticks from zero.
fn cut_off(source: &Input, number: Option<u32>, zero: Zero, index: &Index) -> Option<i64> {
    let stream = source.stream(number? as usize)?;
    Some(zero.ticks(index.cut_off?, time_base(&stream), TIMESCALE).max(1))
}

/// The video to show: the one the container marks, or the first. Cover pictures are none.
fn first_video(source: &Input) -> Option<u32> {
    let mut tracks: Vec<_> = source
        .streams()
        .filter(|stream| stream.parameters().medium() == Type::Video)
        .filter(|stream| !stream.disposition().contains(Disposition::ATTACHED_PIC))
        .collect();
    // Stable: the first among equals.
    tracks.sort_by_key(|stream| !stream.disposition().contains(Disposition::DEFAULT));
    tracks.first().and_then(|stream| u32::try_from(stream.index()).ok())
}

/// The tracks that can be heard, the default one first.
fn audio_tracks(source: &Input) -> Vec<AudioTrack> {
    let mut tracks: Vec<_> = source
        .streams()
        .filter(|stream| stream.parameters().medium() == Type::Audio)
        .filter_map(|stream| {
            // A track that cannot be decoded is left out: the others still play.
            let decoder = input::audio_decoder(&stream).ok()?;
            let (rate, channels) = (decoder.rate(), u32::from(decoder.channels()));
            (rate > 0 && channels > 0).then(|| AudioTrack {
                index: u32::try_from(stream.index()).unwrap_or(u32::MAX),
                codec: stream.parameters().id().name().to_owned(),
                rate,
                channels,
                language: text(&stream, "language").filter(|language| language != "und"),
                title: text(&stream, "title"),
                default: stream.disposition().contains(Disposition::DEFAULT),
            })
        })
        .collect();
    tracks.sort_by_key(|track| !track.default);
    tracks.truncate(16);
    tracks
}

/// A stream's metadata, if it is text that can be shown.
fn text(stream: &ff::Stream, key: &str) -> Option<String> {
    let metadata = stream.metadata();
    // Containers do not promise valid text.
    let text = std::str::from_utf8(metadata.get(key)?.as_bytes()).ok()?.trim();
    let fits = !text.is_empty() && text.chars().count() <= 200 && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

/// The first thing that a track shows or sounds.
struct First {
    zero: Zero,
    interlaced: bool,
}

/// The first video frame, or without video the first sound of a track that has any: where it is, the
/// timeline begins.
fn first(pipe: &Pipe, video: Option<u32>, audio: &[AudioTrack]) -> Result<Option<First>> {
    if let Some(index) = video {
        let mut track = Track::open(pipe, index, Type::Video)?;
        let mut frame = ff::frame::Video::empty();
        let Some(zero) = first_time(&mut track, &mut frame)? else {
            return Err(Fault::invalid(
                "no picture of the video can be decoded; the file is damaged or cut off",
            ));
        };
        return Ok(Some(First { zero, interlaced: frame.is_interlaced() }));
    }
    for track in audio {
        let mut track = Track::open(pipe, track.index, Type::Audio)?;
        if let Some(zero) = first_time(&mut track, &mut ff::frame::Audio::empty())? {
            return Ok(Some(First { zero, interlaced: false }));
        }
    }
    Ok(None)
}

fn first_time(track: &mut Track, frame: &mut ff::Frame) -> Result<Option<Zero>> {
    let (num, den) = track.time_base();
    while track.next(frame)? {
        if let Some(ts) = decode::time(frame) {
            return Ok(Some(Zero { ts, num, den }));
        }
    }
    Ok(None)
}

/// How long the source says it is, from zero; nothing where it does not say.
fn duration(source: &Input, track: Option<u32>, zero: Zero) -> Option<i64> {
    let stream = track.and_then(|index| source.stream(index as usize));
    let of_stream = stream.and_then(|stream| end(&stream, zero));
    let of_container = || {
        let micros = source.duration();
        (micros > 0).then(|| zero.ticks(micros, (1, 1_000_000), TIMESCALE))
    };
    of_stream.or_else(of_container).filter(|&duration| duration > 0)
}

/// Where a stream says that it ends.
fn end(stream: &ff::Stream, zero: Zero) -> Option<i64> {
    decode::end(stream).map(|end| zero.ticks(end, time_base(stream), TIMESCALE))
}

fn video_track(
    source: &Input,
    number: u32,
    first: &First,
    index: &Index,
    cut_off: Option<i64>,
) -> Result<VideoTrack> {
    let stream = source
        .stream(number as usize)
        .ok_or_else(|| Fault::internal("a track vanished while it was probed"))?;
    let ticks = |time| first.zero.ticks(time, time_base(&stream), TIMESCALE);
    let decoder = input::video_decoder(&stream)?;
    let format = decoder.format().descriptor();
    let matrix = stream.side_data().find(|data| data.kind() == SideData::DisplayMatrix);
    let (rotation, mirrored) = matrix.map_or((0, false), |matrix| orientation(matrix.data()));
    let (width, height) = display_size(&decoder, rotation)?;
    use ff::color::TransferCharacteristic as Transfer;
    let transfer = decoder.color_transfer_characteristic();
    Ok(VideoTrack {
        index: number,
        codec: stream.parameters().id().name().to_owned(),
        width,
        height,
        rotation,
        mirrored,
        frame_rate: frame_rate(&stream),
        end: end(&stream, first.zero).map(|end| end.min(cut_off.unwrap_or(end))),
        pixel_format: format.map_or("unknown", |format| format.name()).to_owned(),
        bit_depth: bit_depth(format),
        colour: colour(&decoder),
        hdr: matches!(transfer, Transfer::SMPTE2084 | Transfer::ARIB_STD_B67),
        interlaced: first.interlaced,
        keyframes: thin(index.keyframes.iter().map(|&time| ticks(time)).collect()),
        indexed: index.until.map_or(0, ticks).clamp(0, LATEST),
    })
}

/// Rising times that can be, a second apart at least.
fn thin(mut times: Vec<i64>) -> Vec<i64> {
    times.retain(|time| (-LATEST..=LATEST).contains(time));
    times.sort_unstable();
    let mut last = None;
    times.retain(|&time| {
        let keep = last.is_none_or(|last| time - last >= KEYFRAMES_APART);
        if keep {
            last = Some(time);
        }
        keep
    });
    times
}

/// How a picture is turned by a display matrix (ISO/IEC 14496-12, 8.5.2; nine numbers in the machine's
/// byte order): degrees clockwise, a multiple of 90, after mirroring left to right if so.
fn orientation(matrix: &[u8]) -> (u32, bool) {
    let number = |n: usize| {
        let bytes = matrix.get(n * 4..n * 4 + 4).and_then(|bytes| bytes.try_into().ok());
        f64::from(bytes.map_or(0, i32::from_ne_bytes))
    };
    let (a, b, c, d) = (number(0), number(1), number(3), number(4));
    let mirrored = a * d - b * c < 0.0;
    let degrees = if mirrored { (-b).atan2(-a) } else { b.atan2(a) }.to_degrees();
    let quarters = [0, 90, 180, 270].into_iter().min_by_key(|&turn| {
        let off = (degrees - f64::from(turn)).rem_euclid(360.0);
        #[expect(clippy::cast_possible_truncation, reason = "between 0 and 360,000")]
        let off = (off.min(360.0 - off) * 1000.0) as i64;
        off
    });
    (quarters.unwrap_or(0), mirrored)
}

/// The size to be seen: square pixels, turned, even.
fn display_size(decoder: &ff::decoder::Video, rotation: u32) -> Result<(u32, u32)> {
    let (width, height) = (u64::from(decoder.width()), u64::from(decoder.height()));
    let aspect = decoder.aspect_ratio();
    let (wide, high) = match (u64::try_from(aspect.0), u64::try_from(aspect.1)) {
        // Wide pixels widen, tall pixels heighten: nothing is thrown away.
        (Ok(num @ 1..), Ok(den @ 1..)) if num > den => (width.saturating_mul(num) / den, height),
        (Ok(num @ 1..), Ok(den @ 1..)) => (width, height.saturating_mul(den) / num),
        _ => (width, height),
    };
    if wide == 0 || high == 0 || wide.saturating_mul(high) > input::MAX_PIXELS * 4 {
        return Err(Fault::unsupported("the picture has no size that can be shown"));
    }
    let even = |size: u64| u32::try_from(size & !1).unwrap_or(2).max(2);
    let (wide, high) = (even(wide), even(high));
    Ok(if rotation % 180 == 90 { (high, wide) } else { (wide, high) })
}

/// The average frame rate, or failing that the lowest that all times fit, or 25.
fn frame_rate(stream: &ff::Stream) -> FrameRate {
    for rate in [stream.avg_frame_rate(), stream.rate()] {
        if let (Ok(num @ 1..), Ok(den @ 1..)) = (u32::try_from(rate.0), u32::try_from(rate.1)) {
            return FrameRate { num, den };
        }
    }
    FrameRate { num: 25, den: 1 }
}

fn bit_depth(format: Option<ff::format::pixel::Descriptor>) -> u32 {
    // ffmpeg-next does not give the depth of a component, but every format's name ends in it.
    let name = format.map_or("", |format| format.name());
    let name = name.trim_end_matches("le").trim_end_matches("be");
    [16, 14, 12, 10, 9].into_iter().find(|depth| name.ends_with(&format!("p{depth}"))).unwrap_or(8)
}

/// How the renditions' colours are coded: as the source's where it is one of the two ways, else by size,
/// as players guess.
fn colour(decoder: &ff::decoder::Video) -> Colour {
    use ff::color::Space;
    match decoder.color_space() {
        Space::BT470BG | Space::SMPTE170M => Colour::Bt601,
        Space::Unspecified | Space::Reserved
            if decoder.height() <= 576 && decoder.width() < 1280 =>
        {
            Colour::Bt601
        }
        _ => Colour::Bt709,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(a: i32, b: i32, c: i32, d: i32) -> Vec<u8> {
        let one = 1 << 16;
        let numbers = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30];
        numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
    }

    #[test]
    fn a_display_matrix_says_how_to_turn() {
        assert_eq!(orientation(&matrix(1, 0, 0, 1)), (0, false));
        assert_eq!(orientation(&matrix(0, 1, -1, 0)), (90, false));
        assert_eq!(orientation(&matrix(-1, 0, 0, -1)), (180, false));
        assert_eq!(orientation(&matrix(0, -1, 1, 0)), (270, false));
        assert_eq!(orientation(&matrix(-1, 0, 0, 1)), (0, true));
        assert_eq!(orientation(&matrix(1, 0, 0, -1)), (180, true));
        assert_eq!(orientation(&[]), (0, false));
        assert!(!orientation(&[0xff; 36]).1);
    }

    #[test]
    fn keyframes_are_noted_a_second_apart() {
        let second = KEYFRAMES_APART;
        let times = vec![second + 1, 0, 1, second / 2, 3 * second, second];
        assert_eq!(thin(times), [0, second, 3 * second]);
    }
}
