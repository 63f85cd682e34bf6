//! The command line: every command, option, default and environment variable.

use crate::place::PlaceArgs;
use clap::{Args, Parser, Subcommand};
use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

/// Upload large files with resume, keep every block once, stream the videos.
#[derive(Debug, Parser)]
#[command(name = "hashreel", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 the server cannot be \
reached or is overloaded, 4 no such file, 5 not allowed, 6 no space left, 7 stored bytes are damaged, \
130 stopped by Ctrl-C.";

const PUT_EXIT_CODES: &str = "Each file's id goes to stdout once it is stored, whatever becomes of its \
video. The exit code is that of the first file that failed: 2 also where, with --wait, no stream could be \
made of a video. `hashreel --help` lists all codes.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process, and serve until Ctrl-C
    Up(UpArgs),
    /// Upload files; goes on where an earlier try stopped
    #[command(after_help = PUT_EXIT_CODES)]
    Put(PutArgs),
    /// Download a file by id or name; goes on where an earlier try stopped
    Get(GetArgs),
    /// List files, newest first
    Ls(ListArgs),
    /// Show what is known of a file and its video
    Info(FileArgs),
    /// Delete files
    Rm(RmArgs),
    /// Print the address to watch a video at
    Watch(WatchArgs),
    /// List transcoding jobs that are not done, try failed ones again, see to those that were put aside
    Jobs(JobsArgs),
    /// Make, list and revoke API keys, on the machine that has the data
    Keys(KeysArgs),
    /// Print a completion script for a shell
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

/// `hashreel up`
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Where everything is kept; made if it is not there
    #[arg(long, env = "HASHREEL_DATA", default_value = "data", value_name = "DIR")]
    pub data: PathBuf,
    /// Address to listen on; one that other machines reach demands API keys
    #[arg(
        long,
        env = "HASHREEL_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDR:PORT",
        value_parser = service::listen_address
    )]
    pub listen: SocketAddr,
    /// Transcoding tasks at a time; with 0 they wait for a start with more [default: one per core]
    #[arg(long, env = "HASHREEL_WORKERS", value_name = "N", value_parser = clap::value_parser!(u16).range(0..=256))]
    pub workers: Option<u16>,
    /// Demand API keys on a loopback address too
    #[arg(long, env = "HASHREEL_REQUIRE_KEYS")]
    pub require_keys: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub uploads: upload_svc::UploadOptions,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub contents: upload_svc::ContentOptions,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub meta: meta_svc::MetaOptions,
    /// Files to upload once it runs
    #[arg(value_name = "VIDEO")]
    pub videos: Vec<PathBuf>,
}

/// Where the server is, and who is asking.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// Address of the server
    #[arg(
        long,
        env = "HASHREEL_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL",
        value_parser = crate::address::server
    )]
    pub server: reqwest::Url,
    /// API key, where the server demands one
    #[arg(long, env = "HASHREEL_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Option<String>,
}

/// `hashreel put`
#[derive(Debug, Args)]
pub struct PutArgs {
    /// Files to upload
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Follow the transcoding of videos to its end
    #[arg(long)]
    pub wait: bool,
    /// One JSON object a file on stdout
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub server: ServerArgs,
}

/// `hashreel get`
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Id or name of the file
    pub file: String,
    /// Where to write it; `-` for stdout [default: its name, in this folder]
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub server: ServerArgs,
}

/// `hashreel ls`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// One JSON object a file on stdout
    #[arg(long)]
    pub json: bool,
    /// At most this many files
    #[arg(long, default_value = "1000", value_name = "N")]
    pub limit: NonZeroUsize,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub server: ServerArgs,
}

/// A command about one file.
#[derive(Debug, Args)]
pub struct FileArgs {
    /// Id or name of the file
    pub file: String,
    /// As the server says it
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub server: ServerArgs,
}

/// `hashreel rm`
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Ids or names of the files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub server: ServerArgs,
}

/// `hashreel watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Id or name of the video
    pub file: String,
    /// Open it in the browser too
    #[arg(long)]
    pub open: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub server: ServerArgs,
}

/// `hashreel jobs`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct JobsArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub action: Option<JobsAction>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub server: ServerArgs,
}

/// What `hashreel jobs` does.
#[derive(Debug, Subcommand)]
pub enum JobsAction {
    /// Videos that are not ready, with what holds them up
    List {
        #[command(flatten)]
        #[allow(missing_docs, reason = "its fields are documented")]
        server: ServerArgs,
    },
    /// Try a failed video again
    Retry {
        /// Id or name of the file
        file: String,
        /// Also one that failed for what its file is: of use where the server was updated since
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        #[allow(missing_docs, reason = "its fields are documented")]
        server: ServerArgs,
    },
    /// Jobs that were put aside, with their reasons; for operators, on the machine that has the data
    Dead {
        /// One JSON object a job on stdout
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        #[allow(missing_docs, reason = "its fields are documented")]
        stores: StoresArgs,
    },
    /// Put jobs back that were put aside; a video that failed with its job is tried again
    Redrive {
        #[command(flatten)]
        #[allow(missing_docs, reason = "its fields are documented")]
        letters: LettersArgs,
    },
    /// Forget jobs that were put aside
    Discard {
        #[command(flatten)]
        #[allow(missing_docs, reason = "its fields are documented")]
        letters: LettersArgs,
    },
}

/// Which of the jobs that were put aside.
#[derive(Debug, Args)]
pub struct LettersArgs {
    /// Their ids, as `dead` shows them
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
    pub ids: Vec<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub stores: StoresArgs,
}

/// Where the tables and the jobs are.
#[derive(Debug, Args)]
pub struct StoresArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub place: PlaceArgs,
    /// The queue of the services, beside their records: sqs://NAME or sqlite:///PATH
    /// [env: HASHREEL_QUEUE]
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub queue: Option<String>,
}

/// `hashreel keys`
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "its fields are documented")]
    pub place: PlaceArgs,
    /// What to do
    #[command(subcommand)]
    pub action: KeysAction,
}

/// What `hashreel keys` does.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Make a key; it is shown once and stored as a hash
    Create {
        /// Whose key it is
        #[arg(long, default_value = "local")]
        owner: model::OwnerId,
        /// What to call it
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List keys, without their secrets
    List,
    /// Make a key invalid
    Revoke {
        /// The key's id, as `list` shows it
        id: model::KeyId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_server_is_named_behind_the_commands_that_ask_one_and_nowhere_else() {
        let is_taken = |line: &str| Cli::try_parse_from(line.split(' ')).is_ok();
        for well in ["jobs", "jobs list", "jobs retry clip.mp4"] {
            assert!(is_taken(&format!("hashreel {well} --server http://127.0.0.1:1")), "{well}");
        }
        // These are for the machine that has the data.
        for wrong in ["jobs dead", "jobs redrive --all", "jobs discard --all"] {
            assert!(is_taken(&format!("hashreel {wrong}")), "{wrong}");
            assert!(!is_taken(&format!("hashreel {wrong} --server http://127.0.0.1:1")), "{wrong}");
        }
        assert!(!is_taken("hashreel jobs --server http://127.0.0.1:1 dead"));
    }

    #[test]
    fn a_key_is_never_shown_in_help() {
        let help = Cli::command()
            .find_subcommand_mut("put")
            .map(|put| put.render_long_help().to_string())
            .unwrap_or_default();
        assert!(help.contains("HASHREEL_KEY") && !help.contains("HASHREEL_KEY="));
    }
}
