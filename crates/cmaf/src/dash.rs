//! The DASH manifest (ISO/IEC 23009-1): static, over the same segments as HLS.
//!
//! Times come from a `SegmentTimeline`, whose `t` is the sum of the true durations so far, which is what
//! each segment's `tfdt` says. Rungs share one timeline: they are cut alike. Where a range had no frame,
//! segment numbers have a gap that a template cannot express, and the segments are listed by name.

use crate::manifest::{Kind, Rendition, Segment, Uris};
use std::fmt::Write as _;

/// The manifest of a finished stream; nothing where no rendition has a segment.
#[must_use]
pub fn mpd(renditions: &[Rendition], uris: &Uris) -> Option<String> {
    let all: Vec<_> = renditions
        .iter()
        .map(|rendition| (rendition, rendition.prefix()))
        .filter(|(_, segments)| !segments.is_empty())
        .collect();
    let length = |(rendition, segments): &(&Rendition, Vec<Segment>)| {
        let ticks: u64 = segments.iter().map(|segment| segment.duration).sum();
        u128::from(ticks) * 1_000_000 / u128::from(rendition.timescale())
    };
    let longest = all.iter().map(length).max()?;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         profiles=\"urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019\" \
         minBufferTime=\"PT2S\" mediaPresentationDuration=\"PT{}.{:06}S\">\n\
         \x20 <Period id=\"0\" start=\"PT0S\">\n",
        longest / 1_000_000,
        longest % 1_000_000
    );
    let is_audio = |rendition: &Rendition| matches!(rendition.kind, Kind::Audio { .. });
    let video: Vec<_> = all.iter().filter(|(rendition, _)| !is_audio(rendition)).collect();
    // Rungs of a finished stream have the same cuts; one that does not is a set of its own.
    let mut sets: Vec<Vec<&(&Rendition, Vec<Segment>)>> = Vec::new();
    for rung in video {
        match sets.iter_mut().find(|set| same_cuts(&set[0].1, &rung.1)) {
            Some(set) => set.push(rung),
            None => sets.push(vec![rung]),
        }
    }
    sets.extend(all.iter().filter(|(rendition, _)| is_audio(rendition)).map(|track| vec![track]));
    for (id, set) in sets.iter().enumerate() {
        adaptation_set(&mut text, id, set, uris);
    }
    text.push_str("  </Period>\n</MPD>\n");
    Some(text)
}

fn same_cuts(a: &[Segment], b: &[Segment]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.k, a.duration) == (b.k, b.duration))
}

fn adaptation_set(text: &mut String, id: usize, set: &[&(&Rendition, Vec<Segment>)], uris: &Uris) {
    let Some((first, segments)) = set.first() else { return };
    let mut head = match &first.kind {
        Kind::Video { .. } => format!(
            "<AdaptationSet id=\"{id}\" contentType=\"video\" mimeType=\"video/mp4\" \
             segmentAlignment=\"true\" startWithSAP=\"1\""
        ),
        Kind::Audio { .. } => format!(
            "<AdaptationSet id=\"{id}\" contentType=\"audio\" mimeType=\"audio/mp4\" \
             segmentAlignment=\"true\" startWithSAP=\"1\""
        ),
    };
    let mut inside = String::new();
    if let Kind::Audio { name, language, channels, default } = &first.kind {
        if let Some(language) = language {
            put(&mut head, format_args!(" lang=\"{}\"", escaped(language)));
        }
        put(&mut inside, format_args!("      <Label>{}</Label>\n", escaped(name)));
        let role = if *default { "main" } else { "alternate" };
        put(
            &mut inside,
            format_args!(
                "      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"{role}\"/>\n"
            ),
        );
        put(
            &mut inside,
            format_args!(
                "      <AudioChannelConfiguration \
                 schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" \
                 value=\"{channels}\"/>\n"
            ),
        );
    }
    put(text, format_args!("    {head}>\n{inside}"));
    timeline(text, segments, first.timescale());
    for (rendition, segments) in set {
        representation(text, rendition, segments, uris);
    }
    text.push_str("    </AdaptationSet>\n");
}

/// The times of a set's segments, and their names relative to each representation's base.
fn timeline(text: &mut String, segments: &[Segment], timescale: u32) {
    let gapless = segments.iter().zip(0..).all(|(segment, k)| segment.k == k);
    if gapless {
        put(
            text,
            format_args!(
                "      <SegmentTemplate timescale=\"{timescale}\" startNumber=\"0\" \
                 initialization=\"init.mp4\" media=\"$Number$.m4s\">\n"
            ),
        );
    } else {
        put(text, format_args!("      <SegmentList timescale=\"{timescale}\">\n"));
        text.push_str("        <Initialization sourceURL=\"init.mp4\"/>\n");
    }
    text.push_str("        <SegmentTimeline>\n");
    let mut at = 0;
    for run in segments.chunk_by(|a, b| a.duration == b.duration) {
        let duration = run[0].duration;
        let repeat = run.len() - 1;
        put(text, format_args!("          <S t=\"{at}\" d=\"{duration}\""));
        if repeat > 0 {
            put(text, format_args!(" r=\"{repeat}\""));
        }
        text.push_str("/>\n");
        at += duration * run.len() as u64;
    }
    text.push_str("        </SegmentTimeline>\n");
    if gapless {
        text.push_str("      </SegmentTemplate>\n");
    } else {
        for segment in segments {
            put(text, format_args!("        <SegmentURL media=\"{}.m4s\"/>\n", segment.k));
        }
        text.push_str("      </SegmentList>\n");
    }
}

