//! The parent's side: starts a child, answers its reads, takes what it makes, and ends it.
//!
//! Guarantees: the child is gone when the future is, whether it ended, failed or was dropped; memory is
//! bounded by the limits of `wire`; an error of the source or of the sink comes back as that error,
//! never as "the file is broken".

use crate::allowance::Allowance;
use crate::child::SUBCOMMAND;
use crate::task::{LATEST, Made, Outcome, Part, Probed, SegmentMade, Task};
use crate::wire::{self, MAX_BYTES, MAX_INIT, MAX_PARTS, MAX_READ, Start, ToParent};
use async_trait::async_trait;
use bytes::Bytes;
use model::{ByteRange, Error, ErrorKind, Result};
use rustix::process::{Pid, Signal};
use std::io;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// What the child wrote to its standard error is kept to this length, from its end.
const STDERR_KEPT: usize = 4 << 10;

/// A child that said its last word ends at once; one that does not is ended.
const EXIT_GRACE: Duration = Duration::from_secs(5);

/// Where the source's bytes come from.
#[async_trait]
pub trait RangeSource: Send + Sync {
    /// Length in bytes; does not change.
    fn len(&self) -> u64;

    /// Whether there is no byte at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exactly the bytes of `range`, which lies within the length and is at most 4 MiB long.
    ///
    /// # Errors
    /// Any: the task ends with this very error.
    async fn read(&self, range: ByteRange) -> Result<Bytes>;
}

/// Where what was made goes.
#[async_trait]
pub trait Sink: Send {
    /// Takes one finished thing. The child waits meanwhile once the pipe is full.
    ///
    /// # Errors
    /// Any: the task ends with this very error.
    async fn made(&mut self, made: Made) -> Result<()>;

    /// Learns that work has come to `at`, in ticks of 1/90,000 s from zero: about once a second of the
    /// source, also before the first thing is finished. Not to be relied on for anything but showing it.
    fn progress(&mut self, at: i64) {
        let _ = at;
    }
}

/// What one child may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Address space in bytes. A five-rung ladder of 1080p needs about 0.6 GiB, of 8K some 3 GiB.
    pub memory: u64,
    /// Processor time of a probe, a poster, and each segment of a run or track; what one leaves over the
    /// next ones may use.
    pub cpu: Duration,
    /// Wall-clock time without a word from the child after which it is ended: it says how far it is
    /// every second of the source.
    pub silence: Duration,
    /// Time spent waiting for the child since it last made something, however much it says meanwhile,
    /// after which it is ended.
    pub standstill: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 4 << 30,
            cpu: Duration::from_secs(15 * 60),
            silence: Duration::from_secs(3 * 60),
            standstill: Duration::from_secs(60 * 60),
        }
    }
}

/// Starts children.
#[derive(Debug, Clone)]
pub struct Host {
    program: PathBuf,
    limits: Limits,
}

/// A [`Sink`] for tasks that make nothing.
struct Nothing;

#[async_trait]
impl Sink for Nothing {
    async fn made(&mut self, _: Made) -> Result<()> {
        Err(Error::internal("a probe made something"))
    }
}

impl Host {
    /// `program` calls [`crate::child::run`] when [`crate::child::requested`]; usually it is the
    /// running one, [`std::env::current_exe`].
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { program: program.into(), limits }
    }

    /// What the source is.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub async fn probe(&self, source: &dyn RangeSource) -> Result<Probed> {
        match self.run(Task::Probe, source, &mut Nothing).await? {
            Outcome::Probed(probed) => Ok(probed),
            Outcome::Done(_) => Err(Error::internal("a probe ended without a result")),
        }
    }

    /// Does `task` in a child of its own, giving what it makes to `sink` as soon as it is finished.
    /// Dropping the future ends the child.
    ///
    /// # Errors
    /// The source's or the sink's own error; `Invalid`, `Unsupported` or `TooLarge` where the file is
    /// at fault, with a sentence for its owner: the same file fails again; `Unavailable` where the
    /// child was ended from outside or fell silent; `Internal` for a defect.
    pub async fn run(
        &self,
        task: Task,
        source: &dyn RangeSource,
        sink: &mut dyn Sink,
    ) -> Result<Outcome> {
        let mut child = Command::new(&self.program)
            .arg(SUBCOMMAND)
            .env_clear()
            // Where a deployment keeps its libav; nothing else of the environment is a child's business.
            .envs(std::env::var_os("LD_LIBRARY_PATH").map(|path| ("LD_LIBRARY_PATH", path)))
            .current_dir("/")
            // A Ctrl-C is the parent's to handle.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let message = format!("cannot start {} for a media task", self.program.display());
                Error::with_source(ErrorKind::Unavailable, message, error)
            })?;
        let (Some(to), Some(from), Some(talk)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::internal("a child process was started without its pipes"));
        };
        let due = segments(&task);
        let allowance = Allowance::new(&self.limits, due.len());
        let start = Start {
            len: source.len(),
            memory: self.limits.memory,
            cpu_seconds: allowance.cpu().soft,
            most_cpu_seconds: allowance.cpu().hard,
            task,
        };
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let mut talk = std::pin::pin!(tail(talk));
        let mut conversation =
            Conversation { to, from, pid, allowance, source, sink, due, inits: Vec::new() };
        let mut heard = None;
        let said = {
            let mut hold = std::pin::pin!(conversation.hold(&start));
            loop {
                tokio::select! {
                    said = &mut hold => break said,
                    text = &mut talk, if heard.is_none() => heard = Some(text),
                }
            }
        };
        match said {
            Ok(outcome) => Ok(outcome),
            Err(End::Error(error)) => Err(error),
            // The pipe broke: the child is dead or about to be, and its exit status says why.
            Err(End::Pipe(error)) => {
                let status = exit(&mut child).await;
                let heard = match heard {
                    Some(text) => text,
                    None => timeout(EXIT_GRACE, talk).await.unwrap_or_default(),
                };
                Err(died(status, &error, &heard))
            }
        }
    }
}

