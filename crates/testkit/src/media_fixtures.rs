//! Media sources for tests, made by the `ffmpeg` command, and measures of what came of them.
//!
//! Sources are small and short: what matters about them is their form (container, codec, times), not
//! their size. A missing `ffmpeg` fails the test and says what to install; nothing is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs `program` (ffmpeg or ffprobe) and gives what it wrote to standard output and standard error.
///
/// # Panics
/// Where it is not installed or fails: a test cannot go on without its source.
#[expect(clippy::panic, reason = "a test that cannot make its source fails, and says why")]
pub fn run(program: &str, arguments: &[&str]) -> (Vec<u8>, String) {
    let output = match Command::new(program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => panic!("cannot run {program}: {error}; install Debian's package ffmpeg"),
    };
    let talk = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {talk}");
    (output.stdout, talk)
}

/// Makes `folder/name` with ffmpeg's `arguments`, which are split at spaces.
///
/// # Panics
/// As [`run`].
pub fn make(folder: &Path, name: &str, arguments: &str) -> PathBuf {
    let path = folder.join(name);
    let target = path.to_string_lossy();
    let mut all = vec!["-hide_banner", "-nostdin", "-loglevel", "error", "-y"];
    all.extend(arguments.split_whitespace());
    all.push(&target);
    run("ffmpeg", &all);
    path
}

/// Presentation times of all frames of `path`'s first track of `kind` (`v` or `a`), in seconds, in the
/// order in which they are shown; and, for audio, the number of samples in all of them.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn times(path: &Path, kind: &str) -> (Vec<f64>, u64) {
    let (out, _) = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            &format!("{kind}:0"),
            "-show_entries",
            "frame=best_effort_timestamp_time,nb_samples",
            "-of",
            "csv=p=0",
            &path.to_string_lossy(),
        ],
    );
    let (mut times, mut samples) = (Vec::new(), 0);
    for line in String::from_utf8_lossy(&out).lines() {
        let mut fields = line.split(',').filter(|field| !field.is_empty());
        times.extend(fields.next().and_then(|time| time.parse::<f64>().ok()));
        samples += fields.next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
    }
    (times, samples)
}

/// What ffmpeg says while it decodes all of `path`: nothing, where all is well.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn complaints(path: &Path) -> String {
    let path = path.to_string_lossy();
    // In the file's own time base: in one of a guessed frame rate ffmpeg complains about its own output.
    let options = ["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"];
    run("ffmpeg", &[&["-v", "warning", "-nostdin", "-i", &path][..], &options].concat()).1
}

/// Peak signal-to-noise ratio of `made` against `source` in dB: all planes, all frames, the source
/// turned as it says and scaled to `width` x `height`.
///
/// # Panics
/// As [`run`], and where ffmpeg gives no figure.
#[must_use]
pub fn psnr(made: &Path, source: &Path, width: u32, height: u32) -> f64 {
    let graph = format!(
        "[1:v]scale={width}:{height}:flags=bicubic:out_range=tv,setsar=1,format=yuv420p,settb=1/1000,setpts=N[s];\
         [0:v]setsar=1,settb=1/1000,setpts=N[m];[m][s]psnr"
    );
    let (made, source) = (made.to_string_lossy(), source.to_string_lossy());
    let arguments = ["-nostdin", "-i", &made, "-i", &source, "-lavfi", &graph, "-f", "null", "-"];
    let talk = run("ffmpeg", &arguments).1;
    let figure = talk.rsplit_once("average:").and_then(|(_, rest)| rest.split(' ').next());
    let figure =
        figure.and_then(|figure| if figure == "inf" { Some(99.0) } else { figure.parse().ok() });
    #[expect(clippy::expect_used, reason = "ffmpeg's psnr filter always ends with its average")]
    figure.expect("ffmpeg's psnr filter says its average")
}

/// Mean luma of all frames of `path`, from 0 to 255.
///
/// # Panics
/// As [`run`], and where there is no frame.
#[must_use]
pub fn luma(path: &Path) -> f64 {
    let path = path.to_string_lossy();
    let (bytes, _) = run(
        "ffmpeg",
        &["-v", "error", "-nostdin", "-i", &path, "-vf", "extractplanes=y", "-f", "rawvideo", "-"],
    );
    assert!(!bytes.is_empty(), "{path} has no frame");
    let sum: u64 = bytes.iter().map(|&byte| u64::from(byte)).sum();
    sum as f64 / bytes.len() as f64
}

/// The sound of `path` as samples of 48 kHz, left channel, between -1 and 1.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn samples(path: &Path) -> Vec<f32> {
    let path = path.to_string_lossy();
    let arguments = [
        "-v", "error", "-nostdin", "-i", &path, "-map", "0:a:0", "-f", "f32le", "-ac", "2", "-ar",
        "48000", "-",
    ];
    let bytes = run("ffmpeg", &arguments).0;
    let sample = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    bytes.chunks_exact(8).map(sample).collect()
}
