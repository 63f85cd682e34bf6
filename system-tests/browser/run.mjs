// The web app in a real Chromium, against a running server: what a person does, from the first look to the
// picture that lags behind its sound. Prints a JSON report on stdout and what it is doing on stderr; exits 1
// when a step failed, 2 when it could not begin.
//
//   node system-tests/browser/run.mjs --base http://127.0.0.1:8080 --video clip.mp4
//
// Needs web/node_modules (playwright-core), chromium and ffmpeg.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openBrowser } from "./browser.mjs";
import { clips } from "./clips.mjs";
import { steps } from "./steps.mjs";

const usage = `usage: node run.mjs --base URL [OPTION...]

  --base URL        where the server listens
  --video FILE      the clip to upload and to play (default: one is made)
  --key KEY         an API key, where the server demands one
  --edge URL        an edge that the server delivers by
  --bucket URL      the endpoint of a bucket that the server delivers from
  --file ID         a video that is ready, to be delivered by the one or the other
  --shots DIR       save pictures of library and player there
  --only STEP,...   run these steps only, and those they need
  --chromium PATH   default: $CHROMIUM, or /usr/bin/chromium
  --patience S      seconds that a transcode may take (default 600)
`;

async function main() {
  const options = readOptions();
  const work = await mkdtemp(join(tmpdir(), "hashreel-browser-"));
  const report = { base: options.base, ok: true, steps: [] };
  let browser = null;
  try {
    const made = await clips(work, options.video);
    if (options.shots !== undefined) await mkdir(options.shots, { recursive: true });
    browser = await openBrowser(options);
    report.chromium = browser.version;
    await runSteps({ ...options, browser, clips: made, known: {} }, report);
  } finally {
    await browser?.close();
    await rm(work, { recursive: true, force: true });
  }
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  return report.ok;
}

async function runSteps(context, report) {
  for (const step of steps(context)) {
    const lost = step.needs.filter((name) => report.steps.find((done) => done.name === name)?.ok === false);
    if (lost.length > 0) {
      note(report, { name: step.name, ok: false, error: `not tried, because ${lost.join(" and ")} failed` });
      continue;
    }
    process.stderr.write(`browser: ${step.promise} ...\n`);
    const start = Date.now();
    const result = { name: step.name, promise: step.promise, ok: true };
    try {
      result.facts = await step.run(context);
      context.browser.checkComplaints();
    } catch (error) {
      result.ok = false;
      result.error = error instanceof Error ? error.message : String(error);
      await pictureOf(context, `failed-${step.name}`);
    }
    note(report, { ...result, ms: Date.now() - start });
  }
}

/** A picture of what a step that failed has left. Without it the step has failed no less. */
async function pictureOf({ browser, shots }, name) {
  if (shots === undefined) return;
  try {
    await browser.picture(shots, name);
  } catch (error) {
    process.stderr.write(`browser: there is no picture of it: ${error.message}\n`);
  }
}

function note(report, result) {
  report.steps.push(result);
  report.ok &&= result.ok;
  const words = result.ok
    ? `ok ${result.name} ${JSON.stringify(result.facts ?? {})}`
    : `FAILED ${result.name}: ${result.error}`;
  process.stderr.write(`browser: ${words}\n`);
}

function readOptions() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: {
      base: text,
      video: text,
      key: text,
      edge: text,
      bucket: text,
      file: text,
      shots: text,
      only: text,
      chromium: text,
      patience: text,
    },
  });
  if (values.base === undefined) throw new Error(`--base is missing\n${usage}`);
  const patience = Number(values.patience ?? 600);
  if (!(patience > 0)) throw new Error(`--patience is a number of seconds, not '${values.patience}'`);
  return {
    ...values,
    base: values.base.replace(/\/+$/, ""),
    only: values.only?.split(",") ?? null,
    chromium: values.chromium ?? process.env.CHROMIUM ?? "/usr/bin/chromium",
    patience: patience * 1000,
  };
}

main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error) => {
    process.stderr.write(`browser: ${error.message}\n`);
    process.exit(2);
  },
);
