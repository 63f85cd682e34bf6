//! A program that runs beside the tests.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long a program that was told to stop may take.
const STOP: Duration = Duration::from_secs(60);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`, whose output is the caller's to choose.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        Self { child }
    }

    /// The program's own process, for its output.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ends it as a power cut would: SIGKILL, no warning.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to stop, as an operator would: SIGTERM.
    pub fn tell_to_stop(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Waits until it, which was told to stop, has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.wait_for(STOP)
    }

    /// Waits until it has ended by itself, so long at most.
    pub fn wait_for(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many processes it has started that still run.
    #[must_use]
    pub fn children(&self) -> usize {
        let parent = self.id().to_string();
        let processes = std::fs::read_dir("/proc").unwrap();
        processes
            // A process may end while it is looked at.
            .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path().join("stat")).ok())
            .filter(|stat| stat_fields(stat).nth(1) == Some(&*parent))
            .count()
    }

    /// The processor time that it has used so far.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // proc_pid_stat(5): the fields 14 and 15 are utime and stime.
        let ticks: u64 =
            stat_fields(&stat).skip(11).take(2).map(|f| f.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
    }

    /// The most memory that it has held so far, in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is not an error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fields of a `/proc/PID/stat` after the program's name, which may have spaces: the state is the
/// first, the parent the second.
fn stat_fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(')').next().unwrap_or_default().split_whitespace()
}
