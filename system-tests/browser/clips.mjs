// The files that the steps need, made with ffmpeg: a clip that moves, one that flashes and beeps at the same
// instants, one that is cut off before its index, and one that is no video.

import { execFile } from "node:child_process";
import { open, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A flash of three frames and a beep of a tenth of a second, at 1 s, 3 s, 5 s ... */
export const beat = { first: 1, every: 2, seconds: 24, fps: 30 };

/** The files' paths. Without a `video` of the caller's, one is made. */
export async function clips(directory, video) {
  const made = {
    folder: directory,
    video: video ?? (await clip(join(directory, "moving.mp4"))),
    // Other sound makes it another video, which nothing was made of yet.
    growing: await clip(join(directory, "growing.mp4"), 440),
    flash: await flash(join(directory, "flash-and-beep.mp4")),
    plain: join(directory, "notes.txt"),
    broken: join(directory, "cut-off.mp4"),
  };
  await writeFile(made.plain, "Not a video.\n");
  await cutOff(made.broken, directory);
  return made;
}

/** Clips for the pictures: slow lights, the last one long enough to be watched. */
export async function gallery(directory) {
  const lights = [
    ["Dunes, slow pan.mp4", "0x2b2118:c1=0xc98b4b:c2=0xf0d9a8:c3=0x8a4b2a", "640x360", 5, 11],
    ["Evening tide.mov", "0x10243e:c1=0x2f6f8f:c2=0xf2b880:c3=0x7a3b4e", "640x360", 7, 7],
    ["Under the ice.mp4", "0x06141f:c1=0x1c6e8c:c2=0xbfe3e8:c3=0x0f3a4a", "640x360", 9, 3],
    ["Aurora over the fjord.mp4", "0x0b2f3a:c1=0x0e7a6d:c2=0xe9a23b:c3=0x2b2d42", "1280x720", 24, 5],
  ];
  const paths = [];
  for (const [name, colours, size, seconds, seed] of lights) {
    const path = join(directory, name);
    const source = `gradients=s=${size}:r=30:d=${seconds}:nb_colors=4:c0=${colours}:speed=0.012:seed=${seed}`;
    await ffmpeg(
      ["-f", "lavfi", "-i", `${source},format=yuv420p`],
      ["-f", "lavfi", "-i", `sine=frequency=220:sample_rate=48000:duration=${seconds}`],
      ["-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-g", "60", "-c:a", "aac", path],
    );
    paths.push(path);
  }
  return paths;
}

/** A path's last part, which is the name that the app shows. */
export const nameOf = (path) => basename(path);

async function clip(path, tone = 330) {
  await ffmpeg(
    ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=40"],
    ["-f", "lavfi", "-i", `sine=frequency=${tone}:sample_rate=48000:duration=40`],
    [
      "-c:v",
      "libx264",
      "-preset",
      "veryfast",
      "-crf",
      "14",
      "-pix_fmt",
      "yuv420p",
      "-g",
      "60",
      "-c:a",
      "aac",
    ],
    ["-movflags", "+faststart", path],
  );
  return path;
}

async function flash(path) {
  const { first, every, seconds, fps } = beat;
  const on = `gte(mod(n,${every * fps}),${first * fps})*lt(mod(n,${every * fps}),${first * fps + 3})`;
  const beep = `if(between(mod(t,${every}),${first},${first}+0.1),0.7*sin(2*PI*1000*t),0)`;
  await ffmpeg(
    [
      "-f",
      "lavfi",
      "-i",
      `color=black:size=640x360:rate=${fps}:duration=${seconds},drawbox=color=white:t=fill:enable='${on}'`,
    ],
    ["-f", "lavfi", "-i", `aevalsrc='${beep}':s=48000:d=${seconds}`],
    [
      "-c:v",
      "libx264",
      "-preset",
      "veryfast",
      "-crf",
      "18",
      "-pix_fmt",
      "yuv420p",
      "-g",
      "60",
      "-c:a",
      "aac",
      "-b:a",
      "192k",
    ],
    ["-movflags", "+faststart", path],
  );
  return path;
}

/** A recording whose index would have come last. */
async function cutOff(path, directory) {
  const whole = join(directory, "whole.mp4");
  await ffmpeg(
    ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=4"],
    ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", whole],
  );
  const { size } = await stat(whole);
  const file = await open(whole);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(Math.floor(size / 2)), position: 0 });
  await file.close();
  await writeFile(path, buffer.subarray(0, bytesRead));
}

async function ffmpeg(...parts) {
  try {
    await run("ffmpeg", ["-nostdin", "-hide_banner", "-loglevel", "error", "-y", ...parts.flat()]);
  } catch (error) {
    if (error.code === "ENOENT") throw new Error("ffmpeg is missing: apt-get install ffmpeg");
    throw new Error(`ffmpeg could not make a clip: ${error.stderr ?? error.message}`);
  }
}
