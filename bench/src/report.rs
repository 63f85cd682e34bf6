//! What a benchmark found: every run, the medians, the ratios, and the machine it ran on.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::{Result, chart, work};

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    Higher,
    Lower,
}

/// The runs of one subject.
#[derive(Serialize)]
pub struct Series {
    pub name: String,
    pub runs: Vec<f64>,
    pub peak_rss_mib: Option<f64>,
    /// Processor time of each run, in seconds, where it was measured.
    pub processor_s: Vec<f64>,
}

impl Series {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            runs: Vec::new(),
            peak_rss_mib: None,
            processor_s: Vec::new(),
        }
    }

    pub fn push(&mut self, value: f64) {
        println!("  {:<28} {value:10.2}", self.name);
        self.runs.push(value);
    }

    /// Keeps the highest of the peaks of all runs, in MiB.
    pub fn note_peak_rss(&mut self, mib: f64) {
        self.peak_rss_mib = Some(self.peak_rss_mib.map_or(mib, |known| known.max(mib)));
    }

    pub fn median(&self) -> f64 {
        median(&self.runs)
    }

    pub fn max(&self) -> f64 {
        self.runs.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The value in the middle, or between the two there; of none, none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Us over a peer: the ratio of the medians, and the least and the greatest ratio within a round.
#[derive(Serialize)]
pub struct Ratio {
    pub what: String,
    pub of: String,
    pub to: String,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub target: f64,
    pub met: bool,
}

impl Ratio {
    pub fn new(what: &str, of: &Series, to: &Series, better: Better, target: f64) -> Self {
        let median = of.median() / to.median();
        let rounds = of.runs.iter().zip(&to.runs).map(|(of, to)| of / to);
        Self {
            what: what.to_owned(),
            of: of.name.clone(),
            to: to.name.clone(),
            median,
            min: rounds.clone().fold(f64::INFINITY, f64::min),
            max: rounds.fold(f64::NEG_INFINITY, f64::max),
            target,
            met: if better == Better::Higher { median >= target } else { median <= target },
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, median, min, max, target, to, .. } = self;
        let verdict = if self.met { "met" } else { "not met" };
        write!(f, "{what} ({to}): {median:.2} ({min:.2} to {max:.2}), target {target}: {verdict}")
    }
}

/// A difference that must be small for the ratio to mean something.
#[derive(Serialize)]
pub struct Check {
    pub what: String,
    pub difference: f64,
    pub within: f64,
    pub met: bool,
}

impl Check {
    pub fn new(what: &str, difference: f64, within: f64) -> Self {
        Self { what: what.to_owned(), difference, within, met: difference.abs() <= within }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, difference, within, met } = self;
        let verdict = if *met { "met" } else { "not met" };
        write!(f, "{what}: {difference:+.4}, within {within}: {verdict}")
    }
}

#[derive(Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
}

impl Machine {
    fn this() -> Result<Self> {
        let memory = fs::read_to_string("/proc/meminfo")?;
        let memory_kib = field(&memory, "MemTotal").and_then(|kib| kib.split(' ').next());
        Ok(Self {
            processor: field(&fs::read_to_string("/proc/cpuinfo")?, "model name")
                .unwrap_or("unknown")
                .to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: memory_kib.ok_or("/proc/meminfo has no MemTotal")?.parse::<u64>()? / 1024,
            kernel: release(&fs::read_to_string("/proc/sys/kernel/osrelease")?),
        })
    }
}

/// Major and minor of a kernel's release: what follows names its builder.
fn release(text: &str) -> String {
    let numbers: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).take(2).collect();
    numbers.join(".")
}

/// The value of a `name : value` line of a file in /proc.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| (key.trim() == name).then(|| value.trim()))
}

/// Everything that goes into `NAME.json`, and from there into the plot.
#[derive(Serialize)]
pub struct Report {
    pub name: &'static str,
    pub what: &'static str,
    pub unit: &'static str,
    pub better: Better,
    command: String,
    measured_on: String,
    commit: String,
    machine: Machine,
    pub ratios: Vec<Ratio>,
    pub series: Vec<Series>,
    pub checks: Vec<Check>,
    notes: Vec<String>,
}

/// What was measured, as git names it.
pub fn commit() -> Result<String> {
    let commit = work::run(Command::new("git").args(["rev-parse", "--short", "HEAD"]))?;
    // The results themselves are no change: the first one of a run would mark those after it.
    let elsewhere = ["status", "--porcelain", "--", ":/", ":(exclude,top)bench/results"];
    let changes = work::run(Command::new("git").args(elsewhere))?;
    let mark = if changes.trim().is_empty() { "" } else { "-dirty" };
    Ok(format!("{}{mark}", commit.trim()))
}

impl Report {
    pub fn new(
        (name, what): (&'static str, &'static str),
        unit: &'static str,
        better: Better,
        ratios: Vec<Ratio>,
        series: Vec<Series>,
    ) -> Result<Self> {
        Ok(Self {
            name,
            what,
            unit,
            better,
            command: format!("./dev bench {name}"),
            measured_on: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            commit: commit()?,
            machine: Machine::this()?,
            ratios,
            series,
            checks: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Adds a sentence that a reader of the numbers needs.
    pub fn note(mut self, sentence: impl Into<String>) -> Self {
        self.notes.push(sentence.into());
        self
    }

    /// Adds what must be equal for the ratio to be fair.
    pub fn checks(mut self, checks: Vec<Check>) -> Self {
        self.checks = checks;
        self
    }

    /// The medians and the ratios, for whoever waits at the terminal.
    pub fn print(&self) {
        println!("{}: {} ({}, median of the runs)", self.name, self.what, self.unit);
        for series in &self.series {
            let memory = series
                .peak_rss_mib
                .map_or_else(String::new, |mib| format!("   peak RSS {mib:.0} MiB"));
            let processor = match &series.processor_s[..] {
                [] => String::new(),
                runs => format!("   processor {:.2} s", median(runs)),
            };
            println!("  {:<28} {:10.2}{memory}{processor}", series.name, series.median());
        }
        for ratio in &self.ratios {
            println!("  {ratio}");
        }
        for check in &self.checks {
            println!("  {check}");
        }
        for note in &self.notes {
            println!("  {note}");
        }
    }

    /// Writes `NAME.json` and `NAME.svg` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)?;
        fs::write(folder.join(format!("{}.json", self.name)), json + "\n")?;
        fs::write(folder.join(format!("{}.svg", self.name)), chart::draw(self))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_told_by_its_numbers_alone() {
        for text in ["6.18.44-cloud-v657\n", "6.18-rc1", "6.18"] {
            assert_eq!(release(text), "6.18");
        }
    }
}
