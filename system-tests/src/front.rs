//! One origin over the services: Debian's nginx with the configuration of localstack/.

use crate::{
    nginx,
    process::Process,
    site::{Site, free_address},
};
use std::{net::SocketAddr, path::Path};

/// Starts it over these services, in a folder of its own; its log is `folder/log`.
#[must_use]
pub fn start(folder: &Path, uploads: &[SocketAddr], metas: &[SocketAddr]) -> (Process, Site) {
    let address = free_address();
    let servers = |all: &[SocketAddr]| {
        all.iter().map(|one| format!("server {one};")).collect::<Vec<_>>().join(" ")
    };
    let lines = [
        ("listen 8080;", format!("listen {address};")),
        ("server upload-svc:8080;", servers(uploads)),
        ("server meta-svc:8080;", servers(metas)),
    ];
    (nginx::start(folder, "nginx.conf", &lines), Site::at(address))
}
