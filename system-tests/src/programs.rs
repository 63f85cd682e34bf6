//! The three programs over S3, SQS and DynamoDB, several of each, with one origin in front: as in a
//! deployment, on LocalStack.

use crate::{
    front,
    localstack::Resources,
    process::Process,
    site::{Site, free_address},
};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long a program may take to start.
const START: Duration = Duration::from_secs(60);

/// How many of each there are at the beginning.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// Of upload-svc.
    pub uploads: usize,
    /// Of meta-svc.
    pub metas: usize,
    /// Of transcode-worker, each with one task at a time.
    pub workers: usize,
}

/// A program with an address of its own.
#[derive(Debug)]
pub struct Service {
    site: Site,
    process: Process,
    log: PathBuf,
}

impl Deref for Service {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Service {
    /// Starts `command` at an address of its own and waits until it says that it is ready. What it says
    /// is added to `log`.
    #[must_use]
    pub fn start(mut command: Command, log: &Path) -> Self {
        let site = Site::at(free_address());
        let file = fs::File::options().create(true).append(true).open(log).unwrap();
        command.env("HASHREEL_LISTEN", site.address().to_string());
        command.stdout(Stdio::null()).stderr(file);
        let process = Process::start(command);
        let service = Self { site, process, log: log.to_owned() };
        service.answering("/readyz")
    }

    /// One origin over these services, with what it writes in `folder`.
    #[must_use]
    pub fn front(folder: &Path, uploads: &[SocketAddr], metas: &[SocketAddr]) -> Self {
        let (process, site) = front::start(folder, uploads, metas);
        // Its page is meta-svc's; how that is, is not for everybody.
        Self { site, process, log: folder.join("log") }.answering("/")
    }

    fn answering(mut self, path: &str) -> Self {
        let deadline = Instant::now() + START;
        while !answers(self.site.address(), path) {
            let ended = self.process.ended();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(&self.log).unwrap();
                panic!("a program did not become ready: {ended:?}; its log:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it by SIGTERM.
    pub fn stop(mut self) -> ExitStatus {
        self.process.tell_to_stop();
        self.process.wait()
    }
}

/// All of them. Dropping it ends them at once and takes their resources away.
#[derive(Debug)]
pub struct Programs {
    /// The origin in front of all.
    pub front: Service,
    /// Each upload-svc.
    pub uploads: Vec<Service>,
    /// Each meta-svc.
    pub metas: Vec<Service>,
    /// Each transcode-worker.
    pub workers: Vec<Service>,
    log: PathBuf,
    // The last field: what it drops is used by those above.
    resources: Resources,
}

impl Programs {
    /// Starts them; what they say goes to `folder`.
    #[must_use]
    pub fn start(folder: &Path, numbers: Numbers) -> Self {
        Self::start_on(Resources::make(), folder, numbers)
    }

    /// The same on resources that are there.
    #[must_use]
    pub fn start_on(resources: Resources, folder: &Path, numbers: Numbers) -> Self {
        fs::create_dir_all(folder).unwrap();
        let log = folder.join("log");
        let several = |program: &str, number: usize| -> Vec<Service> {
            (0..number).map(|_| start(&resources, program, &log)).collect()
        };
        let uploads = several("upload-svc", numbers.uploads);
        let metas = several("meta-svc", numbers.metas);
        let workers = several("transcode-worker", numbers.workers);
        let addresses = |of: &[Service]| of.iter().map(|one| one.address()).collect::<Vec<_>>();
        let front = Service::front(&folder.join("front"), &addresses(&uploads), &addresses(&metas));
        Self { front, uploads, metas, workers, log, resources }
    }

    /// What they stand on.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// One more of `program`, on the same resources.
    #[must_use]
    pub fn another(&self, program: &str) -> Service {
        start(&self.resources, program, &self.log)
    }

    /// What all of them have said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Ends all at the same time by SIGTERM, and gives how those ended that did not end well, or else
    /// the last.
    pub fn stop(&mut self) -> ExitStatus {
        let services = [&mut self.uploads, &mut self.metas, &mut self.workers];
        let mut all: Vec<&mut Service> = services.into_iter().flatten().collect();
        all.iter().for_each(|service| service.process.tell_to_stop());
        let mut ended: Vec<_> = all.iter_mut().map(|service| service.process.wait()).collect();
        self.front.process.tell_to_stop();
        ended.push(self.front.process.wait());
        let failed = ended.iter().find(|status| !status.success());
        *failed.or(ended.last()).unwrap()
    }

    /// All of their processes, without the one in front.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        [&self.uploads, &self.metas, &self.workers].into_iter().flatten().map(|one| &one.process)
    }
}

/// Starts `program` on `resources`.
fn start(resources: &Resources, program: &str, log: &Path) -> Service {
    let mut command = resources.command(program);
    if program == "transcode-worker" {
        command.args(["--workers", "1"]);
    }
    Service::start(command, log)
}

/// Whether a program answers to a GET of `path` with 200. Without a runtime, since tests start programs in and
/// outside of one.
fn answers(address: SocketAddr, path: &str) -> bool {
    let asked = TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(START))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    // Not yet, whatever else it is: who waits for it has a deadline.
    asked.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}
