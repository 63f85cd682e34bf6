//! The child's side: the hidden subcommand of every binary that works with media.
//!
//! A binary's `main` asks [`requested`] first of all, before it makes threads or a runtime, and hands
//! over to [`run`]. The child reads its task, gives up its rights, does the task, and ends; it serves
//! one task and is never used again.

use crate::allowance::Cpu;
use crate::fault::Result;
use crate::reader::Pipe;
use crate::task::{Outcome, Task};
use crate::{audio, confine, index, poster, probe, video};
use ffmpeg_next as ff;
use std::process::ExitCode;

/// The argument that makes a binary a child.
pub(crate) const SUBCOMMAND: &str = "media-task";

/// Whether this process was started as a child: its only argument is `media-task`.
#[must_use]
pub fn requested() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().is_some_and(|first| first == SUBCOMMAND) && arguments.next().is_none()
}

/// Does the one task that comes over standard input, and says on standard output how it went.
///
/// Fails only where nobody can be told: without a parent at the other end of the pipes.
#[must_use]
pub fn run() -> ExitCode {
    let Ok((pipe, start)) = Pipe::open() else { return ExitCode::FAILURE };
    ff::error::register_all();
    index::single_threaded();
    let cpu = Cpu { soft: start.cpu_seconds, hard: start.most_cpu_seconds };
    let result = confine::confine(start.memory, cpu).and_then(|()| {
        // What libav has to say goes to standard error, of which the parent keeps the end.
        ff::log::set_level(ff::log::Level::Error);
        perform(&pipe, start.task)
    });
    // A broken pipe inside libav looks like a broken file: look there first.
    let result = pipe.check().and(result);
    match pipe.end(result) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn perform(pipe: &Pipe, task: Task) -> Result<Outcome> {
    match task {
        Task::Probe => probe::probe(pipe).map(Outcome::Probed),
        Task::Video(task) => video::encode(pipe, &task).map(Outcome::Done),
        Task::Audio(task) => audio::encode(pipe, &task).map(Outcome::Done),
        Task::Poster(task) => poster::make(pipe, &task).map(Outcome::Done),
    }
}
