// Segments that come from elsewhere than the server: from an edge, for two viewers with nothing in their caches,
// or from the bucket. Judged by where they came from, and by the server's own count of what it was asked for.

import { demand, until } from "./browser.mjs";
import { watch } from "./playback.mjs";

export async function secondViewer({ browser, base, edge, file }) {
  demand(edge !== undefined && file !== undefined, "this step needs --edge and --file");
  const first = await viewer(browser, edge, file);
  const asked = await segmentsAsked(base);
  demand(asked > 0, "the first viewer's segments did not reach the server");
  const second = await viewer(browser, edge, file);
  const more = (await segmentsAsked(base)) - asked;
  demand(more === 0, `for the second viewer the server was asked for ${more} segments`);
  return { first, second, asked, more };
}

export async function fromTheBucket({ browser, bucket, file }) {
  demand(bucket !== undefined && file !== undefined, "this step needs --bucket and --file");
  const segments = await viewer(browser, bucket, file);
  return { segments };
}

/** Watches until the whole video has come; how many segments came from the origin `from`, and all did. */
async function viewer(browser, from, file) {
  const page = await browser.page();
  const segments = new Set();
  page.on("response", (response) => {
    // Who was sent on has asked the server first.
    const first = response.request().redirectedFrom() ?? response.request();
    if (first.url().includes("/play/r/") && response.ok()) segments.add(response.url());
  });
  await watch(page, file);
  await until("the whole video in the player's buffer", 60_000, () => isWhole(page));
  const strangers = [...segments].filter((url) => !url.startsWith(`${from}/`));
  demand(strangers.length === 0, `segments came from elsewhere than ${from}: ${strangers[0]}`);
  demand(segments.size > 0, `no segment came from ${from}`);
  // Nothing of this viewer's is under way when the server is asked what it has counted.
  await page.goto("about:blank");
  return segments.size;
}

function isWhole(page) {
  return page.locator("video").evaluate(({ buffered, duration }) => {
    const end = buffered.length === 1 ? buffered.end(0) : 0;
    return end > duration - 0.2 ? true : null;
  });
}

/** How many requests for segments the server has answered, once none is under way: then they are counted. */
async function segmentsAsked(base) {
  const lines = await until("an end of the requests under way", 30_000, async () => {
    const answer = await fetch(`${base}/metrics`);
    const said = (await answer.text()).split("\n");
    // This one is under way.
    return said.includes("hashreel_http_running 1") ? said : null;
  });
  const counts = lines.filter(
    (line) =>
      line.startsWith("hashreel_http_requests_total{") && line.includes('route="/play/r/{rendition}/{part}"'),
  );
  return counts.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
