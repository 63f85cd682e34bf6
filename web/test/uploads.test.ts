import assert from "node:assert/strict";
import { test } from "node:test";

import { oneWindow, type Locks } from "../src/uploads/locks";
import { fingerprint, uploadId, UploadMemory } from "../src/uploads/memory";
import { UploadQueue, type Source, type TransferEvents, type Upload } from "../src/uploads/queue";
import { Rate } from "../src/uploads/rate";
import { refusal, type Refusal } from "../src/uploads/refusal";
import { describe, summarize } from "../src/uploads/words";

/** A queue over a transport that does what the test says, and the transport's log. */
function workshop(parallel = 2) {
  const log: string[] = [];
  const wires = new Map<string, TransferEvents>();
  let due: { delay: number; work: () => void } | null = null;
  const queue = new UploadQueue(
    (source, events) => {
      wires.set(source.path, events);
      return {
        start: () => log.push(`start ${source.path}`),
        stop: () => log.push(`stop ${source.path}`),
        discard: () => {
          log.push(`discard ${source.path}`);
          return Promise.resolve();
        },
      };
    },
    {
      parallel,
      backoff: { first: 1000, most: 4000, tries: 2 },
      now: () => 0,
      chance: () => 0,
      later: (delay, work) => {
        due = { delay, work };
        return () => (due = null);
      },
    },
  );
  /** Lets the time pass that the queue waits for. */
  const pass = (delay: number) => {
    assert.equal(due?.delay, delay);
    due?.work();
  };
  const wire = (path: string) => wires.get(path) ?? assert.fail(`${path} was never added`);
  const phase = (path: string) => queue.list().find((upload) => upload.path === path)?.phase;
  return { queue, log, wire, phase, pass };
}

function source(path: string, size = 100): Source {
  return { file: { name: path, size } as File, path, fingerprint: path, offset: 0 };
}

test("at most so many uploads run at once, and the rest follow in order", () => {
  const { queue, log, wire, phase } = workshop();
  for (const path of ["a", "b", "c", "d"]) queue.add(source(path));
  assert.deepEqual(log, ["start a", "start b"]);
  wire("a").done("file-a");
  assert.deepEqual(phase("a"), { is: "done", file: "file-a" });
  assert.deepEqual(log, ["start a", "start b", "start c"]);
});

test("a pause gives the place to the next, and going on waits for a turn", () => {
  const { queue, log, phase } = workshop(1);
  queue.add(source("a"));
  queue.add(source("b"));
  queue.pause("a");
  assert.deepEqual(log, ["start a", "stop a", "start b"]);
  queue.resume("a");
  assert.deepEqual(phase("a"), { is: "queued" });
});

test("cancelling stops, lets the server forget, and leaves no line", async () => {
  const { queue, log } = workshop(1);
  queue.add(source("a"));
  queue.add(source("b"));
  await queue.cancel("a");
  assert.deepEqual(log, ["start a", "start b", "discard a"]);
  assert.deepEqual(
    queue.list().map(({ key }) => key),
    ["b"],
  );
});

test("the line of a file that was deleted goes, and no other", () => {
  const { queue, wire } = workshop();
  for (const key of ["a", "b"]) queue.add(source(key));
  wire("a").done("file-a");
  wire("b").done("file-b");
  queue.add(source("c"));
  queue.forgetFile("file-a");
  assert.deepEqual(
    queue.list().map(({ key }) => key),
    ["b", "c"],
  );
});

test("a broken connection is tried again with growing waits, and given up after the last", () => {
  const { queue, log, wire, phase, pass } = workshop();
  const lost = { passing: true, message: "lost" };
  queue.add(source("a"));
  wire("a").failed(lost);
  assert.deepEqual(phase("a"), { is: "waiting", at: 1000, message: "lost" });
  pass(1000);
  wire("a").failed(lost);
  assert.deepEqual(phase("a"), { is: "waiting", at: 2000, message: "lost" });
  pass(2000);
  wire("a").failed(lost);
  assert.deepEqual(phase("a"), { is: "failed", message: "lost" });
  assert.deepEqual(log, ["start a", "start a", "start a"]);
  queue.resume("a");
  assert.deepEqual(phase("a"), { is: "sending" });
});

test("bytes that the server keeps make the count of tries begin anew, bytes that were only sent do not", () => {
  const { queue, wire, phase, pass } = workshop();
  const lost = { passing: true, message: "lost" };
  queue.add(source("a"));
  wire("a").placed("up-1");
  wire("a").failed(lost);
  pass(1000);
  wire("a").progress(80);
  wire("a").failed(lost);
  assert.deepEqual(phase("a"), { is: "waiting", at: 2000, message: "lost" });
  assert.equal(queue.list()[0]?.offset, 0);
  pass(2000);
  queue.confirm("up-1", 40);
  wire("a").progress(80);
  wire("a").failed(lost);
  assert.deepEqual(phase("a"), { is: "waiting", at: 1000, message: "lost" });
  assert.equal(queue.list()[0]?.offset, 40);
});

