//! Filter graphs: pictures turned and scaled for every rung at once, sound brought to one form.
//!
//! libavfilter is used rather than the scaler itself because it passes frames on without copying them,
//! takes their buffers from pools, and follows the colour range and matrix that each frame carries.

use crate::fault::{Blame, Fault, Result};
use crate::task::{Colour, Rung, VideoTrack};
use ff::filter::Graph;
use ffmpeg_next as ff;

/// The filters used here, by libavfilter's names.
pub const FILTERS: [&str; 16] = [
    "buffer",
    "buffersink",
    "format",
    "scale",
    "split",
    "bwdif",
    "zscale",
    "tonemap",
    "hflip",
    "vflip",
    "transpose",
    "abuffer",
    "abuffersink",
    "aformat",
    "aresample",
    "pan",
];

/// What a picture graph was built for; a frame with other properties needs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    width: u32,
    height: u32,
    format: ff::format::Pixel,
    space: ff::color::Space,
    range: ff::color::Range,
}

impl Form {
    fn of(frame: &ff::frame::Video) -> Self {
        Self {
            width: frame.width(),
            height: frame.height(),
            format: frame.format(),
            space: frame.color_space(),
            range: frame.color_range(),
        }
    }
}

/// One picture in, one out for every size: a bicubic cascade, each size from the largest at most twice as
/// large.
pub struct Pictures {
    before: String,
    colour: Colour,
    format: &'static str,
    sizes: Vec<(u32, u32)>,
    built: Option<(Form, Graph)>,
    /// Whether the filters hold frames back: those that look at the next one to rebuild lines.
    delays: bool,
    flushed: bool,
    /// The pictures that [`Pictures::scale`] made last, in the order of the sizes.
    pub scaled: Vec<ff::frame::Video>,
}

impl Pictures {
    /// For the rungs of a video: 8-bit 4:2:0, limited range.
    pub fn ladder(track: &VideoTrack, rungs: &[Rung]) -> Self {
        let sizes = rungs.iter().map(|rung| (rung.width, rung.height)).collect();
        Self::new(track, sizes, "yuv420p")
    }

    /// For a JPEG: 8-bit 4:2:0, full range.
    pub fn still(track: &VideoTrack, width: u32, height: u32) -> Self {
        Self::new(track, vec![(width, height)], "yuvj420p")
    }

    fn new(track: &VideoTrack, sizes: Vec<(u32, u32)>, format: &'static str) -> Self {
        let mut before = String::new();
        if track.interlaced {
            before.push_str("bwdif=mode=send_frame:deint=interlaced,");
        }
        if track.hdr {
            before.push_str(
                "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,\
                 zscale=t=bt709:m=bt709:r=tv,format=yuv420p,",
            );
        }
        if track.mirrored {
            before.push_str("hflip,");
        }
        before.push_str(match track.rotation {
            90 => "transpose=clock,",
            180 => "hflip,vflip,",
            270 => "transpose=cclock,",
            _ => "",
        });
        let scaled = sizes.iter().map(|_| ff::frame::Video::empty()).collect();
        Self {
            before,
            colour: track.colour,
            format,
            sizes,
            built: None,
            delays: track.interlaced,
            flushed: false,
            scaled,
        }
    }

    /// Whether `frame` can be scaled without losing one that is held back; if not, flush first.
    pub fn fits(&self, frame: &ff::frame::Video) -> bool {
        !self.delays || self.built.as_ref().is_none_or(|(built, _)| *built == Form::of(frame))
    }

    /// Takes `frame` (its picture is moved away). Whether the oldest frame not given yet is now in
    /// [`Pictures::scaled`], in every size; if not, it is held back.
    pub fn scale(&mut self, frame: &mut ff::frame::Video) -> Result<bool> {
        let form = Form::of(frame);
        // Filters that were told of an end take no more.
        if self.flushed || self.built.as_ref().is_none_or(|(built, _)| *built != form) {
            (self.built, self.flushed) = (Some((form, self.build(form)?)), false);
        }
        let Some((_, graph)) = &mut self.built else { return Ok(false) };
        node(graph, "in")?.source().add(frame).map_err(Fault::ours("scaling a picture"))?;
        self.pull()
    }

    /// Whether another frame that was held back is now in [`Pictures::scaled`]. Once there is none the
    /// filters begin anew.
    pub fn flush(&mut self) -> Result<bool> {
        let Some((_, graph)) = self.built.as_mut().filter(|_| self.delays) else {
            return Ok(false);
        };
        if !self.flushed {
            node(graph, "in")?.source().flush().map_err(Fault::ours("scaling a picture"))?;
            self.flushed = true;
        }
        let more = self.pull()?;
        if !more {
            (self.built, self.flushed) = (None, false);
        }
        Ok(more)
    }

