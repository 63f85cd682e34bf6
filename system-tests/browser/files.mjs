// Files that are no streams, and what can be done with any file.

import { readFileSync } from "node:fs";

import { demand, id, until } from "./browser.mjs";
import { measure } from "./playback.mjs";
import { settled, upload } from "./uploads.mjs";

const card = (file) => `${id("card")}[data-file="${file}"]`;

export async function plainFile({ browser, clips, known }) {
  const page = await browser.page();
  await page.goto("/");
  known.plain = await upload(page, clips.plain);
  await page.waitForSelector(card(known.plain));
  await page.click(`${card(known.plain)} ${id("card-open")}`);
  await page.waitForSelector(id("stage-words"));
  const downloads = await page.locator("a[download]:visible").count();
  demand(downloads === 1, `the page of a file that is no video offers its download ${downloads} times`);
  await sameBytes(page, id("stage-download"), clips.plain);
  return {};
}

export async function brokenFile({ browser, clips, known, patience }) {
  const page = await browser.page();
  await page.goto("/");
  const file = await upload(page, clips.broken);
  known.broken = file;
  const { video } = await settled(page, file, patience);
  demand(
    video?.state === "failed",
    `a video that was cut off is ${video?.state ?? "no video at all"} and not failed`,
  );
  await page.waitForSelector(`${card(file)}[data-state="failed"]`);
  const reason = await page.textContent(`${card(file)} ${id("card-reason")}`);
  demand(reason !== null && reason.length > 10, "the card does not say why");
  await page.click(`${card(file)} ${id("card-open")}`);
  await page.waitForSelector(id("stage-words"));
  await sameBytes(page, id("stage-download"), clips.broken);
  return { reason };
}

/** Follows a download link and compares what comes with the file that was uploaded. */
async function sameBytes(page, link, path) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(link)]);
  const got = await download.createReadStream();
  const chunks = [];
  for await (const chunk of got) chunks.push(chunk);
  demand(
    Buffer.concat(chunks).equals(readFileSync(path)),
    `the download of ${path} differs from what was uploaded`,
  );
}

export async function actions({ browser, known }) {
  const page = await browser.page();
  await page.goto("/");
  await page.waitForSelector(card(known.plain));
  const name = `renamed by a test ${known.plain}.txt`;

  await menu(page, known.plain, "action-rename");
  await page.fill(id("prompt-input"), name);
  await page.click(id("dialog-action"));
  await until("the new name", 10_000, async () =>
    (await page.textContent(`${card(known.plain)} ${id("card-name")}`)) === name ? true : null,
  );

  await page.fill(id("search"), "by renamed test");
  await until("the search", 5000, async () => ((await page.locator(id("card")).count()) === 1 ? true : null));
  await page.fill(id("search"), "no file is called like this");
  await page.waitForSelector(`${id("nothing-found")}:not([hidden])`);
  await page.click(id("search-clear"));
  demand((await page.inputValue(id("search"))) === "", "the search is not cleared by its button");
  demand((await focused(page)) === "search", "after clearing the search the focus is not in its field");

  // By keyboard: nothing is deleted by pressing Return once too often, and the focus is never lost.
  const others = (await page.locator(id("card")).count()) - 1;
  await page.focus(`${card(known.plain)} ${id("card-menu")}`);
  for (const key of ["Enter", "End", "Enter"]) await page.keyboard.press(key);
  await page.waitForSelector(id("confirm-dialog"));
  await page.keyboard.press("Enter");
  await page.waitForSelector(id("confirm-dialog"), { state: "detached" });
  demand((await focused(page)) === "card-menu", "after a question the focus is not where it was");
  for (const key of ["Enter", "End", "Enter"]) await page.keyboard.press(key);
  await page.click(id("dialog-action"));
  await page.waitForSelector(card(known.plain), { state: "detached" });
  const next = others > 0 ? "card-open" : "main";
  demand((await focused(page)) === next, `after a deletion the focus is on ${await focused(page)}, not on ${next}`);
  const answer = await page.request.get(`/v1/files/${known.plain}`);
  demand(answer.status() === 404, `a deleted file is answered with ${answer.status()}`);
  await page.goto(`/watch/${known.plain}`);
  await until("the page of a deleted file", 10_000, async () =>
    (await page.textContent(id("watch-title")))?.includes("no such file") ? true : null,
  );
  return {};
}

/** A server that is in trouble for a while: nothing is called missing, and all of it comes back by itself. */
export async function trouble({ browser, known }) {
  const page = await browser.page();
  const body = JSON.stringify({ title: "Unavailable", detail: "the records cannot be reached" });
  const files = /\/v1\/files/;
  const refuse = (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body });

  await page.route(files, refuse);
  await page.goto("/");
  await page.waitForSelector(id("library-again"));
  const said = await page.textContent(id("library-failed"));
  demand(said?.includes("The records cannot be reached."), `the library does not say why: '${said}'`);
  await page.unroute(files);
  await page.waitForSelector(card(known.file));

  await page.route(files, refuse);
  await page.goto(`/watch/${known.file}`);
  await page.waitForSelector(id("read-again"));
  const title = await page.textContent(id("watch-title"));
  demand(title === "The file cannot be read", `a file that cannot be read is called '${title}'`);
  await page.unroute(files);
  await page.waitForSelector(id("video"));

  // A video whose parts are refused for a while says so, and plays on.
  const parts = /\/play\/r\/.*\.m4s$/;
  await page.route(parts, refuse);
  await page.goto(`/watch/${known.file}`);
  await until("a word on the missing parts", 30_000, async () =>
    (await page.textContent(id("player")))?.includes("No answer from the server") ? true : null,
  );
  await page.unroute(parts);
  await until("playing after the trouble", 60_000, async () => ((await measure(page)).time > 1 ? true : null));
  return {};
}

/** The test id of what has the focus, or its id. */
function focused(page) {
  return page.evaluate(() => document.activeElement?.dataset.testid ?? document.activeElement?.id);
}

async function menu(page, file, action) {
  await page.click(`${card(file)} ${id("card-menu")}`);
  await page.click(id(action));
}
