import assert from "node:assert/strict";
import { test } from "node:test";

import { ago, bitrate, clock, line, partOf, percent, rate, sentence, size, spokenTime, timeLeft } from "../src/core/format";

test("sizes are in the units and figures of the command line", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1.00 KiB"],
    [10_190, "9.95 KiB"],
    [1_048_576, "1.00 MiB"],
    [4_200_000_000, "3.91 GiB"],
    [2 ** 40, "1.00 TiB"],
    [5 * 2 ** 50, "5.00 PiB"],
  ];
  for (const [bytes, text] of cases) assert.equal(size(bytes), text);
  assert.equal(rate(12_345_678.9), "11.77 MiB/s");
});

test("bit rates are named as networks name them", () => {
  assert.equal(bitrate(128_000), "128 kbit/s");
  assert.equal(bitrate(2_800_000), "2.8 Mbit/s");
  assert.equal(bitrate(87_400_000), "87 Mbit/s");
  assert.equal(bitrate(1_500_000_000), "1.5 Gbit/s");
});

test("positions are shown and spoken", () => {
  assert.equal(clock(65.9), "1:05");
  assert.equal(clock(39.999), "0:40");
  assert.equal(clock(3723), "1:02:03");
  assert.equal(clock(Number.NaN), "0:00");
  assert.equal(spokenTime(3661), "1 hour 1 minute 1 second");
  assert.equal(spokenTime(120), "2 minutes");
  assert.equal(spokenTime(0), "0 seconds");
});

test("what was cut off is told in seconds, or as positions where it is long", () => {
  assert.equal(partOf(40.96, 60.01), "41 s of the announced 60 s");
  assert.equal(partOf(59.6, 60), "59.6 s of the announced 60.0 s");
  assert.equal(partOf(65, 3723), "1:05 of the announced 1:02:03");
});

test("time left is rough, and nothing where nobody can know", () => {
  const cases: [number | null, string][] = [
    [null, ""],
    [Infinity, ""],
    [3, "a few seconds left"],
    [42, "40 s left"],
    [200, "3 min left"],
    [5400, "1 h 30 min left"],
    [200_000, "2 days left"],
  ];
  for (const [seconds, text] of cases) assert.equal(timeLeft(seconds), text);
});

test("a hundred percent is said only of what is done", () => {
  assert.equal(percent(0.9999), "99 %");
  assert.equal(percent(1), "100 %");
  assert.equal(percent(-1), "0 %");
});

test("times are told as a person would", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  const cases: [string, string][] = [
    ["2026-11-23T11:59:30Z", "just now"],
    ["2026-11-23T11:50:00Z", "10 min ago"],
    ["2026-11-23T07:00:00Z", "5 h ago"],
    ["2026-11-22T10:00:00Z", "yesterday"],
    ["2026-03-12T12:00:00Z", "12 Mar"],
    ["2025-03-12T12:00:00Z", "12 Mar 2025"],
    ["not a time", ""],
  ];
  for (const [at, text] of cases) assert.equal(ago(at, now), text);
});

test("a line of facts breaks between them alone", () => {
  assert.equal(line("MP4", "3.40 MiB", "", "1 min ago"), "MP4 · 3.40\u00a0MiB · 1\u00a0min\u00a0ago");
});

test("what a program says becomes a sentence", () => {
  assert.equal(sentence("one begins with `hr_`, and ends"), "One begins with “hr_”, and ends.");
  assert.equal(sentence("Is it there?"), "Is it there?");
});