fn representation(text: &mut String, rendition: &Rendition, segments: &[Segment], uris: &Uris) {
    let bandwidth = rendition.rates(segments).map_or(rendition.cap, |(peak, _)| peak);
    put(
        text,
        format_args!(
            "      <Representation id=\"{}\" codecs=\"{}\" bandwidth=\"{bandwidth}\"",
            rendition.id,
            escaped(&rendition.codecs)
        ),
    );
    match &rendition.kind {
        Kind::Video { width, height, frame_rate } => put(
            text,
            format_args!(
                " width=\"{width}\" height=\"{height}\" frameRate=\"{}/{}\" sar=\"1:1\"",
                frame_rate.num, frame_rate.den
            ),
        ),
        Kind::Audio { .. } => {
            put(text, format_args!(" audioSamplingRate=\"{}\"", rendition.timescale()));
        }
    }
    let base = uris.base(rendition.id);
    put(
        text,
        format_args!(">\n        <BaseURL>{}</BaseURL>\n      </Representation>\n", escaped(&base)),
    );
}

fn put(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(content);
}

/// XML's five reserved characters, for text and for attributes; characters that XML 1.0 cannot hold at
/// all are dropped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::samples::{audio, uris, video};

    const TEN: u64 = 900_000;

    #[test]
    fn a_finished_stream_is_written_like_this() {
        let segments = [(0, TEN, 2_000_000), (1, TEN, 1_000_000), (2, 450_000, 100_000)];
        let renditions = [
            video(1, 1280, 720, &segments),
            video(2, 640, 360, &segments),
            audio(3, &[(0, 480_256, 150_000), (1, 479_232, 150_000)]),
        ];
        assert_eq!(
            mpd(&renditions, &uris()).unwrap(),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" minBufferTime="PT2S" mediaPresentationDuration="PT25.000000S">
  <Period id="0" start="PT0S">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      <SegmentTemplate timescale="90000" startNumber="0" initialization="init.mp4" media="$Number$.m4s">
        <SegmentTimeline>
          <S t="0" d="900000" r="1"/>
          <S t="1800000" d="450000"/>
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="00000000-0000-4000-8000-000000000001" codecs="avc1.64001f" bandwidth="1600000" width="1280" height="720" frameRate="30000/1001" sar="1:1">
        <BaseURL>/play/r/00000000-0000-4000-8000-000000000001/</BaseURL>
      </Representation>
      <Representation id="00000000-0000-4000-8000-000000000002" codecs="avc1.64001f" bandwidth="1600000" width="640" height="360" frameRate="30000/1001" sar="1:1">
        <BaseURL>/play/r/00000000-0000-4000-8000-000000000002/</BaseURL>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1" lang="en">
      <Label>Tom &amp; &quot;Jerry&quot;</Label>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
      <SegmentTemplate timescale="48000" startNumber="0" initialization="init.mp4" media="$Number$.m4s">
        <SegmentTimeline>
          <S t="0" d="480256"/>
          <S t="480256" d="479232"/>
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="00000000-0000-4000-8000-000000000003" codecs="mp4a.40.2" bandwidth="120193" audioSamplingRate="48000">
        <BaseURL>/play/r/00000000-0000-4000-8000-000000000003/</BaseURL>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"#
        );
    }

    #[test]
    fn a_range_without_a_frame_makes_a_list() {
        let text =
            mpd(&[video(1, 2, 2, &[(0, 2 * TEN, 9), (1, 0, 0), (2, TEN, 9)])], &uris()).unwrap();
        assert!(text.contains(
            "<SegmentList timescale=\"90000\">\n        <Initialization sourceURL=\"init.mp4\"/>\n        \
             <SegmentTimeline>\n          <S t=\"0\" d=\"1800000\"/>\n          \
             <S t=\"1800000\" d=\"900000\"/>\n        </SegmentTimeline>\n        \
             <SegmentURL media=\"0.m4s\"/>\n        <SegmentURL media=\"2.m4s\"/>\n      </SegmentList>"
        ));
        assert!(!text.contains("SegmentTemplate"));
    }

    #[test]
    fn nothing_made_has_no_manifest() {
        assert_eq!(mpd(&[], &uris()), None);
        assert_eq!(mpd(&[video(1, 2, 2, &[])], &uris()), None);
    }

    #[test]
    fn what_xml_reserves_is_escaped() {
        assert_eq!(escaped("a<b>&\"c'\u{1}"), "a&lt;b&gt;&amp;&quot;c&apos;");
    }
}
