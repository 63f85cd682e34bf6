//! The source of the video benchmarks, and how good a rendition of it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::work::{input, run};

/// Length of the clip.
pub const SECONDS: u32 = 60;
pub const FRAMES_A_SECOND: u32 = 30;

/// Moving patterns, a fractal, a cellular automaton and grain: something for every part of an encoder.
const PICTURE: &str = "testsrc2=s=1920x1080:r=30:d=60[pattern];\
    mandelbrot=s=640x360:r=30:end_pts=200,scale=960:540[fractal];\
    life=s=320x180:r=30:mold=10:ratio=0.12:seed=7:death_color=#C83232:life_color=#00ff00,\
    scale=640:360:flags=neighbor[life];\
    [pattern][fractal]overlay=x=480+300*sin(t):y=270+200*cos(t*0.7):shortest=1[both];\
    [both][life]overlay=x=1200:y=60+40*t/6:shortest=1,noise=c0s=3:c0f=t:all_seed=11,\
    format=yuv420p[v]";
const SOUND: &str = "aevalsrc=0.2*sin(2*PI*(220+4*t)*t)+0.03*random(0)|0.2*sin(2*PI*330*t)\
    +0.03*random(1):s=48000:d=60[a]";

/// The clip: 60 s of 1080p30 H.264 with stereo AAC, a keyframe every 2 s, about
/// 23 Mb/s as a camera makes it. Made once.
pub fn clip() -> Result<PathBuf> {
    input("clip-1080p30-60s.mp4", |path| {
        println!("making the clip: {}", path.display());
        let mut command = ffmpeg();
        command.arg("-filter_complex").arg(format!("{PICTURE};{SOUND}"));
        command.args(["-map", "[v]", "-map", "[a]", "-t", &SECONDS.to_string()]);
        command.args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "20"]);
        command.args(["-g", "60", "-keyint_min", "60", "-sc_threshold", "0"]);
        command.args(["-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart"]);
        run(command.arg(path)).map(drop)
    })
}

pub fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]);
    command
}

/// What a rendition is: all the bytes of its video packets, how many frames, and PSNR in dB.
#[derive(Clone, Copy)]
pub struct Quality {
    pub bytes: u64,
    pub frames: u64,
    pub psnr: f64,
}

/// Measures `rendition` against the clip scaled to the same size by ffmpeg's bicubic scaler.
pub fn quality(rendition: &Path, source: &Path, (width, height): (u32, u32)) -> Result<Quality> {
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"]);
    probe.args(["-show_entries", "packet=size"]).arg(rendition);
    let (mut bytes, mut frames) = (0, 0);
    for line in run(&mut probe)?.lines() {
        bytes += line.trim_end_matches(',').parse::<u64>()?;
        frames += 1;
    }
    Ok(Quality { bytes, frames, psnr: psnr(rendition, source, (width, height))? })
}

/// Frame by frame, whatever the two containers' clocks say: both are given the clock that counts frames.
/// (`setpts=N/30/TB` would not do: it cuts off what a container's time base cannot hold, and then frames
/// are compared with their neighbours.)
fn psnr(rendition: &Path, source: &Path, (width, height): (u32, u32)) -> Result<f64> {
    let clock = format!("settb=1/{FRAMES_A_SECOND},setpts=N");
    let filter = format!(
        "[0:v]{clock}[made];[1:v]scale={width}:{height}:flags=bicubic,{clock}[wanted];\
         [made][wanted]psnr=stats_file=-"
    );
    let mut command = ffmpeg();
    command.arg("-i").arg(rendition).arg("-i").arg(source);
    command.args(["-lavfi", &filter, "-f", "null", "/dev/null"]);
    let (mut error, mut frames) = (0.0, 0_u32);
    for line in run(&mut command)?.lines() {
        let mse = line.split_whitespace().find_map(|word| word.strip_prefix("mse_avg:"));
        error += mse.ok_or("ffmpeg's psnr filter printed no mse_avg")?.parse::<f64>()?;
        frames += 1;
    }
    if frames == 0 {
        return Err("ffmpeg compared no frame".into());
    }
    Ok(10.0 * (255.0 * 255.0 / (error / f64::from(frames))).log10())
}