test("a refusal is not tried again, and hurrying ends the waiting only", () => {
  const { queue, log, wire, phase } = workshop();
  queue.add(source("a"));
  queue.add(source("b"));
  wire("a").failed({ passing: false, message: "too large" });
  wire("b").failed({ passing: true, message: "lost" });
  queue.hurry();
  assert.deepEqual(phase("a"), { is: "failed", message: "too large" });
  assert.deepEqual(phase("b"), { is: "sending" });
  assert.deepEqual(log, ["start a", "start b", "start b"]);
});

test("the same file is not sent twice at a time, and the word of a stopped attempt changes nothing", () => {
  const { queue, wire, phase } = workshop();
  assert.equal(queue.add(source("a")), true);
  assert.equal(queue.add(source("a")), false);
  queue.pause("a");
  wire("a").failed({ passing: true, message: "lost" });
  wire("a").done(null);
  assert.deepEqual(phase("a"), { is: "paused" });
  assert.equal(queue.add(source("a")), false);
  assert.deepEqual(phase("a"), { is: "sending" });
  wire("a").done("file");
  assert.equal(queue.add(source("a")), true);
  assert.equal(queue.list().length, 1);
});

test("while the queue is halted nothing begins, and what breaks keeps its turn and its tries", () => {
  const { queue, log, wire, phase } = workshop(1);
  queue.add(source("a"));
  queue.add(source("b"));
  queue.halt();
  wire("a").failed({ passing: true, message: "signed out" });
  queue.add(source("c"));
  assert.deepEqual(log, ["start a"]);
  assert.deepEqual(phase("a"), { is: "queued" });
  queue.goOn();
  assert.deepEqual(log, ["start a", "start a"]);
  wire("a").failed({ passing: false, message: "too large" });
  assert.deepEqual(phase("b"), { is: "sending" });
});

/** Locks of a browser whose windows this test is; grants are made when `answer` is called. */
function browser() {
  const questions: (() => Promise<unknown>)[] = [];
  const held = new Set<string>();
  const request = (name: string, _options: LockOptions, hold: (lock: Lock | null) => unknown) =>
    new Promise((resolve) => {
      questions.push(async () => {
        if (held.has(name)) return resolve(await hold(null));
        held.add(name);
        const over = hold({ name, mode: "exclusive" });
        resolve(Promise.resolve(over).finally(() => held.delete(name)));
      });
    });
  return { locks: { request } as unknown as Locks, held, answer: () => void questions.shift()?.() };
}

/** A window's transfer of one file, and what became of it. */
function transferIn(locks: Locks) {
  const log: string[] = [];
  let wire: TransferEvents | null = null;
  const transport = oneWindow((_source, events) => {
    wire = events;
    const note = (what: string) => () => void log.push(what);
    return { start: note("start"), stop: note("stop"), discard: () => Promise.resolve() };
  }, locks);
  const transfer = transport(source("a"), {
    progress() {},
    confirmed() {},
    placed() {},
    done: () => log.push("done"),
    failed: ({ message, passing }) => log.push(`${message} ${passing}`),
  });
  return { transfer, log, wire: () => wire ?? assert.fail("no transport was made") };
}

test("no byte goes and nothing is asked before the lock is granted, nor when another window has it", async () => {
  const { locks, held, answer } = browser();
  const [one, other] = [transferIn(locks), transferIn(locks)];
  one.transfer.start();
  assert.deepEqual(one.log, []);
  answer();
  assert.deepEqual(one.log, ["start"]);
  other.transfer.start();
  answer();
  assert.deepEqual(other.log, ["Another window is sending this file. true"]);
  one.wire().done(null);
  await new Promise(setImmediate);
  assert.equal(held.size, 0);
  other.transfer.start();
  answer();
  assert.equal(other.log.at(-1), "start");
});

test("a transfer that was stopped before its lock came does not begin", async () => {
  const { locks, held, answer } = browser();
  const { transfer, log } = transferIn(locks);
  transfer.start();
  transfer.stop();
  answer();
  await new Promise(setImmediate);
  assert.deepEqual(log, ["stop"]);
  assert.equal(held.size, 0);
});

