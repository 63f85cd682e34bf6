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

export async function sync({ browser, clips, patience }) {
  // The worklet is the test's own script, which the page's security policy would rightly refuse.
  const page = await browser.page({ bypassCSP: true, viewport: { width: 900, height: 700 } });
  await page.goto("/");
  const file = await upload(page, clips.flash);
  const { video } = await settled(page, file, patience);
  demand(video?.state === "ready", `the flashing clip is ${video?.state}: ${video?.reason}`);

  await page.goto("/");
  await page.evaluate((src) => {
    const plain = Object.assign(document.createElement("video"), { src, id: "reference" });
    document.body.append(plain);
  }, `/v1/files/${file}/content`);
  const source = summary(await page.evaluate(measureBeats, { selector: "#reference", beat }));

  await page.goto(`/watch/${file}`);
  await page.waitForSelector(id("video"));
  const stream = summary(await page.evaluate(measureBeats, { selector: id("video"), beat }));

  const added = stream.median - source.median;
  const facts = { addedMs: round(added), source, stream };
  demand(
    source.beats >= 5 && stream.beats >= 5,
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

/** Runs in the page: plays the video from its beginning and pairs flashes with beeps, in seconds of media time. */
async function measureBeats({ selector, beat }) {
  const video = document.querySelector(selector);
  const context = new AudioContext({ sampleRate: 48000 });
  const code = `
    registerProcessor("onsets", class extends AudioWorkletProcessor {
      quietSince = 0;
      process([[samples]]) {
        if (samples === undefined) return true;
        for (let at = 0; at < samples.length; at += 1) {
          if (Math.abs(samples[at]) < 0.05) continue;
          const frame = currentFrame + at;
          // A beep begins after half a second of silence.
          if (frame - this.quietSince > sampleRate / 2) this.port.postMessage(frame / sampleRate);
          this.quietSince = frame;
        }
        return true;
      }
    });`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  await context.audioWorklet.addModule(url);
  const ear = new AudioWorkletNode(context, "onsets");
  const silent = new GainNode(context, { gain: 0 });
  context.createMediaElementSource(video).connect(ear).connect(silent).connect(context.destination);
  const onsets = [];
  ear.port.onmessage = ({ data }) => onsets.push(data);

  const flashes = [];
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  let wasLight = false;
  const see = (_now, { mediaTime }) => {
    canvas.drawImage(video, 0, 0, 1, 1);
    const isLight = canvas.getImageData(0, 0, 1, 1).data[0] > 128;
    if (isLight && !wasLight) flashes.push(mediaTime);
    wasLight = isLight;
    video.requestVideoFrameCallback(see);
  };

  video.pause();
  video.currentTime = 0;
  await context.resume();
  await new Promise((resolve) =>
    video.readyState >= 3 && !video.seeking
      ? resolve()
      : video.addEventListener("canplay", resolve, { once: true }),
  );
  video.requestVideoFrameCallback(see);
  // Both clocks, read together many times: their difference places the beeps on the media's time line.
  const clocks = [];
  await video.play();
  const end = performance.now() + (beat.seconds + 30) * 1000;
  while (video.currentTime < beat.seconds - 1 && !video.ended && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 7));
    clocks.push({ context: context.currentTime, media: video.currentTime });
  }
  video.pause();
  await context.close();

  const mediaTime = (heard) => {
    const near = clocks
      .filter(({ context: at }) => Math.abs(at - heard) < 0.75)
      .map(({ context: at, media }) => media - at);
    near.sort((a, b) => a - b);
    return near.length < 20 ? null : heard + near[Math.floor(near.length / 2)];
  };
  const beeps = onsets.map(mediaTime).filter((time) => time !== null);
  return flashes.flatMap((flash) => {
    const beep = beeps.find((time) => Math.abs(time - flash) < beat.every / 4);
    return beep === undefined ? [] : [{ flash, beep }];
  });
}
