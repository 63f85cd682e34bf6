//! The client of every measurement: curl, so that no code of ours is on the other side.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::work::run;

const POLL_LIMIT: Duration = Duration::from_secs(10);

/// What came back: the status, the header fields (names in lower case), and how long it took.
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub took: Duration,
}

impl Answer {
    /// The header field `name`, which is given in lower case.
    pub fn header(&self, name: &str) -> Result<&str> {
        let value = self.headers.get(name).map(String::as_str);
        value.ok_or_else(|| format!("the server answered {} without {name}", self.status).into())
    }

    fn expect(self, status: u16) -> Result<Self> {
        if self.status == status {
            Ok(self)
        } else {
            Err(format!("the server answered {} where {status} is due", self.status).into())
        }
    }
}

/// Creates a tus upload of `len` bytes and returns its address.
pub fn create(endpoint: &str, len: u64) -> Result<String> {
    let length = format!("Upload-Length: {len}");
    let created = request(&["-X", "POST", "-H", &length, endpoint], None)?.expect(201)?;
    Ok(resolve(endpoint, created.header("location")?))
}

/// Sends all of `file` in one PATCH.
pub fn append(upload: &str, file: &Path, len: u64) -> Result<Answer> {
    let options = [
        "-X",
        "PATCH",
        "-H",
        "Upload-Offset: 0",
        "-H",
        "Content-Type: application/offset+octet-stream",
        "-H",
        "Expect:",
        upload,
    ];
    let appended = request(&options, Some(file))?.expect(204)?;
    let offset = appended.header("upload-offset")?;
    if offset == len.to_string() {
        Ok(appended)
    } else {
        Err(format!("the server took {offset} of {len} bytes").into())
    }
}

/// The body of a GET, for text.
pub fn get(url: &str) -> Result<String> {
    run(Command::new("curl").args(["-sS", "--fail", url]))
}

/// The body of a GET, for asking often: no process of curl's takes time from what is measured.
pub fn poll(url: &str) -> Result<String> {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.find('/').map(|slash| rest.split_at(slash)))
        .ok_or_else(|| format!("{url} is not an http address with a path"))?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(POLL_LIMIT))?;
    // HTTP/1.0: the body comes in one piece and ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => Err(format!("GET {path}: {answer}").into()),
    }
}

/// The bodies of several GETs, one after the other, in `file`.
pub fn download(urls: &[String], file: &Path) -> Result<()> {
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail"]).args(urls).stdout(File::create(file)?);
    run(&mut command).map(drop)
}

fn request(options: &[&str], body: Option<&Path>) -> Result<Answer> {
    let mut command = Command::new("curl");
    command.args(["-sS", "-o", "/dev/null", "-D", "-", "-w", "%{time_total}"]);
    command.args(["-H", "Tus-Resumable: 1.0.0"]);
    if let Some(file) = body {
        command.arg("-T").arg(file);
    }
    parse(&run(command.args(options))?)
}

/// Reads curl's output: header blocks (an interim response may come first), then the seconds.
fn parse(output: &str) -> Result<Answer> {
    let (head, seconds) = output.rsplit_once('\n').unwrap_or(("", output));
    let mut answer = Answer {
        status: 0,
        headers: HashMap::new(),
        took: Duration::from_secs_f64(seconds.trim().parse()?),
    };
    for line in head.lines() {
        if line.starts_with("HTTP/") {
            let status = line.split_whitespace().nth(1).ok_or("a status line without a status")?;
            answer.status = status.parse()?;
            answer.headers.clear();
        } else if let Some((name, value)) = line.split_once(':') {
            answer.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(answer)
}

/// What `reference` means on the page `base` (RFC 3986, as far as servers use it here).
pub fn resolve(base: &str, reference: &str) -> String {
    let path = base.find("://").map_or(0, |scheme| scheme + 3);
    let origin_end = base[path..].find('/').map_or(base.len(), |slash| path + slash);
    if reference.contains("://") {
        reference.to_owned()
    } else if reference.starts_with('/') {
        format!("{}{reference}", &base[..origin_end])
    } else {
        let folder_end = base[origin_end..].rfind('/').map_or(base.len(), |i| origin_end + i + 1);
        format!("{}{reference}", &base[..folder_end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_resolved_as_a_browser_would() {
        let base = "http://127.0.0.1:80/play/file/master.m3u8";
        let cases = [
            ("720p/index.m3u8", "http://127.0.0.1:80/play/file/720p/index.m3u8"),
            ("/play/r/1/init.mp4", "http://127.0.0.1:80/play/r/1/init.mp4"),
            ("http://cdn.example/1.m4s", "http://cdn.example/1.m4s"),
        ];
        for (reference, expected) in cases {
            assert_eq!(resolve(base, reference), expected);
        }
    }

    #[test]
    fn an_interim_response_is_not_the_answer() {
        let answer = parse(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nUpload-Offset: 7\r\n\r\n0.25",
        )
        .unwrap();
        assert_eq!((answer.status, answer.header("upload-offset").unwrap()), (204, "7"));
        assert_eq!(answer.took, Duration::from_millis(250));
    }
}
