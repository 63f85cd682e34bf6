// A stream that is watched while it is made: its playlists, as the player gets them, are only ever appended to,
// and their end is the stream's.

import { demand, id, until } from "./browser.mjs";
import { measure } from "./playback.mjs";
import { upload } from "./uploads.mjs";

export async function grows({ browser, clips, known, patience }) {
  const page = await browser.page();
  const playlists = new Map();
  const broken = [];
  page.on("response", async (response) => {
    const { pathname } = new URL(response.url());
    if (!/^\/play\/[^/]+\/[^/]+\.m3u8$/.test(pathname) || pathname.endsWith("/master.m3u8")) return;
    // One that is not yet there, or not changed, or whose reading the page broke off, has no text.
    const text = response.status() === 200 ? await response.text().catch(() => "") : "";
    const seen = playlists.get(pathname) ?? [];
    if (text === "" || seen.at(-1) === text) return;
    if (seen.length > 0 && !text.startsWith(seen.at(-1))) broken.push(`${seen.at(-1)}\nbecame\n${text}`);
    playlists.set(pathname, [...seen, text]);
  });
  await page.goto("/");
  const file = await upload(page, clips.growing);
  known.growing = file;
  await page.goto(`/watch/${file}`);
  const isWhole = (texts) => texts.at(-1).endsWith("#EXT-X-ENDLIST\n");
  await until("a playlist that was followed to its end", patience, async () => {
    demand(broken.length === 0, `a playlist was changed and not appended to:\n${broken[0]}`);
    return [...playlists.values()].some((texts) => texts.length > 1 && isWhole(texts)) ? true : null;
  });
  // The player takes it for a whole one: there is an end, and it is reached.
  const { duration } = await until("a known length", 20_000, async () => {
    const now = await measure(page);
    return Math.abs(now.duration - 40) < 0.5 ? now : null;
  });
  await page.focus(id("seek"));
  await page.keyboard.press("End");
  await until("the end", 30_000, async () =>
    (await page.locator(id("video")).evaluate((video) => video.ended)) ? true : null,
  );
  return { duration, states: [...playlists.values()].map((texts) => texts.length) };
}
