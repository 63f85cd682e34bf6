//! HLS playlists (RFC 8216): one media playlist a rendition, and the master that names them.
//!
//! A playlist is of type EVENT from its first to its last day: it only ever grows (RFC 8216, 6.2.1), says
//! that playing starts at zero, and appears with its second segment, because a player with one segment
//! ahead stalls. At the end, and on failure, it gets its ENDLIST and nothing comes after. So whoever
//! follows one never sees a line of it change.

use crate::manifest::{Kind, Progress, Rendition, Segment, Uris};
use std::fmt::Write as _;

/// Segments that a growing playlist has when it first appears.
const FIRST_LISTED: usize = 2;

const AUDIO_GROUP: &str = "audio";

/// The segments that a rendition's playlist lists now; nothing where there is no playlist yet.
fn listed(rendition: &Rendition, progress: Progress) -> Option<Vec<Segment>> {
    let segments = rendition.prefix();
    let least = match progress {
        Progress::Growing => FIRST_LISTED,
        Progress::Ended => 1,
    };
    (segments.len() >= least).then_some(segments)
}

/// A rendition's media playlist, once there is one. `longest_seconds` bounds the plan's segments: the
/// target duration may not change while the playlist grows, so it is announced from the start, and
/// follows only where a source without frames for long made a segment longer.
#[must_use]
pub fn media(
    rendition: &Rendition,
    progress: Progress,
    longest_seconds: u32,
    uris: &Uris,
) -> Option<String> {
    let segments = listed(rendition, progress)?;
    let scale = u64::from(rendition.timescale());
    // RFC 8216, 4.3.3.1: each duration, rounded to the nearest second, is at most the target.
    let longest = segments.iter().map(|s| (s.duration + scale / 2) / scale).max().unwrap_or(0);
    let target = longest.max(u64::from(longest_seconds)).max(1);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n"
    );
    line(&mut text, format_args!("#EXT-X-MAP:URI=\"{}\"", quoted(&uris.init(rendition.id))));
    for segment in &segments {
        line(&mut text, format_args!("#EXTINF:{},", seconds(segment.duration, scale)));
        line(&mut text, format_args!("{}", uris.segment(rendition.id, segment.k)));
    }
    if progress == Progress::Ended {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    Some(text)
}

/// The master playlist of the renditions that have a media playlist, once there is one that plays: with
/// a video rendition where the file has video, with audio where it has audio.
#[must_use]
pub fn master(renditions: &[Rendition], progress: Progress, uris: &Uris) -> Option<String> {
    let with_segments: Vec<_> = renditions
        .iter()
        .filter_map(|rendition| Some((rendition, listed(rendition, progress)?)))
        .collect();
    let is_audio = |rendition: &Rendition| matches!(rendition.kind, Kind::Audio { .. });
    let missing = |audio: bool| {
        let of = |rendition: &Rendition| is_audio(rendition) == audio;
        renditions.iter().any(of) && !with_segments.iter().any(|(rendition, _)| of(rendition))
    };
    // A stream that failed early is served as far as it came; one that grows waits for its other half.
    if with_segments.is_empty()
        || (progress == Progress::Growing && (missing(true) || missing(false)))
    {
        return None;
    }
    let (audio, video): (Vec<_>, Vec<_>) =
        with_segments.into_iter().partition(|(rendition, _)| is_audio(rendition));

    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    let (mut audio_rates, mut audio_codecs) = ((0, 0), None);
    for (rendition, segments) in &audio {
        let (peak, average) = rates(rendition, segments, progress);
        audio_rates = (peak.max(audio_rates.0), average.max(audio_rates.1));
        audio_codecs = audio_codecs.or(Some(rendition.codecs.as_str()));
        if !video.is_empty() {
            media_tag(&mut text, rendition, uris);
        }
    }
    let variants = if video.is_empty() { &audio } else { &video };
    for (rendition, segments) in variants {
        let (mut peak, mut average) = rates(rendition, segments, progress);
        let mut codecs = rendition.codecs.clone();
        if let (false, Some(audio_codecs)) = (video.is_empty(), audio_codecs) {
            (peak, average) = (peak + audio_rates.0, average + audio_rates.1);
            codecs = format!("{codecs},{audio_codecs}");
        }
        let mut tag = format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\"",
            quoted(&codecs)
        );
        if let Kind::Video { width, height, frame_rate } = rendition.kind {
            // Writing to a string cannot fail.
            let _ = write!(tag, ",RESOLUTION={width}x{height}");
            let _ = write!(tag, ",FRAME-RATE={:.3}", frame_rate.as_f64());
            if audio_codecs.is_some() {
                let _ = write!(tag, ",AUDIO=\"{AUDIO_GROUP}\"");
            }
        }
        line(&mut text, format_args!("{tag}\n{}", uris.playlist(rendition.id)));
    }
    Some(text)
}

