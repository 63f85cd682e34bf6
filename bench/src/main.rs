//! Measures Hashreel beside its peers: in turn, in one run, on one machine.
//!
//! Each benchmark starts the real servers and programs, drives them as a client would, and writes the
//! runs, the ratio of the medians and a plot to `bench/results/`. It asserts what was done (every byte
//! arrived, every frame is there), never how long it took. Preparing the peers is left to
//! `./dev bench`, which is the way to call this.

#![expect(clippy::print_stdout, reason = "a program that tells how far it is")]

mod bucket;
mod chart;
mod checkpoints;
mod clip;
mod costs;
mod curl;
mod ingest;
mod ingest_s3;
mod ladder;
mod many;
mod playlist;
mod read;
mod report;
mod server;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::report::Report;

/// A benchmark fails with one sentence for the person who started it.
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Measure Hashreel beside its peers.
#[derive(Parser)]
struct Options {
    /// What to measure; everything when none is named.
    names: Vec<Name>,
    /// How often each subject is measured, in turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The program under test.
    #[arg(long, env = "HASHREEL_BIN", default_value = "target/release/hashreel")]
    hashreel: PathBuf,
    /// Where the results go.
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// 1 GiB in one tus request, durable at the end.
    Ingest,
    /// The same into S3, as LocalStack has it.
    IngestS3,
    /// 64 uploads of 64 MiB at once.
    IngestMany,
    /// 1 GiB back, whole and in random ranges.
    Read,
    /// Upload checkpoints a second, durable.
    Catalog,
    /// A minute of 1080p30 into five rungs.
    Ladder,
    /// Requests to AWS: counted, not timed.
    Costs,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let names =
        if options.names.is_empty() { Name::value_variants() } else { options.names.as_slice() };
    for name in names {
        if let Err(error) = measure(*name, &options) {
            println!("bench: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn measure(name: Name, options: &Options) -> Result<()> {
    let report: Report = match name {
        Name::Costs => return costs::count(options),
        Name::IngestS3 => ingest_s3::measure(options)?,
        Name::Ingest => ingest::measure(options)?,
        Name::IngestMany => many::measure(options)?,
        Name::Read => read::measure(options)?,
        Name::Catalog => checkpoints::measure(options)?,
        Name::Ladder => ladder::measure(options)?,
    };
    report.print();
    report.write(&options.results)
}
