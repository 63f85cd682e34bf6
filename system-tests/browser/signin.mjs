// Signing in with a key, where the server demands one.

import { demand, id, until } from "./browser.mjs";

/** A key that is formed as they are, and was never made. */
const invented = `hr_${"0".repeat(32)}_${"0".repeat(40)}`;

export async function signIn({ browser, key }) {
  demand(key !== undefined, "this step needs --key, and a server that demands keys");
  const page = await browser.stranger();
  await page.goto("/");
  await page.waitForSelector(id("signin"));
  demand((await page.locator(id("drop-zone")).count()) === 0, "the page opens to whoever has no key");

  await enter(page, invented);
  const refusal = await until("the word on a wrong key", 10_000, async () => {
    const text = await page.textContent(id("signin-problem"));
    return text ? text : null;
  });

  await enter(page, key);
  await page.waitForSelector(id("drop-zone"));
  await page.reload();
  await page.waitForSelector(id("drop-zone"));
  const seen = await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage }));
  demand(!seen.includes("hr_") && !seen.includes("hashreel_session"), "the page itself can read what opens it");

  await page.click(id("sign-out"));
  await page.waitForSelector(id("signin"));
  await page.goto("/");
  await page.waitForSelector(id("signin"));
  return { refusal };
}

async function enter(page, key) {
  await page.fill(id("signin-key"), key);
  await page.click(id("signin-submit"));
}