    fn pull(&mut self) -> Result<bool> {
        let Some((_, graph)) = &mut self.built else { return Ok(false) };
        for (n, scaled) in self.scaled.iter_mut().enumerate() {
            match node(graph, &format!("out{n}"))?.sink().frame(scaled) {
                Ok(()) => {}
                Err(ff::Error::Eof | ff::Error::Other { errno: ff::error::EAGAIN }) if n == 0 => {
                    return Ok(false);
                }
                Err(error) => {
                    return Err(Fault::libav(Blame::Internal, "scaling a picture", error));
                }
            }
        }
        Ok(true)
    }

    /// Whether decoded frames already are what the largest picture is to be: the scaler would copy them,
    /// and every byte would stay the same.
    fn fits_as_it_is(&self, form: Form) -> bool {
        use ff::color::{Range, Space};
        let matrix = match form.space {
            Space::Unspecified | Space::Reserved => true,
            Space::BT709 => self.colour == Colour::Bt709,
            Space::BT470BG | Space::SMPTE170M => self.colour == Colour::Bt601,
            _ => false,
        };
        let range = matches!(form.range, Range::Unspecified | Range::MPEG);
        matrix
            && range
            && self.before.is_empty()
            && self.format == "yuv420p"
            && form.format == ff::format::Pixel::YUV420P
            && self.sizes.first() == Some(&(form.width, form.height))
    }

    fn build(&self, form: Form) -> Result<Graph> {
        let matrix = match self.colour {
            Colour::Bt709 => "bt709",
            Colour::Bt601 => "bt601",
        };
        // What the frame does not say is taken for what the renditions say: nothing is converted.
        let from = match form.space {
            ff::color::Space::Unspecified | ff::color::Space::Reserved => matrix,
            _ => "auto",
        };
        let range = if self.format == "yuvj420p" { "pc" } else { "tv" };
        let colours = format!("in_color_matrix={from}:out_color_matrix={matrix}:out_range={range}");
        let sources = sources(&self.sizes);
        let mut spec = format!("[in]{}", self.before);
        for (n, (width, height)) in self.sizes.iter().enumerate() {
            if n > 0 {
                spec.push_str(&format!(";[for{n}]"));
            }
            if n > 0 || !self.fits_as_it_is(form) {
                spec.push_str(&format!("scale={width}:{height}:flags=bicubic:{colours},"));
            }
            let made_of_it = (n + 1..self.sizes.len()).filter(|&other| sources[other] == n);
            let takers: String = made_of_it.clone().map(|other| format!("[for{other}]")).collect();
            let copies = 1 + made_of_it.count();
            spec.push_str(&format!("format={},split={copies}[out{n}]{takers}", self.format));
        }
        let arguments = format!(
            "video_size={}x{}:pix_fmt={}:time_base=1/90000:pixel_aspect=1/1",
            form.width,
            form.height,
            form.format.descriptor().map_or("none", |format| format.name())
        );
        let outs: Vec<_> = (0..self.sizes.len()).map(|n| format!("out{n}")).collect();
        graph(("buffer", &arguments), "buffersink", &outs, &spec)
    }
}

/// Which of `sizes`, largest first, each one after the first is scaled from: the largest whose longer side
/// is at most twice as long, or else the next larger (decision 170).
fn sources(sizes: &[(u32, u32)]) -> Vec<usize> {
    let longer = |n: usize| sizes[n].0.max(sizes[n].1);
    // Sizes are rounded to even numbers, which can leave a half a pixel short.
    let is_near = |large: usize, small: usize| longer(large) <= 2 * longer(small) + 2;
    let source =
        |n: usize| (0..n).find(|&larger| is_near(larger, n)).unwrap_or(n.saturating_sub(1));
    (0..sizes.len()).map(source).collect()
}

/// A graph with one source named `in` and a sink for each of `outs`.
fn graph(
    (source, arguments): (&str, &str),
    sink: &str,
    outs: &[String],
    spec: &str,
) -> Result<Graph> {
    let missing = |name: &str| Fault::internal(format!("this libavfilter has no {name}"));
    let what = "setting up the filters";
    let mut graph = Graph::new();
    let filter = ff::filter::find(source).ok_or_else(|| missing(source))?;
    graph.add(&filter, "in", arguments).map_err(|e| Fault::libav(Blame::Invalid, what, e))?;
    let filter = ff::filter::find(sink).ok_or_else(|| missing(sink))?;
    for out in outs {
        graph.add(&filter, out, "").map_err(Fault::ours(what))?;
    }
    let mut parser = graph.output("in", 0).map_err(Fault::ours(what))?;
    for out in outs {
        parser = parser.input(out, 0).map_err(Fault::ours(what))?;
    }
    parser.parse(spec).map_err(Fault::ours(what))?;
    graph.validate().map_err(Fault::ours(what))?;
    Ok(graph)
}

