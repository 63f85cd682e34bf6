//! The program `hashreel`: all services in one process, and the client. Here they are only wired.

mod address;
mod args;
mod bar;
mod client;
mod data_dir;
mod exit;
mod get;
mod keys;
mod letters;
mod library;
mod place;
mod put;
mod resume;
mod say;
mod up;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use model::{Error, ErrorKind, Result};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A media task is this program again, confined, and before any thread is started.
    if let Some(code) = transcode_worker::child() {
        return code;
    }
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::final_word(&error);
            exit::code(&error)
        }
    }
}

fn run(command: &Command) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Error::with_source(ErrorKind::Internal, "the system gives no threads", error)
    })?;
    runtime.block_on(async {
        match command {
            Command::Up(args) => up::run(args).await,
            Command::Put(args) => put::run(args).await,
            Command::Get(args) => get::run(args).await,
            Command::Ls(args) => library::ls(args).await,
            Command::Info(args) => library::info(args).await,
            Command::Rm(args) => library::rm(args).await,
            Command::Watch(args) => library::watch(args).await,
            Command::Jobs(args) => library::jobs(args).await,
            Command::Keys(args) => keys::run(args).await,
            Command::Completions { shell } => {
                clap_complete::generate(
                    *shell,
                    &mut Cli::command(),
                    "hashreel",
                    &mut std::io::stdout(),
                );
                Ok(())
            }
        }
    })
}