/// The segments that a task may make. One that goes on to the source's end, which a plan only guesses,
/// may make as many as the longest source has.
fn segments(task: &Task) -> Range<u32> {
    match task {
        Task::Probe | Task::Poster(_) => 0..0,
        Task::Audio(task) => 0..task.cuts.segment_of(LATEST).saturating_add(1),
        Task::Video(task) => {
            let latest = || task.cuts.segment_of(LATEST).saturating_add(1);
            task.first..task.end.unwrap_or_else(latest)
        }
    }
}

/// Why a conversation ended badly.
enum End {
    /// With an error that is the caller's to see.
    Error(Error),
    /// Because the pipe did.
    Pipe(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidData {
            let message = "a media task said something that it may not say";
            return Self::Error(Error::with_source(ErrorKind::Internal, message, error));
        }
        Self::Pipe(error)
    }
}

struct Conversation<'a> {
    to: ChildStdin,
    from: ChildStdout,
    pid: Option<Pid>,
    allowance: Allowance,
    source: &'a dyn RangeSource,
    sink: &'a mut dyn Sink,
    /// The segments that the child may still make, each in its turn.
    due: Range<u32>,
    inits: Vec<(String, Bytes)>,
}

impl Conversation<'_> {
    async fn hold(&mut self, start: &Start) -> Result<Outcome, End> {
        self.write(&wire::message(start)?).await?;
        loop {
            let frame = self.frame(0).await?;
            match wire::decode(&frame)? {
                ToParent::Read { start, len } => self.answer(start, len).await?,
                ToParent::Progress { at } => self.sink.progress(at),
                ToParent::Inits { codecs } => {
                    self.inits.clear();
                    for codecs in bounded(codecs)? {
                        let init = self.bytes(MAX_INIT).await?;
                        self.inits.push((codecs, init));
                    }
                }
                ToParent::Segment { k, start, end, frames, parts } => {
                    let made = self.segment(k, start, end, frames, parts).await?;
                    self.allowance.renew(self.pid).map_err(End::Error)?;
                    self.sink.made(Made::Segment(made)).await.map_err(End::Error)?;
                }
                ToParent::Poster { width, height } => {
                    let made = Made::Poster { jpeg: self.bytes(MAX_BYTES).await?, width, height };
                    self.sink.made(made).await.map_err(End::Error)?;
                }
                ToParent::Ended(outcome) => return Ok(outcome),
                ToParent::Failed(fault) => {
                    return Err(End::Error(Error::new(fault.kind(), fault.message)));
                }
            }
        }
    }

    /// Gives the child the range it asked for. An error of the source ends the task with that error.
    async fn answer(&mut self, start: u64, len: u32) -> Result<(), End> {
        let range = ByteRange::at(start, u64::from(len.min(MAX_READ)));
        let range = range.overlap(&ByteRange::new(0, self.source.len()));
        let range =
            range.ok_or_else(|| misbehaved("it asked for bytes that the source does not have"))?;
        let bytes = self.source.read(range).await.map_err(End::Error)?;
        if bytes.len() as u64 != range.len() {
            let message = "the source gave another number of bytes than was asked for";
            return Err(End::Error(Error::new(ErrorKind::Damaged, message)));
        }
        let header = wire::bytes_header(bytes.len())?;
        self.write(&header).await?;
        self.write(&bytes).await
    }

    async fn segment(
        &mut self,
        k: u32,
        start: u64,
        end: u64,
        frames: u32,
        parts: u32,
    ) -> Result<SegmentMade, End> {
        if self.due.next() != Some(k) {
            return Err(misbehaved("it made a segment out of turn"));
        }
        let expected = if frames == 0 { 0 } else { self.inits.len() };
        if parts as usize != expected || end < start || (end == start) != (frames == 0) {
            return Err(misbehaved("its segment does not add up"));
        }
        let mut made = SegmentMade { k, start, end, frames, parts: Vec::with_capacity(expected) };
        let mut most = MAX_BYTES;
        for place in 0..expected {
            let bytes = self.bytes(most).await?;
            most = most.saturating_sub(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            let (codecs, init) = self.inits[place].clone();
            made.parts.push(Part { init, codecs, bytes });
        }
        Ok(made)
    }

    async fn bytes(&mut self, most: u32) -> Result<Bytes, End> {
        Ok(Bytes::from(wire::raw(self.frame(most).await?)?))
    }

    async fn frame(&mut self, most: u32) -> Result<(wire::Tag, Vec<u8>), End> {
        Ok(self.allowance.wait(wire::receive(&mut self.from, most)).await.map_err(End::Error)??)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        Ok(self.allowance.wait(self.to.write_all(bytes)).await.map_err(End::Error)??)
    }
}

