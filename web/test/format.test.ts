import assert from "node:assert/strict";
import { test } from "node:test";

import { ago, bitrate, clock, percent, rate, sentence, size, spokenTime, timeLeft } from "../src/core/format";

test("sizes are in decimal units with two figures where they matter", () => {
  const cases: [number, string][] = [
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1000, "1.0 kB"],
    [9_949, "9.9 kB"],
    [9_960, "10 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [4_200_000_000, "4.2 GB"],
    [5e15, "5.0 PB"],
  ];
  for (const [bytes, text] of cases) assert.equal(size(bytes), text);
  assert.equal(rate(12_345_678.9), "12 MB/s");
});

test("bit rates are named as networks name them", () => {
  assert.equal(bitrate(128_000), "128 kb/s");
  assert.equal(bitrate(2_800_000), "2.8 Mb/s");
  assert.equal(bitrate(87_400_000), "87 Mb/s");
  assert.equal(bitrate(1_500_000_000), "1.5 Gb/s");
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

test("what a program says becomes a sentence", () => {
  assert.equal(sentence("one begins with `hr_`, and ends"), "One begins with “hr_”, and ends.");
  assert.equal(sentence("Is it there?"), "Is it there?");
});