fn media_tag(text: &mut String, rendition: &Rendition, uris: &Uris) {
    let Kind::Audio { name, language, channels, default } = &rendition.kind else { return };
    let mut tag = format!(
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"{}\",DEFAULT={},AUTOSELECT=YES,\
         CHANNELS=\"{channels}\"",
        quoted(name),
        if *default { "YES" } else { "NO" },
    );
    if let Some(language) = language {
        let _ = write!(tag, ",LANGUAGE=\"{}\"", quoted(language));
    }
    line(text, format_args!("{tag},URI=\"{}\"", quoted(&uris.playlist(rendition.id))));
}

/// What is announced: the cap while the true figures may still change.
fn rates(rendition: &Rendition, segments: &[Segment], progress: Progress) -> (u64, u64) {
    match (progress, rendition.rates(segments)) {
        (Progress::Ended, Some(rates)) => rates,
        _ => (rendition.cap, rendition.cap),
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

/// Seconds with as many digits as make a tick of any of our timescales exact to half of it.
fn seconds(ticks: u64, scale: u64) -> String {
    let micros = (u128::from(ticks) * 1_000_000 + u128::from(scale) / 2) / u128::from(scale);
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// RFC 8216, 4.2: a quoted string has no line feed, carriage return or double quote, and no escape.
fn quoted(text: &str) -> String {
    text.chars().map(|c| if c == '"' || c.is_control() { '\'' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::samples::{audio, uris, video};

    const TEN: u64 = 900_000;

    #[test]
    fn a_growing_playlist_is_an_event_from_zero() {
        let rendition = video(1, 1280, 720, &[(0, TEN, 10), (1, TEN + 3003, 10), (3, TEN, 10)]);
        let text = media(&rendition, Progress::Growing, 11, &uris()).unwrap();
        assert_eq!(
            text,
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:11\n#EXT-X-MEDIA-SEQUENCE:0\n\
             #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n\
             #EXT-X-MAP:URI=\"/play/r/00000000-0000-4000-8000-000000000001/init.mp4\"\n\
             #EXTINF:10.000000,\n/play/r/00000000-0000-4000-8000-000000000001/0.m4s\n\
             #EXTINF:10.033367,\n/play/r/00000000-0000-4000-8000-000000000001/1.m4s\n"
        );
    }

    #[test]
    fn an_ended_playlist_lists_all_and_says_so() {
        let segments = [(0, TEN, 10), (1, 3 * TEN, 10), (2, 0, 0), (3, 450_000, 10)];
        let text = media(&video(1, 2, 2, &segments), Progress::Ended, 11, &uris()).unwrap();
        assert_eq!(
            text,
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:30\n#EXT-X-MEDIA-SEQUENCE:0\n\
             #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n\
             #EXT-X-MAP:URI=\"/play/r/00000000-0000-4000-8000-000000000001/init.mp4\"\n\
             #EXTINF:10.000000,\n/play/r/00000000-0000-4000-8000-000000000001/0.m4s\n\
             #EXTINF:30.000000,\n/play/r/00000000-0000-4000-8000-000000000001/1.m4s\n\
             #EXTINF:5.000000,\n/play/r/00000000-0000-4000-8000-000000000001/3.m4s\n\
             #EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn a_playlist_is_only_ever_appended_to() {
        // Sound whose segments are a frame longer and shorter than ten seconds, around what is announced.
        let lengths = [480_256, 479_232, 503_808, 480_256, 96_000];
        let segments: Vec<_> = (0..).zip(lengths).map(|(k, ticks)| (k, ticks, 10)).collect();
        let at = |count: usize, progress| {
            media(&audio(1, &segments[..count]), progress, 11, &uris()).unwrap()
        };
        let mut before = at(2, Progress::Growing);
        for (count, progress) in
            (3..=5).map(|n| (n, Progress::Growing)).chain([(5, Progress::Ended)])
        {
            let now = at(count, progress);
            assert!(now.len() > before.len() && now.starts_with(&before), "{before}then\n{now}");
            before = now;
        }
        assert!(before.ends_with("#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn a_growing_playlist_appears_with_its_second_segment() {
        let one = video(1, 2, 2, &[(0, TEN, 10)]);
        assert_eq!(media(&one, Progress::Growing, 10, &uris()), None);
        assert!(media(&one, Progress::Ended, 10, &uris()).is_some());
        assert_eq!(media(&video(1, 2, 2, &[]), Progress::Ended, 10, &uris()), None);
    }

    #[test]
    fn a_master_of_a_finished_stream_has_true_figures() {
        let renditions = [
            video(1, 1280, 720, &[(0, TEN, 2_000_000), (1, TEN, 1_000_000)]),
            video(2, 640, 360, &[(0, TEN, 500_000), (1, TEN, 500_000)]),
            audio(3, &[(0, 480_000, 150_000), (1, 480_000, 150_000)]),
        ];
        assert_eq!(
            master(&renditions, Progress::Ended, &uris()).unwrap(),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Tom & 'Jerry'\",DEFAULT=YES,\
             AUTOSELECT=YES,CHANNELS=\"2\",LANGUAGE=\"en\",\
             URI=\"/play/f/00000000-0000-4000-8000-000000000003.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1720000,AVERAGE-BANDWIDTH=1320000,\
             CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"audio\"\n\
             /play/f/00000000-0000-4000-8000-000000000001.m3u8\n\
             #EXT-X-STREAM-INF:BANDWIDTH=520000,AVERAGE-BANDWIDTH=520000,\
             CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO=\"audio\"\n\
             /play/f/00000000-0000-4000-8000-000000000002.m3u8\n"
        );
    }

    #[test]
    fn a_growing_master_announces_caps_and_only_what_can_be_played() {
        let renditions = [
            video(1, 1280, 720, &[(0, TEN, 20), (1, TEN, 10)]),
            video(2, 640, 360, &[(0, TEN, 5)]),
        ];
        let text = master(&renditions, Progress::Growing, &uris()).unwrap();
        assert!(
            text.contains("BANDWIDTH=2800000,AVERAGE-BANDWIDTH=2800000,CODECS=\"avc1.64001f\",")
        );
        assert!(text.contains("1.m3u8") && !text.contains("2.m3u8"));
    }

    #[test]
    fn a_growing_stream_waits_for_its_audio_and_a_failed_one_does_not() {
        let renditions = [video(1, 2, 2, &[(0, TEN, 20), (1, TEN, 10)]), audio(3, &[])];
        assert_eq!(master(&renditions, Progress::Growing, &uris()), None);
        let text = master(&renditions, Progress::Ended, &uris()).unwrap();
        assert!(!text.contains("AUDIO"));
        assert_eq!(master(&[], Progress::Ended, &uris()), None);
    }

    #[test]
    fn audio_alone_is_a_stream() {
        let renditions = [audio(3, &[(0, 480_000, 150_000), (1, 480_000, 150_000)])];
        assert_eq!(
            master(&renditions, Progress::Ended, &uris()).unwrap(),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-STREAM-INF:BANDWIDTH=120000,AVERAGE-BANDWIDTH=120000,CODECS=\"mp4a.40.2\"\n\
             /play/f/00000000-0000-4000-8000-000000000003.m3u8\n"
        );
    }
}