test("a refusal is final, passing, or means that the upload is no longer there", () => {
  const cases: [number, boolean, Refusal][] = [
    [409, true, { passing: true, gone: false }],
    [423, true, { passing: true, gone: false }],
    [429, false, { passing: true, gone: false }],
    [503, true, { passing: true, gone: false }],
    [401, false, { passing: true, gone: false }],
    [403, true, { passing: true, gone: false }],
    [403, false, { passing: false, gone: false }],
    [410, true, { passing: true, gone: true }],
    [404, false, { passing: false, gone: false }],
    [413, true, { passing: false, gone: false }],
  ];
  for (const [status, hasPlace, meaning] of cases) assert.deepEqual(refusal(status, hasPlace), meaning);
});

test("the rate is that of the last seconds, and nothing after too little", () => {
  const rate = new Rate();
  rate.note(0, 0);
  assert.equal(rate.perSecond(100), null);
  for (let at = 1; at <= 20; at += 1) rate.note(at * 1000, at * 500);
  assert.equal(rate.perSecond(20_000), 500);
  assert.equal(rate.secondsLeft(20_000, 12_000), 4);
  rate.note(21_000, 2000);
  assert.equal(rate.perSecond(22_000), 0);
  assert.equal(rate.secondsLeft(22_000, 12_000), null);
});

function upload(over: Partial<Upload>): Upload {
  const basis = { key: "k", name: "a", path: "a", size: 1000, offset: 430, upload: null, rate: new Rate() };
  return { ...basis, phase: { is: "queued" }, ...over };
}

/** Where a line may not break is for the eye, not for these tests. */
function unbroken(text: string): string {
  return text.replaceAll("\u00a0", " ");
}

test("every phase says where the upload is", () => {
  const rate = new Rate();
  rate.note(0, 0);
  rate.note(1000, 430);
  const cases: [Partial<Upload>, string][] = [
    [{ offset: 0 }, "Waiting for its turn · 1000 B"],
    [{}, "Waiting for its turn · 430 B of 1000 B"],
    [{ phase: { is: "sending" }, rate }, "43 % · 430 B of 1000 B · 430 B/s · a few seconds left"],
    [{ phase: { is: "sending" }, offset: 1000 }, "Finishing · 1000 B"],
    [{ phase: { is: "paused" } }, "Paused at 43 % · 430 B of 1000 B"],
    [
      { phase: { is: "waiting", at: 4500, message: "The connection was lost." } },
      "The connection was lost. Trying again in 4 s.",
    ],
    [{ phase: { is: "failed", message: "Too large." } }, "Too large."],
    [{ phase: { is: "done", file: null } }, "Uploaded · 1000 B"],
  ];
  for (const [over, text] of cases) assert.equal(unbroken(describe(upload(over), 1000)), text);
});

test("the summary counts what is to go, and what is done when nothing is", () => {
  const sending = upload({ phase: { is: "sending" } });
  const done = upload({ phase: { is: "done", file: "f" } });
  const { text, ...numbers } = summarize([sending, done], 0);
  assert.equal(unbroken(text), "1 file to go · 43 %");
  assert.deepEqual(numbers, { share: 0.43, active: 1, done: 1 });
  assert.equal(summarize([done, done], 0).text, "2 files uploaded");
  assert.equal(summarize([done, upload({ phase: { is: "paused" } })], 0).text, "1 of 2 files uploaded");
  assert.equal(summarize([], 0).text, "");
});

test("an upload is remembered by its file until it is forgotten, and damage is not an upload", () => {
  const kept = new Map<string, string>();
  const storage = {
    get length() {
      return kept.size;
    },
    key: (at: number) => [...kept.keys()][at] ?? null,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  } as unknown as Storage;
  const memory = new UploadMemory(storage);
  const key = fingerprint({ size: 7, lastModified: 9 }, "folder/a.mp4");
  const entry = { fingerprint: key, url: "/uploads/1", name: "a.mp4", path: "folder/a.mp4", size: 7 };
  memory.remember(entry);
  kept.set("hashreel-upload:broken", "{");
  kept.set("something else", "{}");
  assert.deepEqual(memory.all(), [entry]);
  assert.deepEqual(new UploadMemory(storage).find(key), entry);
  assert.notEqual(fingerprint({ size: 7, lastModified: 10 }, "folder/a.mp4"), key);
  memory.forget(key);
  assert.equal(memory.find(key), null);
  assert.deepEqual(new UploadMemory(null).all(), []);
});

test("an upload's id is the last part of its address", () => {
  assert.equal(uploadId("http://127.0.0.1:1/uploads/0193-7a"), "0193-7a");
  assert.equal(uploadId("/uploads/0193-7a/?x=1"), "0193-7a");
});
