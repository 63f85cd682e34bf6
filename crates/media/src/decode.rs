//! Packets in, frames out: one track of a source, with damage passed over and counted.
//!
//! **Times.** One broken time must not put hours of nothing into a video. So a frame that comes long after
//! the one before it is believed only where the next one goes on from there, or where it is the last and
//! the track is said to be that long. The rule looks at neighbours alone: it says the same of a frame
//! wherever decoding began.

use crate::fault::{Fault, Result};
use crate::reader::Pipe;
use crate::{index, input};
use ff::codec::packet::side_data::Type as SideData;
use ff::format::context::Input;
use ffmpeg_next as ff;

/// Reads that may fail in a row before the rest of the source counts as lost.
const MAX_BAD_READS: u32 = 1_000;

/// A frame this much later than the one before it, in seconds, is not believed without a witness.
const LEAP_SECONDS: i64 = 10;

/// One track being decoded.
pub struct Track {
    pipe: Pipe,
    input: Input,
    decoder: ff::decoder::Opened,
    index: usize,
    time_base: (i32, i32),
    drained: bool,
    /// Reads and packets that could not be used, and frames with parts that had to be guessed.
    pub damaged: u64,
    /// Frames that came out.
    pub decoded: u64,
    /// A packet that was read and not decoded yet.
    held: Option<ff::Packet>,
    /// Time of the frame that came out last.
    last: Option<i64>,
    /// The frame after it, where that was decoded to bear witness. (A video's or a track's: a frame.)
    ahead: Option<ff::frame::Video>,
    /// Where the track is said to end.
    end: Option<i64>,
}

impl Track {
    /// Opens the source and its stream number `number`, which is of the kind that the task says.
    pub fn open(pipe: &Pipe, number: u32, kind: ff::media::Type) -> Result<Self> {
        let mut input = input::open(pipe)?;
        let gone = || Fault::invalid("the track is not in the file any more");
        let stream = input.stream(number as usize).ok_or_else(gone)?;
        if stream.parameters().medium() != kind {
            return Err(gone());
        }
        let decoder = match kind {
            ff::media::Type::Video => input::video_decoder(&stream)?.0,
            _ => input::audio_decoder(&stream)?.0,
        };
        let time_base = time_base(&stream);
        let end = end(&stream).or_else(|| containers_end(&input, time_base));
        index::only(&mut input, number as usize);
        Ok(Self {
            pipe: pipe.clone(),
            decoder,
            index: number as usize,
            time_base,
            input,
            drained: false,
            damaged: 0,
            decoded: 0,
            held: None,
            last: None,
            ahead: None,
            end,
        })
    }

    /// Seconds of one tick of this track's times, as a fraction.
    pub fn time_base(&self) -> (i32, i32) {
        self.time_base
    }

    /// Goes to a keyframe at or before `micros` (of the container's time), as near as its index allows.
    /// Whether that worked: not every source can be sought.
    pub fn seek(&mut self, micros: i64) -> Result<bool> {
        let sought = self.input.seek(micros, ..micros).is_ok();
        self.pipe.check()?;
        self.decoder.flush();
        (self.drained, self.held, self.last, self.ahead) = (false, None, None, None);
        Ok(sought)
    }

    /// Whether there is another packet of the track to decode.
    pub fn has_more(&mut self) -> Result<bool> {
        self.held = self.packet()?;
        Ok(self.held.is_some())
    }

    /// Passes over packets up to the next keyframe, and gives its presentation time.
    pub fn keyframe(&mut self) -> Result<Option<i64>> {
        while let Some(packet) = self.packet()? {
            if packet.is_key() {
                let time = packet.pts().or(packet.dts());
                self.held = Some(packet);
                if time.is_some() {
                    return Ok(time);
                }
            }
        }
        Ok(None)
    }

    /// Decodes the next frame into `frame`; false at the end.
    pub fn next(&mut self, frame: &mut ff::Frame) -> Result<bool> {
        match self.ahead.take() {
            Some(mut ahead) => std::mem::swap(frame, &mut *ahead),
            None if self.decode(frame)? => {}
            None => return Ok(false),
        }
        while let Some(leap) = self.leap(frame) {
            let mut next = ff::frame::Video::empty();
            if !self.decode(&mut next)? {
                let believed = self.end.is_some_and(|end| leap <= end);
                self.damaged += u64::from(!believed);
                if believed {
                    break;
                }
                return Ok(false);
            }
            if time(&next).is_none_or(|next| next > leap) {
                self.ahead = Some(next);
                break;
            }
            self.damaged += 1;
            std::mem::swap(frame, &mut *next);
        }
        self.last = time(frame).or(self.last);
        Ok(true)
    }

