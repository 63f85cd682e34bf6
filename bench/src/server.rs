//! The servers that are measured: started on a free port of the loopback, watched, and stopped.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is measured: a name, and how to start it.
#[derive(Clone, Copy)]
pub enum Kind<'a> {
    /// The product, from this binary.
    Hashreel(&'a Path),
    /// Node's reference server with its file store.
    TusServer,
    /// The Rust peer with file storage.
    Rustus,
    /// nginx, serving the data folder as it is.
    Nginx,
    /// One of the services as a program of its own, with the environment's settings and these above them.
    Service { name: &'static str, program: &'a Path, settings: &'a [(&'static str, String)] },
}

impl Kind<'_> {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hashreel(_) => "hashreel",
            Self::TusServer => "@tus/server",
            Self::Rustus => "rustus",
            Self::Nginx => "nginx",
            Self::Service { name, .. } => name,
        }
    }

    /// The command that serves `data` on `port` of 127.0.0.1.
    fn command(self, data: &Path, port: u16) -> Result<Command> {
        Ok(match self {
            Self::Hashreel(binary) => {
                let mut command = Command::new(binary);
                command.args(["up", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(data);
                command
            }
            Self::TusServer => {
                let mut command = Command::new("node");
                command.args(["bench/peers/tus-server/server.mjs", &port.to_string()]).arg(data);
                command
            }
            Self::Rustus => {
                let mut command = Command::new("target/tools/bin/rustus");
                command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
                command.args(["--url", "/uploads", "--log-level", "ERROR"]);
                command.args(["--max-body-size", "2147483648"]);
                command.arg("--data-dir").arg(data).arg("--info-dir").arg(data);
                command
            }
            Self::Nginx => {
                let config = data.join("nginx.conf");
                fs::write(&config, nginx_config(data, port))?;
                let mut command = Command::new("target/tools/nginx/usr/sbin/nginx");
                command.args(["-e", "stderr", "-c"]).arg(config).arg("-p").arg(data);
                command
            }
            Self::Service { program, settings, .. } => {
                let mut command = Command::new(program);
                command.args(["--listen", &format!("127.0.0.1:{port}")]);
                command.envs(settings.iter().map(|(name, value)| (name, value)));
                command
            }
        })
    }
}

/// Files from the page cache by sendfile, one worker a core, in the foreground.
fn nginx_config(data: &Path, port: u16) -> String {
    let data = data.display();
    format!(
        "daemon off; worker_processes auto; pid {data}/nginx.pid; user root;
         events {{ worker_connections 512; }}
         http {{
           access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
           client_body_temp_path {data}/t1; proxy_temp_path {data}/t2; fastcgi_temp_path {data}/t3;
           uwsgi_temp_path {data}/t4; scgi_temp_path {data}/t5;
           server {{ listen 127.0.0.1:{port}; root {data}; }}
         }}"
    )
}

/// A running server; it is stopped when this is dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it accepts a connection. Its log goes to `data`'s neighbour.
    pub fn start(kind: Kind<'_>, data: &Path) -> Result<Self> {
        let address = free_address()?;
        let log = fs::File::create(data.with_extension("log"))?;
        let child = kind
            .command(data, address.port())?
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", kind.name()))?;
        let mut server = Self { child, address };
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                let said = fs::read_to_string(data.with_extension("log"))?;
                return Err(format!("{} ended ({status}): {said}", kind.name()).into());
            }
            if Instant::now() > deadline {
                return Err(format!("{} does not listen on {address}", kind.name()).into());
            }
            sleep(LOOK_EVERY);
        }
        Ok(server)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The most memory that it has had, in MiB (`VmHWM`).
    pub fn peak_rss_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<f64>().ok())
            .ok_or("/proc/PID/status has no VmHWM")?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself, which is as good.
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(LOOK_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