fn bounded(codecs: Vec<String>) -> Result<Vec<String>, End> {
    let fits = codecs.len() <= MAX_PARTS
        && codecs.iter().all(|codecs| codecs.len() <= 64 && codecs.is_ascii());
    if fits { Ok(codecs) } else { Err(misbehaved("it announced codecs that cannot be")) }
}

fn misbehaved(what: &str) -> End {
    End::Error(Error::internal(format!("a media task misbehaved: {what}")))
}

/// The last [`STDERR_KEPT`] bytes of what the child said, as text; reads on so that it never blocks.
async fn tail(mut from: impl AsyncRead + Unpin) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    // An error ends the talk as an end does: what was heard so far is all there is.
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        let over = kept.len().saturating_sub(STDERR_KEPT);
        kept.drain(..over);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

async fn exit(child: &mut Child) -> Option<ExitStatus> {
    timeout(EXIT_GRACE, child.wait()).await.ok()?.ok()
}

/// Why a child that did not say its last word is dead.
fn died(status: Option<ExitStatus>, pipe: &io::Error, heard: &str) -> Error {
    let source = format!("{pipe}; status {status:?}; it said: {heard}");
    let signal = status.and_then(|status| status.signal());
    let is = |wanted: Signal| signal == Some(wanted.as_raw());
    if is(Signal::XCPU) {
        let message = "the file takes more processor time than a video may use";
        return Error::with_source(ErrorKind::TooLarge, message, source);
    }
    // Rust aborts when an allocation fails, which under a memory limit is what hostile sizes do.
    if heard.contains("memory allocation") {
        let message = "the file needs more memory than a video may use";
        return Error::with_source(ErrorKind::TooLarge, message, source);
    }
    if is(Signal::SEGV)
        || is(Signal::BUS)
        || is(Signal::FPE)
        || is(Signal::ILL)
        || is(Signal::ABORT)
    {
        let message = "the file breaks the decoder; convert it to another format";
        return Error::with_source(ErrorKind::Invalid, message, source);
    }
    if signal.is_some() || status.is_none() {
        let message = "a media task was ended from outside";
        return Error::with_source(ErrorKind::Unavailable, message, source);
    }
    Error::with_source(ErrorKind::Internal, "a media task ended without a word", source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{AudioTask, AudioTrack, Zero};
    use cmaf::timeline::Cuts;

    fn sound(cuts: Cuts) -> Task {
        Task::Audio(AudioTask {
            track: AudioTrack {
                index: 0,
                codec: "aac".into(),
                rate: 48_000,
                channels: 2,
                language: None,
                title: None,
                default: true,
            },
            zero: Zero { ts: 0, num: 1, den: 1 },
            cuts,
            end: None,
            bitrate: 128_000,
        })
    }

    #[test]
    fn a_task_that_goes_on_to_an_end_unknown_may_make_all_segments_of_a_long_film() {
        // A recording by a browser has no duration: its plan has one segment.
        let due = segments(&sound(Cuts::every(900_000, 0).unwrap()));
        assert_eq!((due.start, due.end), (0, 48 * 360));
        assert!(segments(&Task::Probe).is_empty());
    }
}