fn node(graph: &mut Graph, name: &str) -> Result<ff::filter::Context> {
    graph.get(name).ok_or_else(|| Fault::internal("a filter is gone"))
}

/// One stereo sample.
pub type Stereo = (f32, f32);

/// Sound in, sound out: the channels mixed to stereo, and the rate changed.
pub struct Sound {
    graph: Graph,
    out: ff::frame::Audio,
}

/// What sound a graph is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundForm {
    /// Samples a second.
    pub rate: u32,
    /// How a sample is coded.
    pub format: ff::format::Sample,
    /// Which channels there are; zero where neither the source nor their number tells.
    pub layout: u64,
    /// How many they are.
    pub channels: u16,
}

impl SoundForm {
    /// A decoded frame's; its layout is set where the source did not say.
    pub fn of(frame: &mut ff::frame::Audio) -> Self {
        let channels = i32::from(frame.channels());
        if frame.channel_layout().bits() == 0 || frame.channel_layout().channels() != channels {
            frame.set_channel_layout(ff::ChannelLayout::default(channels));
        }
        Self {
            rate: frame.rate(),
            format: frame.format(),
            layout: frame.channel_layout().bits(),
            channels: frame.channels(),
        }
    }

    /// Packed stereo floats.
    pub fn stereo(rate: u32) -> Self {
        let format = ff::format::Sample::F32(ff::format::sample::Type::Packed);
        Self { rate, format, layout: ff::ChannelLayout::STEREO.bits(), channels: 2 }
    }
}

impl Sound {
    /// From sound of form `from` to stereo at `rate` samples a second.
    pub fn new(from: SoundForm, rate: u32) -> Result<Self> {
        let (layout, mix) = match from.layout {
            // More channels than any common arrangement has: the first two are left and right in all
            // that are.
            0 => (format!("channels={}", from.channels), "pan=stereo|c0=c0|c1=c1,"),
            layout => (format!("channel_layout=0x{layout:x}"), ""),
        };
        let arguments = format!(
            "time_base=1/{0}:sample_rate={0}:sample_fmt={1}:{layout}",
            from.rate,
            from.format.name(),
        );
        let spec = format!(
            "[in]{mix}aresample={rate},aformat=sample_fmts=flt:channel_layouts=stereo[out0]"
        );
        let graph = graph(("abuffer", &arguments), "abuffersink", &["out0".into()], &spec)?;
        Ok(Self { graph, out: ff::frame::Audio::empty() })
    }

    /// Takes `frame` and appends what comes out to `to`.
    pub fn push(&mut self, frame: &ff::frame::Audio, to: &mut Vec<Stereo>) -> Result<()> {
        node(&mut self.graph, "in")?.source().add(frame).map_err(Fault::ours("mixing sound"))?;
        self.pull(to)
    }

    /// Appends what was held back to `to`; nothing may be pushed after.
    pub fn flush(&mut self, to: &mut Vec<Stereo>) -> Result<()> {
        node(&mut self.graph, "in")?.source().flush().map_err(Fault::ours("mixing sound"))?;
        self.pull(to)
    }

    fn pull(&mut self, to: &mut Vec<Stereo>) -> Result<()> {
        loop {
            match node(&mut self.graph, "out0")?.sink().frame(&mut self.out) {
                Ok(()) => to.extend_from_slice(self.out.plane::<Stereo>(0)),
                Err(ff::Error::Eof | ff::Error::Other { errno: ff::error::EAGAIN }) => {
                    return Ok(());
                }
                Err(error) => return Err(Fault::libav(Blame::Internal, "mixing sound", error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sources;

    #[test]
    fn a_picture_is_scaled_from_the_largest_at_most_twice_as_large() {
        let wide = [(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)];
        let film = [(1920, 800), (1280, 534), (854, 356), (640, 266), (426, 178)];
        let upright = [(1080, 1920), (720, 1280), (480, 854), (360, 640), (240, 426)];
        for sizes in [wide, film, upright] {
            assert_eq!(sources(&sizes), [0, 0, 1, 1, 2], "{sizes:?}");
        }
        assert_eq!(sources(&wide[1..]), [0, 0, 0, 1]);
        assert_eq!(sources(&[(852, 478), (640, 360), (426, 238)]), [0, 0, 0]);
        assert_eq!(sources(&[(1920, 1080), (640, 360), (200, 112)]), [0, 0, 1]);
        assert_eq!(sources(&[(4, 1920), (2, 1280), (2, 854)]), [0, 0, 1]);
        assert_eq!(sources(&[(160, 120)]), [0]);
    }
}
