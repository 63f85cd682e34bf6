//! Where a benchmark works: its folder on the disk that is measured, and its input.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Result;

/// Inputs are kept between runs, data is not; both are on the disk of the build.
const ROOT: &str = "target/bench";

/// A fresh folder that is removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes `name` empty, and waits until the disk has nothing left to do for whoever ran before.
    pub fn fresh(name: &str) -> Result<Self> {
        let path = Path::new(ROOT).join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        let folder = Self(fs::canonicalize(path)?);
        run(&mut Command::new("sync"))?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is in target/ and is removed by the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Processor time that this process and those it has waited for have taken.
pub fn processor_time() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The program's name may hold spaces, in brackets; utime, stime, cutime and cstime are fields 14 to 17.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<u64> = fields.skip(11).take(4).map(str::parse).collect::<Result<_, _>>()?;
    if ticks.len() == 4 {
        let millis = ticks.iter().sum::<u64>() * 1000 / rustix::param::clock_ticks_per_second();
        Ok(Duration::from_millis(millis))
    } else {
        Err("/proc/self/stat has too few fields".into())
    }
}

/// A kept input file, made by `make` when it is not there yet.
pub fn input(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    fs::create_dir_all(ROOT)?;
    let path = fs::canonicalize(ROOT)?.join(name);
    if !path.exists() {
        let unfinished = path.with_file_name(format!("unfinished-{name}"));
        make(&unfinished)?;
        fs::rename(unfinished, &path)?;
    }
    Ok(path)
}

/// A kept file of `len` random bytes, read once so that it is measured from memory.
pub fn random_file(name: &str, len: u64) -> Result<PathBuf> {
    let path = input(name, |path| {
        let copied =
            io::copy(&mut File::open("/dev/urandom")?.take(len), &mut File::create(path)?)?;
        if copied == len { Ok(()) } else { Err("/dev/urandom ended early".into()) }
    })?;
    io::copy(&mut File::open(&path)?, &mut io::sink())?;
    Ok(path)
}

/// Runs a command to its end and returns its stdout; a failure says what the command said.
pub fn run(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} does not start: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program} failed ({}): {}", output.status, said.trim()).into())
    }
}
