// What a person sees: the first page, both widths, both themes, and the pictures for the README.

import { demand, desktop, id, phone } from "./browser.mjs";
import { watch } from "./playback.mjs";

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

export async function pictures({ browser, known, shots }) {
  if (shots === undefined) return { taken: [] };
  const taken = [];
  for (const [suffix, options] of [
    ["", { ...desktop, colorScheme: "light" }],
    ["-dark", { ...desktop, colorScheme: "dark" }],
    ["-phone", { ...phone, colorScheme: "light" }],
  ]) {
    const page = await browser.page(options);
    await page.goto("/");
    await page.waitForSelector(`${id("card")} img`);
    await page.waitForLoadState("networkidle");
    taken.push(`library${suffix}`);
    await browser.picture(shots, `library${suffix}`);
    await watch(page, known.file);
    // The graph is worth a picture after some seconds.
    await page.waitForFunction(() => document.querySelector("video").currentTime > 8);
    const box = await page.locator(id("player")).boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    taken.push(`player${suffix}`);
    await browser.picture(shots, `player${suffix}`);
  }
  return { taken };
}
