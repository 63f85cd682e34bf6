// Playing, changing the quality, seeking: judged by the media element's clock and decoded frames, never by an
// element's mere presence.

import { demand, id, until } from "./browser.mjs";

/** What the media element knows of itself. */
export function measure(page) {
  return page.locator(id("video")).evaluate((video) => {
    const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    return {
      time: video.currentTime,
      duration: video.duration,
      paused: video.paused,
      width: video.videoWidth,
      height: video.videoHeight,
      frames: totalVideoFrames,
      dropped: droppedVideoFrames,
    };
  });
}

/** Opens a file's page and waits until it plays. */
export async function watch(page, file) {
  await page.goto(`/watch/${file}`);
  await page.waitForSelector(id("video"));
  await until("the first second of playback", 30_000, async () =>
    (await measure(page)).time > 1 ? true : null,
  );
}

export async function play({ browser, known }) {
  const page = await browser.page();
  const start = Date.now();
  await watch(page, known.file);
  const firstSecond = Date.now() - start;
  const before = await measure(page);
  await until("three more seconds of playback", 20_000, async () =>
    (await measure(page)).time > before.time + 3 ? true : null,
  );
  const after = await measure(page);
  const frames = after.frames - before.frames;
  demand(after.width > 0 && after.height > 0, "the video has no picture");
  // A slow machine drops frames, but no player that plays shows less than five a second.
  demand(frames >= 15, `three seconds of playback decoded only ${frames} frames`);
  const graph = await page
    .locator(`${id("graph-bandwidth")} path`)
    .last()
    .getAttribute("d");
  demand(graph !== null && graph.length > 10, "the graph draws no bandwidth");
  return { msToFirstSecond: firstSecond, seconds: after.time - before.time, frames, ...after };
}

/** Chooses a rung in the menu, by its test id. */
async function choose(page, testid) {
  await page.click(id("quality-button"));
  await page.click(id(testid));
}

export async function quality({ browser, known }) {
  const page = await browser.page();
  await watch(page, known.file);
  await page.click(id("quality-button"));
  const names = await page
    .locator('[data-testid^="quality-"][role="menuitemradio"]')
    .evaluateAll((items) => items.map((item) => item.dataset.testid));
  await page.keyboard.press("Escape");
  const rungs = names.filter((name) => name !== "quality-auto");
  demand(names.includes("quality-auto"), "the quality menu has no Auto");
  demand(rungs.length >= 2, `the quality menu has only ${rungs.length} rungs`);

  const heights = [];
  for (const name of [rungs.at(-1), rungs[0], rungs.at(-1)]) {
    await choose(page, name);
    const wanted = Number(/^quality-(\d+)p/.exec(name)?.[1]);
    heights.push(
      await until(`a picture of ${wanted} lines`, 30_000, async () => {
        const { width, height } = await measure(page);
        // A rung's lines are rounded to even numbers, and a portrait picture is named by its width.
        return Math.abs(Math.min(width, height) - wanted) <= 1 ? height : null;
      }),
    );
    const { frames, time } = await measure(page);
    await until("playing on in the new quality", 30_000, async () => {
      const now = await measure(page);
      return now.frames > frames + 5 && now.time > time + 0.5 ? true : null;
    });
    const face = await page.textContent(id("quality-button"));
    demand(face === name.replace("quality-", ""), `the button says '${face}' where ${name} was chosen`);
  }
  demand(heights[0] !== heights[1], "the lowest and the highest rung have the same height");
  await choose(page, "quality-auto");
  await until("Auto on the button", 5000, async () =>
    (await page.textContent(id("quality-button")))?.startsWith("Auto") ? true : null,
  );
  return { rungs: names, heights };
}

export async function seek({ browser, known }) {
  const page = await browser.page();
  await watch(page, known.file);
  const { duration } = await measure(page);
  const landings = [];
  for (const share of [0.8, 0.1, 0.55]) {
    const box = await page.locator(id("seek")).boundingBox();
    await page.mouse.move(box.x + 5, box.y - 60);
    await page.mouse.click(box.x + box.width * share, box.y + box.height / 2);
    landings.push(await landed(page, duration * share, duration / 100 + 1.5));
  }
  await page.keyboard.press("Home");
  landings.push(await landed(page, 0, 1.5));
  return { duration, landings };
}

/** Waits until the clock is near `wanted` and frames are decoded there. */
async function landed(page, wanted, tolerance) {
  const near = await until(`a seek to ${wanted.toFixed(1)} s`, 20_000, async () => {
    const now = await measure(page);
    return Math.abs(now.time - wanted) < tolerance ? now : null;
  });
  const on = await until(`playing on after ${wanted.toFixed(1)} s`, 20_000, async () => {
    const now = await measure(page);
    return now.time > near.time + 0.5 && now.frames > near.frames + 5 ? now : null;
  });
  return { wanted, at: near.time, frames: on.frames - near.frames };
}

export async function keyboard({ browser, known }) {
  const page = await browser.page();
  await watch(page, known.file);
  const now = () => measure(page);
  const press = (key) => page.keyboard.press(key);

  await press("k");
  demand((await now()).paused, "K did not pause");
  const still = (await now()).time;
  await press("ArrowRight");
  await until("five seconds on", 5000, async () =>
    Math.abs((await now()).time - still - 5) < 0.6 ? true : null,
  );
  await press("j");
  await until("back to the beginning", 5000, async () =>
    (await now()).time < Math.max(0.6, still - 4) ? true : null,
  );
  await press(" ");
  await until("playing again", 5000, async () => ((await now()).paused ? null : true));
  await press("m");
  demand(await page.locator(id("video")).evaluate((video) => video.muted), "M did not mute");
  await press("m");
  await press("5");
  const { duration } = await now();
  await until("the middle", 10_000, async () =>
    Math.abs((await now()).time - duration / 2) < 2 ? true : null,
  );

  await press("?");
  await page.waitForSelector(id("keys-help"));
  await press("Escape");
  await page.waitForSelector(id("keys-help"), { state: "detached" });

  // The menu without a pointer: focus, open, move, choose.
  await page.focus(id("quality-button"));
  await press("Enter");
  await page.waitForSelector(id("quality-auto"));
  await press("End");
  await press("Enter");
  await until("a choice by keyboard", 5000, async () =>
    (await page.textContent(id("quality-button")))?.startsWith("Auto") ? null : true,
  );
  const focused = await page.evaluate(() => document.activeElement?.dataset.testid);
  demand(
    focused === "quality-button",
    `after choosing, the focus is on '${focused}' and not on the menu's button`,
  );
  return {};
}
