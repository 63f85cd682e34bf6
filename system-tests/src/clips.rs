//! Videos made by ffmpeg, once, under `target/clips`.

use std::path::PathBuf;
use testkit::media_fixtures::make;

/// Three that are made in moments: 3 s of 160x90 with sound, and a keyframe every second.
#[must_use]
pub fn tiny() -> [PathBuf; 3] {
    [21, 22, 23].map(|seed| {
        let arguments = format!(
            "-f lavfi -i testsrc2=s=160x90:r=10,noise=c0s=6:c0f=t:all_seed={seed} \
             -f lavfi -i aevalsrc=0.2*sin(2*PI*(220+{seed}*t)*t):s=48000 -t 3 \
             -c:v libx264 -preset ultrafast -crf 28 -g 10 -pix_fmt yuv420p -c:a aac"
        );
        written(&format!("tiny-{seed}.mp4"), &arguments)
    })
}

/// A short one: 4 s of 320x180, two rungs' worth of work, with sound.
#[must_use]
pub fn small() -> PathBuf {
    made("small.mp4", 4, "320x180", 25, 11)
}

/// One of several segments and a single rung: 24 s of 320x180, with sound.
#[must_use]
pub fn one_rung() -> PathBuf {
    made("one-rung.mp4", 24, "320x180", 25, 12)
}

/// Three of several segments each: 32 s of 640x360 at 30 frames a second, with sound.
#[must_use]
pub fn medium() -> [PathBuf; 3] {
    [11, 12, 13].map(|seed| made(&format!("medium-{seed}.mp4"), 32, "640x360", 30, seed))
}

/// A minute of 1080p at 30 frames a second, with sound: five renditions of six segments.
#[must_use]
pub fn full() -> PathBuf {
    made("full.mp4", 60, "1920x1080", 30, 11)
}

/// A source of each kind, 12 s each, so of two segments.
#[must_use]
pub fn kinds() -> Vec<PathBuf> {
    const VIDEO: &str = "-f lavfi -i testsrc2=s=426x240:r=30:d=12";
    const SOUND: &str = "-f lavfi -i aevalsrc=0.2*sin(880*t):s=44100:d=12";
    let x264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    let made = [
        ("plain.mov", format!("{VIDEO} {SOUND} {x264} -c:a aac")),
        (
            "ntsc.mkv",
            format!("-f lavfi -i testsrc2=s=426x240:r=30000/1001:d=12 {SOUND} {x264} -c:a aac"),
        ),
        ("variable.mp4", format!("{VIDEO} -vf select='gt(mod(n,7),2)' -fps_mode vfr {x264}")),
        ("hevc.mp4", format!("{VIDEO} -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=error")),
        ("vp9.webm", format!("{VIDEO} {SOUND} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus")),
        ("odd.mp4", format!("{VIDEO} -vf crop=301:201 -c:v libx264 -preset ultrafast -pix_fmt yuv444p")),
        ("sound.m4a", format!("{SOUND} -c:a aac")),
    ]
    .map(|(name, arguments)| written(name, &arguments));
    // These are made of some of the others.
    made.into_iter().chain(turned()).collect()
}

/// Pictures that lie on their side, with a display matrix that says so: as phones write them, and with
/// sides of odd length.
fn turned() -> [PathBuf; 2] {
    [("plain.mov", 90, "turned.mp4"), ("odd.mp4", 270, "odd-turned.mov")].map(|(flat, by, name)| {
        // Written by a copy alone: an encoder would turn the picture itself.
        let flat = folder().join(flat);
        written(name, &format!("-i {} -c copy -metadata:s:v:0 rotate={by}", flat.display()))
    })
}

/// The folder of all clips.
#[must_use]
pub fn folder() -> PathBuf {
    // target/<profile>/deps/<test>
    let exe = std::env::current_exe().unwrap();
    let folder = exe.ancestors().nth(3).unwrap().join("clips");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn made(name: &str, seconds: u32, size: &str, rate: u32, seed: u32) -> PathBuf {
    let arguments = format!(
        "-f lavfi -i testsrc2=s={size}:r={rate},noise=c0s=6:c0f=t:all_seed={seed} \
         -f lavfi -i aevalsrc=0.2*sin(2*PI*(220+4*t)*t):s=48000 -t {seconds} \
         -c:v libx264 -preset ultrafast -crf 20 -g 60 -pix_fmt yuv420p -c:a aac"
    );
    written(name, &arguments)
}

/// The clip `name`, made with ffmpeg's `arguments` (split at spaces) unless it is there.
fn written(name: &str, arguments: &str) -> PathBuf {
    let path = folder().join(name);
    if path.is_file() {
        return path;
    }
    // Tests run at the same time, in one process and in several: each makes its own and one name wins.
    let nonce = getrandom::u64().unwrap();
    let aside = make(&folder(), &format!("{nonce:016x}.{name}"), arguments);
    std::fs::rename(&aside, &path).unwrap();
    path
}
