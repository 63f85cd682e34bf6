//! Debian's nginx, by the configurations that are in the repository.

use crate::process::Process;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Starts it by `localstack/{file}`, in a folder of its own; its log is `folder/log`. Each of `lines` stands
/// once in the file, and what follows it here takes its place.
#[must_use]
pub fn start(folder: &Path, file: &str, lines: &[(&str, String)]) -> Process {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("nginx.conf"), configuration("foreground.conf", &[])).unwrap();
    fs::write(folder.join("part.conf"), configuration(file, lines)).unwrap();
    let mut command = Command::new(program());
    command
        .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log")).unwrap());
    Process::start(command)
}

fn configuration(file: &str, lines: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../localstack").join(file);
    let mut text = fs::read_to_string(path).unwrap();
    for (line, ours) in lines {
        assert_eq!(text.matches(line).count(), 1, "{line} stands once in localstack/{file}");
        text = text.replace(line, ours);
    }
    text
}

/// Where Debian puts it, which is not on everybody's path.
fn program() -> PathBuf {
    let debians = PathBuf::from("/usr/sbin/nginx");
    if debians.is_file() { debians } else { "nginx".into() }
}
