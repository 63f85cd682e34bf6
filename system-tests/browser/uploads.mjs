// Uploading through the page.

import { statSync } from "node:fs";

import { demand, id, limitUpload, until } from "./browser.mjs";
import { nameOf } from "./clips.mjs";

const row = (name) => `${id("upload-row")}[data-name="${name}"]`;
const card = (file) => `${id("card")}[data-file="${file}"]`;

/** Pauses an upload in the middle, loads the page anew, gives it the same file, and sees it go on. */
export async function resumes({ browser, clips, known }) {
  const { size } = statSync(clips.video);
  const name = nameOf(clips.video);
  const page = await browser.page();
  const requests = watch(page);
  await page.goto("/");
  await page.waitForSelector(id("drop-zone"));
  // About eight seconds for the whole, so that there is a middle to pause in.
  await limitUpload(page, size / 8);
  await page.setInputFiles(id("file-input"), clips.video);
  await until("a third of the upload", 60_000, async () => {
    const value = await page
      .locator(`${row(name)} progress`)
      .evaluate((bar) => bar.value)
      .catch(() => 0);
    return value > 0.33 ? value : null;
  });
  await page.click(`${row(name)} ${id("upload-pause")}`);
  await page.waitForSelector(`${row(name)}[data-phase="paused"]`);
  const before = requests.splice(0);
  demand(
    before.filter(({ method }) => method === "POST").length === 1,
    "the upload was not created exactly once",
  );

  await page.reload();
  const left = page.locator(`${row(name)}[data-phase="unfinished"]`);
  await left.waitFor();
  const words = await until("the server's word on how far it is", 10_000, async () => {
    const text = await left.locator(id("upload-status")).textContent();
    return text?.includes("Stopped at") ? text : null;
  });
  await limitUpload(page, 0);
  await page.setInputFiles(id("file-input"), clips.video);
  known.file = await finished(page, name);

  const patches = requests.filter(({ method }) => method === "PATCH");
  const offset = Number(patches[0]?.offset);
  demand(
    requests.every(({ method }) => method !== "POST"),
    "after the reload the upload was created a second time",
  );
  demand(offset > 0 && offset < size, `after the reload it went on at byte ${offset} of ${size}`);
  return { bytes: size, wentOnAt: offset, saidBefore: words };
}

/** The requests to /uploads, as they are made. */
function watch(page) {
  const seen = [];
  page.on("request", (request) => {
    if (!new URL(request.url()).pathname.startsWith("/uploads")) return;
    seen.push({ method: request.method(), offset: request.headers()["upload-offset"] });
  });
  return seen;
}

/** Sends a file through the page and returns its id. */
export async function upload(page, path) {
  await page.setInputFiles(id("file-input"), path);
  return finished(page, nameOf(path));
}

/** Waits for a row to be done and returns the id of the file that it links to. */
async function finished(page, name) {
  const done = page.locator(`${row(name)}[data-phase="done"]`);
  const failed = page.locator(`${row(name)}[data-phase="failed"]`);
  await until(`the upload of ${name}`, 300_000, async () => {
    if ((await failed.count()) > 0)
      throw new Error(`the upload failed: ${await failed.locator(id("upload-status")).textContent()}`);
    return (await done.count()) > 0 ? true : null;
  });
  const link = await done.locator(id("upload-open")).getAttribute("href");
  const file = /^\/watch\/(.+)$/.exec(link ?? "")?.[1];
  demand(file !== undefined, `the finished upload of ${name} links to '${link}' and not to its file`);
  return file;
}

/** Follows the card, without loading the page anew, and counts the states and percentages that it shows. */
export async function becomesReady({ browser, known, patience }) {
  const page = await browser.page();
  await page.goto("/");
  const start = Date.now();
  const states = [];
  const words = new Set();
  await until("the transcode", patience, async () => {
    const one = page.locator(card(known.file));
    if ((await one.count()) === 0) return null;
    const state = await one.getAttribute("data-state");
    words.add(await one.locator(id("card-state")).textContent());
    if (states.at(-1)?.state !== state) states.push({ state, after: Date.now() - start });
    if (state === "failed" || state === "cancelled") {
      throw new Error(`the video is ${state}: ${await one.locator(id("card-reason")).textContent()}`);
    }
    return state === "ready" ? state : null;
  });
  demand(
    (await page.locator(`${card(known.file)} img`).count()) === 1,
    "the ready video's card has no poster",
  );
  const width = await page
    .locator(`${card(known.file)} img`)
    .evaluate(async (image) => (await image.decode(), image.naturalWidth));
  demand(width > 0, "the poster is not a picture");
  return { states, shown: [...words].filter((text) => text !== "") };
}

/** Waits until a file's video is ready, or failed where that is wanted, by the HTTP interface. */
export async function settled(page, file, patience) {
  return until("the transcode", patience, async () => {
    const answer = await page.request.get(`/v1/files/${file}`);
    demand(answer.ok(), `GET /v1/files/${file} was answered with ${answer.status()}`);
    const { video } = await answer.json();
    return video === null || ["ready", "failed", "cancelled"].includes(video.state) ? { video } : null;
  });
}
