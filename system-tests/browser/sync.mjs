// Picture against sound. The source flashes and beeps at the same instants. The flash is seen in the frames that
// requestVideoFrameCallback hands over, by reading a pixel; the beep is heard by an AudioWorklet on the media
// element's sound. Both are put on the media's own time line. The way there has a delay of its own, the same
// for every source, so the uploaded file itself is measured first, as the browser plays it without any stream:
// the difference is what converting and streaming added.

import { demand, id } from "./browser.mjs";
import { beat } from "./clips.mjs";
import { settled, upload } from "./uploads.mjs";

/** Milliseconds. */
const allowed = 20;
/** Beats that must count, and times that the video is played for them at most. */
const wanted = { beat, enough: 6, passes: 4 };

export async function sync({ browser, clips, known, patience }) {
  // The worklet is the test's own script, which the page's security policy would rightly refuse.
  const page = await browser.page({ bypassCSP: true, viewport: { width: 900, height: 700 } });
  await page.goto("/");
  const file = await upload(page, clips.flash);
  known.flash = file;
  const { video } = await settled(page, file, patience);
  demand(video?.state === "ready", `the flashing clip is ${video?.state}: ${video?.reason}`);

  await page.goto("/");
  await page.evaluate((src) => {
    const plain = Object.assign(document.createElement("video"), { src, id: "reference" });
    document.body.append(plain);
  }, `/v1/files/${file}/content`);
  const source = summary(await page.evaluate(measureBeats, { selector: "#reference", ...wanted }));

  await page.goto(`/watch/${file}`);
  await page.waitForSelector(id("video"));
  const stream = summary(await page.evaluate(measureBeats, { selector: id("video"), ...wanted }));

  const added = stream.median - source.median;
  const facts = { addedMs: round(added), source, stream };
  demand(
    Math.min(source.beats, stream.beats) >= wanted.enough,
    `too few flashes were seen with their beeps: ${JSON.stringify(facts)}`,
  );
  demand(
    Math.abs(added) <= allowed,
    `the stream moved the sound by ${round(added)} ms against the picture: ${JSON.stringify(facts)}`,
  );
  return facts;
}

/** Milliseconds that the beep comes after its flash, over all beats. */
function summary(pairs) {
  const offsets = pairs.map(({ flash, beep }) => (beep - flash) * 1000).sort((a, b) => a - b);
  const at = (share) => offsets[Math.min(offsets.length - 1, Math.floor(offsets.length * share))];
  return {
    beats: offsets.length,
    median: round(at(0.5)),
    least: round(at(0)),
    most: round(at(1)),
    flashes: pairs.map(({ flash }) => round(flash)),
  };
}

const round = (n) => (n === undefined ? null : Math.round(n * 1000) / 1000);

/**
 * Runs in the page: plays the video from its beginning and pairs flashes with beeps, in seconds of media time.
 * A machine with other work drops frames: a flash counts only when the frame before it was seen too, and the
 * video is played again, a few times, until enough of them count.
 */
async function measureBeats({ selector, beat, enough, passes }) {
  const video = document.querySelector(selector);
  const { ear, context } = await listen();
  const { seconds, every, fps } = beat;
  const found = [];
  for (let pass = 0; pass < passes && found.length < enough; pass += 1) found.push(...(await onePass()));
  await context.close();
  return found;

  async function onePass() {
    const onsets = [];
    ear.port.onmessage = ({ data }) => onsets.push(data);
    const flashes = [];
    let isOver = false;
    watchFlashes(flashes, () => isOver);
    // Both clocks, read together many times: their difference places the beeps on the media's time line.
    const clocks = [];
    await begin();
    const end = performance.now() + (seconds + 30) * 1000;
    while (video.currentTime < seconds - 1 && !video.ended && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 7));
      clocks.push({ context: context.currentTime, media: video.currentTime });
    }
    video.pause();
    isOver = true;
    const beeps = onsets.map((heard) => mediaTime(clocks, heard)).filter((time) => time !== null);
    return flashes.flatMap((flash) => {
      const beep = beeps.find((time) => Math.abs(time - flash) < every / 4);
      return beep === undefined ? [] : [{ flash, beep }];
    });
  }

  async function begin() {
    video.pause();
    video.currentTime = 0;
    await context.resume();
    while (video.seeking || video.readyState < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    await video.play();
  }

  function watchFlashes(flashes, isOver) {
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    let last = null;
    const see = () => {
      if (isOver()) return;
      video.requestVideoFrameCallback(see);
      // The frame with its own time stamp: the callback's may be one frame older than what is drawn.
      const frame = new VideoFrame(video);
      pen.drawImage(frame, 0, 0, 1, 1);
      const now = { time: frame.timestamp / 1e6, isLight: pen.getImageData(0, 0, 1, 1).data[0] > 128 };
      frame.close();
      const follows = last !== null && now.time - last.time < 1.5 / fps;
      if (now.isLight && follows && !last.isLight) flashes.push(now.time);
      last = now;
    };
    video.requestVideoFrameCallback(see);
  }

  function mediaTime(clocks, heard) {
    const near = clocks.filter(({ context: at }) => Math.abs(at - heard) < 0.75);
    const offsets = near.map(({ context: at, media }) => media - at).sort((a, b) => a - b);
    return offsets.length < 20 ? null : heard + offsets[Math.floor(offsets.length / 2)];
  }

  async function listen() {
    const context = new AudioContext({ sampleRate: 48000 });
    const code = `
      registerProcessor("onsets", class extends AudioWorkletProcessor {
        loudAt = 0;
        process([[samples]]) {
          if (samples === undefined) return true;
          for (let at = 0; at < samples.length; at += 1) {
            if (Math.abs(samples[at]) < 0.05) continue;
            const frame = currentFrame + at;
            // A beep begins after half a second of silence.
            if (frame - this.loudAt > sampleRate / 2) this.port.postMessage(frame / sampleRate);
            this.loudAt = frame;
          }
          return true;
        }
      });`;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const ear = new AudioWorkletNode(context, "onsets");
    const silent = new GainNode(context, { gain: 0 });
    context.createMediaElementSource(video).connect(ear).connect(silent).connect(context.destination);
    return { ear, context };
  }
}
