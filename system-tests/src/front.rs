//! One origin over the services: Debian's nginx with the configuration of localstack/.

use crate::{
    process::Process,
    site::{Site, free_address},
};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What is around the repository's part of the configuration: one process in the foreground, as who starts
/// it, that writes into its own folder alone.
const AROUND: &str = "
daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  include front.conf;
}
";

/// Starts it over these services, in a folder of its own; its log is `folder/log`.
#[must_use]
pub fn start(folder: &Path, uploads: &[SocketAddr], metas: &[SocketAddr]) -> (Process, Site) {
    fs::create_dir_all(folder).unwrap();
    let address = free_address();
    fs::write(folder.join("nginx.conf"), AROUND).unwrap();
    fs::write(folder.join("front.conf"), configuration(address, uploads, metas)).unwrap();
    let mut command = Command::new(nginx());
    command
        .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log")).unwrap());
    (Process::start(command), Site::at(address))
}

/// The repository's configuration with the addresses of this deployment.
fn configuration(address: SocketAddr, uploads: &[SocketAddr], metas: &[SocketAddr]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../localstack/nginx.conf");
    let mut text = fs::read_to_string(file).unwrap();
    let servers = |all: &[SocketAddr]| {
        all.iter().map(|one| format!("server {one};")).collect::<Vec<_>>().join(" ")
    };
    for (line, ours) in [
        ("listen 8080;", format!("listen {address};")),
        ("server upload-svc:8080;", servers(uploads)),
        ("server meta-svc:8080;", servers(metas)),
    ] {
        assert_eq!(text.matches(line).count(), 1, "{line} stands once in localstack/nginx.conf");
        text = text.replace(line, &ours);
    }
    text
}

/// Where Debian puts it, which is not on everybody's path.
fn nginx() -> PathBuf {
    let debians = PathBuf::from("/usr/sbin/nginx");
    if debians.is_file() { debians } else { "nginx".into() }
}
