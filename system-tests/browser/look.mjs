// What a person sees: the first page, both widths, both themes, and the pictures for the README.

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { demand, desktop, id, limitUpload, phone, until } from "./browser.mjs";
import { gallery } from "./clips.mjs";
import { watch } from "./playback.mjs";
import { settled, upload } from "./uploads.mjs";

export async function firstLook({ browser, base }) {
  const page = await browser.page();
  const answer = await page.goto("/");
  const policy = answer.headers()["content-security-policy"] ?? "";
  demand(policy.includes("default-src"), "the page comes without a Content-Security-Policy");
  demand(
    !policy.includes("unsafe-inline") && !policy.includes("unsafe-eval"),
    `the policy allows too much: ${policy}`,
  );
  await page.waitForSelector(id("drop-zone"));
  const title = await page.textContent(`${id("drop-zone")} h1`);
  demand(title === "Drop files to upload", `the first page says '${title}'`);
  const inner = new Set();
  page.on("request", (request) => inner.add(new URL(request.url()).origin));
  await page.reload();
  await page.waitForSelector(id("drop-zone"));
  await page.waitForLoadState("networkidle");
  demand(
    [...inner].every((origin) => origin === new URL(base).origin),
    `the page asks other places: ${[...inner].join(", ")}`,
  );

  // The same with the keyboard: the first stop leads past the head.
  await page.keyboard.press("Tab");
  demand(
    (await page.evaluate(() => document.activeElement?.className)) === "skip",
    "the first Tab does not reach the skip link",
  );
  return { policy };
}

export async function widths({ browser, known }) {
  const seen = [];
  for (const size of [desktop, phone]) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await browser.page({ ...size, colorScheme });
      for (const path of ["/", `/watch/${known.file}`]) {
        await page.goto(path);
        await page.waitForSelector(path === "/" ? id("card") : id("video"));
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        demand(over <= 0, `${path} sticks out by ${over} px at ${size.viewport.width} px`);
        const poor = await page.evaluate(unnamed);
        demand(poor.length === 0, `${path} has controls without a name: ${poor.join(", ")}`);
        seen.push(`${path.split("/")[1] || "library"} ${size.viewport.width} ${colorScheme}`);
      }
    }
  }
  return { seen };
}

/** Looks for a dark line between the picture's edge and the page, at widths where boxes end between pixels. */
export async function edges({ browser, known }) {
  const page = await browser.page();
  await watch(page, known.file);
  await page.keyboard.press("k");
  const seen = [];
  for (const width of [1440, 1201, 777, 643]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForFunction(() => document.querySelector(".player.is-filled") !== null);
    const box = await page.locator(id("player")).boundingBox();
    const right = Math.round(box.x + box.width);
    const clip = { x: right - 5, y: Math.round(box.y) + 20, width: 5, height: Math.round(box.height / 2) };
    const shot = await page.screenshot({ clip });
    const columns = await page.evaluate(brightness, [...shot]);
    const step = columns.at(-2) - columns.at(-1);
    demand(step < 40, `at ${width} px the picture ends in a dark line: ${columns.map(Math.round).join(", ")}`);
    seen.push({ width, step });
  }
  return { seen };
}

/** Runs in the page: the mean brightness of each column of a PNG, from 0 to 255. */
async function brightness(png) {
  const picture = await createImageBitmap(new Blob([new Uint8Array(png)], { type: "image/png" }));
  const { width, height } = picture;
  const pen = new OffscreenCanvas(width, height).getContext("2d");
  pen.drawImage(picture, 0, 0);
  const { data } = pen.getImageData(0, 0, width, height);
  return Array.from({ length: width }, (_, x) => {
    let sum = 0;
    for (let y = 0; y < height; y += 1) {
      const at = (y * width + x) * 4;
      sum += (data[at] + data[at + 1] + data[at + 2]) / 3;
    }
    return sum / height;
  });
}

/** Runs in the page: visible controls that a screen reader would have no name for. */
function unnamed() {
  const controls = document.querySelectorAll("button, a, input, [role=slider], progress, dialog");
  return [...controls]
    .filter((control) => control.checkVisibility() || control.matches("input[type=file]"))
    .filter((control) => {
      const names = [
        control.getAttribute("aria-label"),
        control.textContent,
        control.labels?.[0]?.textContent,
      ];
      return names.every((name) => (name ?? "").trim() === "");
    })
    .map((control) => control.outerHTML.slice(0, 120));
}

/** Takes the pictures of a library that looks like somebody's: what the steps before left in it is deleted. */
export async function pictures({ browser, base, known, clips, patience, shots }) {
  if (shots === undefined) return { taken: [] };
  const page = await browser.page({ ...desktop, colorScheme: "light" });
  for (const file of [known.file, known.growing, known.flash, known.broken, known.plain]) {
    if (file !== undefined) await page.request.delete(`/v1/files/${file}`, { headers: { origin: base } });
  }
  await page.goto("/");
  const shown = await gallery(clips.folder);
  const files = [];
  for (const path of shown) files.push(await upload(page, path));
  for (const file of files) await settled(page, file, patience);

  const taken = [];
  const take = async (name) => {
    await browser.picture(shots, name);
    taken.push(name);
  };
  await page.reload();
  await underWay(page, clips.folder);
  await take("library");
  // The first until there is none: each click takes a line away.
  for (let left = 2; left > 0; left -= 1) await page.locator(id("upload-cancel")).first().click();

  for (const [suffix, options] of [
    ["", { ...desktop, colorScheme: "light" }],
    ["-dark", { ...desktop, colorScheme: "dark" }],
    ["-phone", { ...phone, colorScheme: "light" }],
  ]) {
    const other = await browser.page(options);
    if (suffix !== "") {
      await other.goto("/");
      await other.waitForSelector(`${id("card")} img`);
      await other.waitForLoadState("networkidle");
      await take(`library${suffix}`);
    }
    await watch(other, files.at(-1));
    // The graph is worth a picture after some seconds.
    await other.waitForFunction(() => document.querySelector("video").currentTime > 8);
    const box = await other.locator(id("player")).boundingBox();
    await other.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await take(`player${suffix}`);
  }
  return { taken };
}

/** Two uploads in the middle of their way, one of them paused. */
async function underWay(page, folder) {
  const [sent, paused] = [join(folder, "Expedition rushes.tar"), join(folder, "Interview, uncut.mkv")];
  await writeFile(sent, randomBytes(24e6));
  await writeFile(paused, randomBytes(16e6));
  await page.waitForSelector(`${id("card")} img`);
  await limitUpload(page, 3e6);
  await page.setInputFiles(id("file-input"), [sent, paused]);
  await until("two uploads under way", 30_000, async () => {
    const shares = await page
      .locator(`${id("upload-row")} progress`)
      .evaluateAll((bars) => bars.map((bar) => bar.value));
    return shares.length === 2 && shares.every((share) => share > 0.3) ? true : null;
  });
  await page.click(`${id("upload-row")}[data-name^="Interview"] ${id("upload-pause")}`);
  // The rate is told after a second of it.
  await new Promise((resolve) => setTimeout(resolve, 1500));
}
