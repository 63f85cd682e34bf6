//! `hashreel up`, as a process of its own.

use crate::program::{hashreel, succeed};
use reqwest::{Method, RequestBuilder, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// How long a server may take to start, to stop, and a video to be made.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(60);
const VIDEO: Duration = Duration::from_secs(600);

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    http: reqwest::Client,
}

/// An address that nobody listens on.
#[must_use]
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Server {
    /// Starts a server on `data` at an address of its own.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        Self::start_at(data, free_address(), &[])
    }

    /// Starts a server on `data` at `address`, and waits until it is ready.
    #[must_use]
    pub fn start_at(data: &Path, address: SocketAddr, options: &[&str]) -> Self {
        Self::start_by(command(data, address, options), data, address)
    }

    /// The same by a command of the caller's own, whose process is, or becomes, the server on `data`.
    #[must_use]
    pub fn start_by(mut command: Command, data: &Path, address: SocketAddr) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log(data)).spawn().unwrap();
        // Its first line on stdout is its address, said once it listens.
        let said = first_line(child.stdout.take().unwrap());
        if said.as_deref() != Some(&*format!("http://{address}")) {
            child.kill().unwrap();
            let ended = child.wait();
            let log = read_log(data);
            panic!("the server did not start: {ended:?}, said {said:?}; its log:\n{log}");
        }
        // Says no only where a provider is chosen already; even a client of plain HTTP wants one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::new();
        Self { child, address, http }
    }

    /// Its address as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens, for another server after this one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would: SIGKILL, no warning.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as an operator would: SIGTERM, and it must exit by itself.
    pub fn stop(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let deadline = Instant::now() + STOP;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many media tasks it has at work: each is a child process of its own.
    #[must_use]
    pub fn media_tasks(&self) -> usize {
        let parent = self.pid().to_string();
        let processes = std::fs::read_dir("/proc").unwrap();
        processes
            // A process may end while it is looked at.
            .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path().join("stat")).ok())
            .filter(|stat| stat_fields(stat).nth(1) == Some(&*parent))
            .count()
    }

    /// The processor time that its process has used so far.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // proc_pid_stat(5): the fields 14 and 15 are utime and stime.
        let ticks: u64 =
            stat_fields(&stat).skip(11).take(2).map(|f| f.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
    }

    /// The most memory its process has held so far, in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }

    /// Runs a command of `hashreel` against it; what is remembered of uploads lies in `home`.
    #[must_use]
    pub fn client(&self, home: &Path, args: &[&str]) -> Output {
        self.client_command(home, args).output().unwrap()
    }

    /// The same, to be started by the caller.
    #[must_use]
    pub fn client_command(&self, home: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(hashreel());
        command.args(args).env("HASHREEL_SERVER", self.url()).env("XDG_STATE_HOME", home);
        command
    }

    /// Uploads a file and gives its id.
    #[must_use]
    pub fn put(&self, home: &Path, file: &Path) -> String {
        put_id(&self.client(home, &["put", file.to_str().unwrap()]))
    }

    /// Downloads a file, and compares it with the one that was uploaded.
    pub fn same_bytes(&self, home: &Path, id: &str, sent: &Path) {
        let got = home.join("got");
        let output = self.client(home, &["get", id, "--force", "--output", got.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        succeed("cmp", [sent, &got]);
    }

    /// A request.
    pub async fn request(&self, method: Method, path: &str) -> Response {
        self.ask(method, path).send().await.unwrap()
    }

    /// A request that the caller completes and sends.
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url()))
    }

    /// The body of a GET that must succeed.
    pub async fn get(&self, path: &str) -> Vec<u8> {
        let response = self.request(Method::GET, path).await;
        assert!(response.status().is_success(), "GET {path}: {}", response.status());
        response.bytes().await.unwrap().to_vec()
    }

    /// The JSON of a GET that must succeed.
    pub async fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path).await).unwrap()
    }

    /// The file once its video is in `state`.
    pub async fn video_in(&self, file: &str, state: &str) -> Value {
        let deadline = Instant::now() + VIDEO;
        loop {
            let found = self.json(&format!("/v1/files/{file}")).await;
            let now = &found["video"]["state"];
            if now == state {
                return found;
            }
            assert!(now != "failed", "the video failed: {}", found["video"]["reason"]);
            assert!(Instant::now() < deadline, "the video stays {now}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is not an error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command that runs a server.
#[must_use]
pub fn command(data: &Path, address: SocketAddr, options: &[&str]) -> Command {
    let mut command = Command::new(hashreel());
    command.arg("up").arg("--data").arg(data).arg("--listen").arg(address.to_string());
    command.args(options).env_remove("HASHREEL_REQUIRE_KEYS").stdin(Stdio::null());
    command
}

/// Runs a server that must refuse to start, and gives what it said.
#[must_use]
pub fn refuses_to_start(data: &Path, address: SocketAddr) -> Output {
    refuses_to_start_by(command(data, address, &[]))
}

/// The same by a command of the caller's own.
#[must_use]
pub fn refuses_to_start_by(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + START;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the server started");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

/// The id of the file that a `put` which succeeded has printed.
#[must_use]
pub fn put_id(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim().to_owned()
}

/// The first line that comes, in the time that a start may take.
fn first_line(from: impl Read + Send + 'static) -> Option<String> {
    let (send, receive) = mpsc::channel();
    // A read has no time limit of its own; these end with the process that they read from.
    std::thread::spawn(move || {
        let (mut from, mut line) = (BufReader::new(from), String::new());
        if from.read_line(&mut line).is_ok() {
            // Nobody receives it where the wait was given up.
            let _ = send.send(line.trim().to_owned());
        }
        // A pipe that nobody reads would break, or hold up, whoever writes more.
        std::io::copy(&mut from, &mut std::io::sink())
    });
    receive.recv_timeout(START).ok()
}

/// The fields of a `/proc/PID/stat` after the program's name, which may have spaces: the state is the
/// first, the parent the second.
fn stat_fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(')').next().unwrap_or_default().split_whitespace()
}

fn log_path(data: &Path) -> PathBuf {
    data.with_extension("log")
}

fn log(data: &Path) -> std::fs::File {
    std::fs::File::options().create(true).append(true).open(log_path(data)).unwrap()
}

/// What the servers of this folder have said.
#[must_use]
pub fn read_log(data: &Path) -> String {
    std::fs::read_to_string(log_path(data)).unwrap_or_default()
}

/// How many objects lie under `prefix` in the folder of a server.
#[must_use]
pub fn objects(data: &Path, prefix: &str) -> usize {
    fn count(dir: &Path) -> usize {
        let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
        entries
            .map(|entry| entry.unwrap())
            .map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 })
            .sum()
    }
    count(&data.join("objects").join(prefix))
}