    /// The time of `frame`, where that is too long after the frame before it to be believed by itself.
    fn leap(&self, frame: &ff::Frame) -> Option<i64> {
        let (last, time) = (self.last?, time(frame)?);
        let (num, den) = self.time_base;
        let apart = i128::from(time) - i128::from(last);
        (apart * i128::from(num) > i128::from(LEAP_SECONDS) * i128::from(den)).then_some(time)
    }

    fn decode(&mut self, frame: &mut ff::Frame) -> Result<bool> {
        loop {
            match self.decoder.receive_frame(frame) {
                Ok(()) => {
                    self.decoded += 1;
                    self.damaged += u64::from(frame.is_corrupt() || frame.has_decode_errors());
                    return Ok(true);
                }
                Err(ff::Error::Eof) => return Ok(false),
                Err(ff::Error::Other { errno: ff::error::EAGAIN }) if !self.drained => {}
                Err(ff::Error::Other { errno: ff::error::EAGAIN }) => return Ok(false),
                Err(error) => self.bad(error)?,
            }
            let sent = match self.packet()? {
                Some(packet) => self.decoder.send_packet(&packet),
                None => {
                    self.drained = true;
                    self.decoder.send_eof()
                }
            };
            match sent {
                Ok(()) | Err(ff::Error::Eof) => {}
                Err(error) => self.bad(error)?,
            }
        }
    }

    /// The track's next packet; nothing at the end of the source, or where the rest of it is lost.
    fn packet(&mut self) -> Result<Option<ff::Packet>> {
        if let Some(packet) = self.held.take() {
            return Ok(Some(packet));
        }
        let (mut packet, mut bad) = (ff::Packet::empty(), 0);
        loop {
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() != self.index => {
                    // Reading into a packet does not let go of what it held.
                    packet = ff::Packet::empty();
                }
                Ok(()) => {
                    if packet.side_data().any(|data| data.kind() == SideData::EncryptionInfo) {
                        return Err(input::encrypted());
                    }
                    return Ok(Some(packet));
                }
                Err(ff::Error::Eof) => {
                    self.pipe.check()?;
                    return Ok(None);
                }
                Err(error) => {
                    self.bad(error)?;
                    bad += 1;
                    if bad > MAX_BAD_READS || error != ff::Error::InvalidData {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Counts damage; what is not the source's fault ends the task.
    fn bad(&mut self, error: ff::Error) -> Result<()> {
        self.pipe.check()?;
        if error == (ff::Error::Other { errno: ff::error::ENOMEM }) {
            return Err(Fault::libav(crate::fault::Blame::TooLarge, "decoding", error));
        }
        self.damaged += 1;
        Ok(())
    }
}

/// When a frame is shown or heard. Its packet's time comes first: libav's own guess depends on where
/// decoding began, and is for containers that do not say.
pub fn time(frame: &ff::Frame) -> Option<i64> {
    frame.pts().or(frame.timestamp())
}

/// Where a stream says that it ends, in its time base.
pub fn end(stream: &ff::Stream) -> Option<i64> {
    let start = if stream.start_time() == i64::MIN { 0 } else { stream.start_time() };
    start.checked_add(stream.duration()).filter(|_| stream.duration() > 0)
}

/// Where a source says that it ends as a whole, in a stream's time base.
fn containers_end(input: &Input, (num, den): (i32, i32)) -> Option<i64> {
    let end = i128::from(input.duration()) * i128::from(den) / (1_000_000 * i128::from(num));
    i64::try_from(end).ok().filter(|_| input.duration() > 0)
}

/// A stream's time base, with a denominator that can be divided by.
pub fn time_base(stream: &ff::Stream) -> (i32, i32) {
    let base = stream.time_base();
    if base.0 > 0 && base.1 > 0 { (base.0, base.1) } else { (1, 90_000) }
}
