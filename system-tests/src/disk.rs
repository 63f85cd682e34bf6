//! A disk of a few MiB that can be filled and emptied, for one server.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How a process gets mounts of its own: as root, and as anybody where the kernel lets users have name
/// spaces; and as root in a chroot, whose root is no mount that could be made private.
const WAYS: [&[&str]; 3] =
    [&["--mount"], &["--mount", "--map-root-user"], &["--mount", "--propagation", "unchanged"]];

/// A place for a disk. The disk itself is mounted for one process alone, and gone with it.
#[derive(Debug)]
pub struct SmallDisk {
    at: PathBuf,
    bytes: u64,
    way: &'static [&'static str],
}

impl SmallDisk {
    /// A disk of `bytes` at the folder `at`.
    ///
    /// # Panics
    /// Where this user may not mount anything at all.
    #[must_use]
    pub fn new(at: &Path, bytes: u64) -> Self {
        std::fs::create_dir(at).unwrap();
        let mounts = |way: &&&[&str]| {
            let mut command = Command::new("unshare");
            command.args(**way).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(at);
            command.output().is_ok_and(|output| output.status.success())
        };
        let way = WAYS.iter().find(mounts).expect(
            "a full disk is tried on a tmpfs in a mount name space: run the tests as root with \
             CAP_SYS_ADMIN, or let users have name spaces (sysctl kernel.unprivileged_userns_clone=1)",
        );
        Self { at: at.to_owned(), bytes, way }
    }

    /// The same command, with the disk mounted for it. The process becomes the command's.
    #[must_use]
    pub fn mounted_for(&self, command: &Command) -> Command {
        let mount = format!(r#"mount -t tmpfs -o size={} tmpfs "$0" && exec "$@""#, self.bytes);
        let mut wrapped = Command::new("unshare");
        wrapped.stdin(Stdio::null()).args(self.way).args(["sh", "-c", &mount]).arg(&self.at);
        wrapped.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        wrapped
    }

    /// The disk's path as the process `pid` sees it, for everybody else.
    #[must_use]
    pub fn seen_by(&self, pid: u32) -> PathBuf {
        Path::new("/proc")
            .join(pid.to_string())
            .join("root")
            .join(self.at.strip_prefix("/").unwrap())
    }
}
