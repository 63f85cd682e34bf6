// A Chromium with the flags under which playback was measured, and what every step wants of it: pages of a
// given size and theme, an upload that takes its time, pictures, and an ear for what the page complains of.

import { createRequire } from "node:module";
import { join } from "node:path";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

export const desktop = { viewport: { width: 1440, height: 900 } };
export const phone = { viewport: { width: 375, height: 780 }, deviceScaleFactor: 2, hasTouch: true };

export async function openBrowser({ base, chromium: executablePath, key }) {
  const browser = await chromium.launch({ executablePath, args: flags });
  const complaints = [];
  let current = null;

  /** A fresh profile's page on the server, of somebody who has not signed in. */
  async function stranger(options = desktop) {
    await current?.context().close();
    const context = await browser.newContext({ baseURL: base, ...options });
    current = await context.newPage();
    current.setDefaultTimeout(20_000);
    listen(current);
    return current;
  }

  /** The same, signed in where a key was given. */
  async function page(options = desktop) {
    const context = (await stranger(options)).context();
    if (key !== undefined) {
      const answer = await context.request.post("/v1/session", { data: { key }, headers: { origin: base } });
      if (!answer.ok()) throw new Error(`signing in with the key was answered with ${answer.status()}`);
    }
    return current;
  }

  function listen(one) {
    one.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
    one.on("console", (message) => {
      const text = message.text();
      // A refused resource is told of here too; whether it was to be refused is for the steps to say.
      if (message.type() === "error" && !text.startsWith("Failed to load resource")) complaints.push(text);
    });
  }

  return {
    version: browser.version(),
    page,
    stranger,
    /** Fails when the page had something to complain of: an exception, a breach of its security policy. */
    checkComplaints() {
      const heard = complaints.splice(0);
      if (heard.length > 0) throw new Error(`the page complained: ${heard.join("; ")}`);
    },
    /** Saves what the page that was opened last shows. */
    async picture(directory, name) {
      await current.screenshot({ path: join(directory, `${name}.png`) });
    },
    close: () => browser.close(),
  };
}

/** Lets no more than so many bytes a second leave the page; 0 lifts the limit. */
export async function limitUpload(page, bytesPerSecond) {
  const session = await page.context().newCDPSession(page);
  const uploadThroughput = bytesPerSecond > 0 ? bytesPerSecond : -1;
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput,
  });
}

/** Waits until `probe` gives something other than null; fails with what it was waiting for. */
export async function until(what, patience, probe) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${Math.round(patience / 1000)} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Fails with a sentence unless `holds`. */
export function demand(holds, sentence) {
  if (!holds) throw new Error(sentence);
}

export const id = (testid) => `[data-testid="${testid}"]`;
