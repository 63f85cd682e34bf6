//! A server of the tests: `hashreel up` as a process of its own, or the three programs in its place.

use crate::{
    process::Process,
    program::hashreel,
    programs::{Numbers, Programs},
    site::{Site, free_address},
};
use objects::MAX_LIST;
use std::{
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);

/// Which deployment [`Server::start`] makes: `up`, which is `hashreel up`, or `programs`, which is the three
/// programs with two workers on LocalStack.
const DEPLOYMENT: &str = "HASHREEL_DEPLOYMENT";

/// In a server's folder: the URL of its objects, where they do not lie in the folder.
const OBJECTS: &str = "objects.url";

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    site: Site,
    running: Running,
}

/// Who is behind the address.
#[derive(Debug)]
enum Running {
    /// `hashreel up`.
    Up(Process),
    /// The three programs.
    Programs(Box<Programs>),
}

impl Deref for Server {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Server {
    /// Starts a server at an address of its own, whose data is in `data`, or belongs to it.
    ///
    /// # Panics
    /// Also where `HASHREEL_DEPLOYMENT` names no deployment.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        match std::env::var(DEPLOYMENT).as_deref() {
            Err(_) | Ok("up") => Self::start_at(data, free_address(), &[]),
            Ok("programs") => Self::programs(data),
            Ok(other) => panic!("{DEPLOYMENT} is `up` or `programs`, not `{other}`"),
        }
    }

    /// The three programs, with two workers.
    fn programs(data: &Path) -> Self {
        let programs = Programs::start(data, Numbers { uploads: 1, metas: 1, workers: 2 });
        let objects = programs.resources().setting("HASHREEL_OBJECTS");
        std::fs::write(data.join(OBJECTS), objects).unwrap();
        Self { site: (*programs.front).clone(), running: Running::Programs(Box::new(programs)) }
    }

    /// Starts `hashreel up` on `data` at `address`, and waits until it is ready.
    #[must_use]
    pub fn start_at(data: &Path, address: SocketAddr, options: &[&str]) -> Self {
        Self::start_by(command(data, address, options), data, address)
    }

    /// The same by a command of the caller's own, whose process is, or becomes, the server on `data`.
    #[must_use]
    pub fn start_by(mut command: Command, data: &Path, address: SocketAddr) -> Self {
        command.stdout(Stdio::piped()).stderr(log(data));
        let mut process = Process::start(command);
        // Its first line on stdout is its address, said once it listens.
        let said = first_line(process.child().stdout.take().unwrap());
        if said.as_deref() != Some(&*format!("http://{address}")) {
            process.child().kill().unwrap();
            let ended = process.child().wait();
            let log = read_log(data);
            panic!("the server did not start: {ended:?}, said {said:?}; its log:\n{log}");
        }
        Self { site: Site::at(address), running: Running::Up(process) }
    }

    /// The process id of `hashreel up`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.up().id()
    }

    /// Ends it as a power cut would: SIGKILL, no warning.
    pub fn kill(self) {
        // Which is what dropping it does.
        drop(self);
    }

    /// Ends it as an operator would: SIGTERM, and it must exit by itself.
    pub fn stop(mut self) -> ExitStatus {
        match &mut self.running {
            Running::Up(process) => {
                process.tell_to_stop();
                process.wait()
            }
            Running::Programs(programs) => programs.stop(),
        }
    }

    /// How many media tasks it has at work: each is a child process of its own.
    #[must_use]
    pub fn media_tasks(&self) -> usize {
        match &self.running {
            Running::Up(process) => process.children(),
            Running::Programs(programs) => programs.processes().map(Process::children).sum(),
        }
    }

    /// The processor time that `hashreel up` has used so far.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        self.up().processor_time()
    }

    /// The most memory `hashreel up` has held so far, in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        self.up().peak_memory()
    }

    fn up(&self) -> &Process {
        match &self.running {
            Running::Up(process) => process,
            Running::Programs(_) => panic!("this test is about the one process of `hashreel up`"),
        }
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

/// How many objects of a server lie under `prefix`.
#[must_use]
pub fn objects(data: &Path, prefix: &str) -> usize {
    match std::fs::read_to_string(data.join(OBJECTS)) {
        Ok(url) => objects_of_store(&url, prefix),
        Err(_) => files(&data.join("objects").join(prefix)),
    }
}

fn files(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 })
        .sum()
}

/// In a thread of its own, since it is asked in and outside of a runtime.
fn objects_of_store(url: &str, prefix: &str) -> usize {
    let count = async || {
        let store = objects::open(url).await.unwrap();
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = store.list(&format!("{prefix}/"), cursor, MAX_LIST).await.unwrap();
            count += page.objects.len();
            cursor = page.cursor;
            if cursor.is_none() {
                return count;
            }
        }
    };
    std::thread::scope(|scope| {
        let counted = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(count())
        });
        counted.join().unwrap()
    })
}
