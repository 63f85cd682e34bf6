import assert from "node:assert/strict";
import { test } from "node:test";

import type { Video } from "../src/core/api";
import { cutOff, kindOf, matches, reasonOf, stateOf } from "../src/library/words";
import { problemOf, startLevel } from "../src/player/engine";
import { fillsBox } from "../src/player/fit";
import { command } from "../src/player/keys";
import { qualities } from "../src/player/quality";
import { Recoveries } from "../src/player/recovery";
import { area, linear, logarithmic, path, Series } from "../src/player/series";
import { parseStoryboard, tileAt } from "../src/player/storyboard";

test("rungs are named by their short side, the best first", () => {
  const rungs = [
    { id: 0, width: 640, height: 360, bandwidth: 8e5, frameRate: 30 },
    { id: 1, width: 1080, height: 1920, bandwidth: 5e6, frameRate: 59.94 },
    { id: 2, width: 0, height: 0, bandwidth: 128_000, frameRate: 0 },
  ];
  assert.deepEqual(
    qualities(rungs).map(({ id, label, hint }) => [id, label, hint]),
    [
      [1, "1080p60", "up to 5.0 Mbit/s"],
      [0, "360p", "up to 800 kbit/s"],
      [2, "Sound", "up to 128 kbit/s"],
    ],
  );
});

test("a picture of its box's shape fills it, any other keeps its bars", () => {
  const full = { width: 1920, height: 1080 };
  assert.ok(fillsBox(full, { width: 1013, height: 570 }));
  assert.ok(fillsBox({ width: 854, height: 480 }, { width: 1120, height: 630 }));
  assert.ok(!fillsBox({ width: 1440, height: 1080 }, { width: 1120, height: 630 }));
  assert.ok(!fillsBox(full, { width: 1000, height: 500 }));
  assert.ok(!fillsBox({ width: 0, height: 0 }, { width: 1000, height: 500 }));
});

test("keys do what the help says", () => {
  assert.deepEqual(command(" "), { do: "toggle" });
  assert.deepEqual(command("K"), { do: "toggle" });
  assert.deepEqual(command("ArrowLeft"), { do: "seekBy", seconds: -5 });
  assert.deepEqual(command("l"), { do: "seekBy", seconds: 10 });
  assert.deepEqual(command("7"), { do: "seekTo", share: 0.7 });
  assert.deepEqual(command("?"), { do: "help" });
  assert.equal(command("q"), null);
  assert.equal(command("F5"), null);
});

test("a decoder is set up anew three times at one place, and again only when that place was passed", () => {
  const recoveries = new Recoveries();
  // Buffering goes on between the failures, and a reset decoder may be at the beginning for a moment.
  assert.deepEqual(
    [20, 20.5, 0, 20].map((time) => recoveries.allow(time)),
    [true, true, true, false],
  );
  assert.equal(recoveries.allow(31), true);
});

test("a storyboard's tiles are found by time, and cues that are not understood are left out", () => {
  const vtt = [
    "WEBVTT",
    "00:00:00.000 --> 00:00:05.000\nsprite-0.jpg#xywh=0,0,160,90",
    "2\n01:00:05.000 --> 01:00:10.500 align:start\n/other/sprite.jpg#xywh=pixel:160,90,160,90",
    "00:00:05.000 --> 00:00:10.000\nwithout a place",
  ].join("\r\n\r\n");
  const tiles = parseStoryboard(vtt, "http://h/play/f/storyboard.vtt");
  assert.deepEqual(tiles, [
    { from: 0, to: 5, url: "http://h/play/f/sprite-0.jpg", x: 0, y: 0, width: 160, height: 90 },
    { from: 3605, to: 3610.5, url: "http://h/other/sprite.jpg", x: 160, y: 90, width: 160, height: 90 },
  ]);
  assert.equal(tileAt(tiles, 4.9), tiles[0]);
  assert.equal(tileAt(tiles, 5), null);
});

test("a line is drawn from the left while it is young and slides when it is old", () => {
  const series = new Series(1000, 2000);
  const box = { width: 100, height: 10 };
  series.add(0, 0);
  series.add(500, 10);
  assert.equal(path(series, 500, linear(10), box, false), "M50.0 10.0L100.0 0.0");
  assert.equal(path(series, 1000, linear(10), box, true), "M0.0 10.0H50.0V0.0H100.0");
  assert.equal(area(series, 500, linear(10), box, false), "M50.0 10.0L100.0 0.0V10.0H50.0Z");
  for (let at = 1000; at <= 9000; at += 500) series.add(at, 5);
  assert.equal(series.samples.length, 5);
  assert.equal(series.span(9000), 2000);
  assert.equal(path(new Series(1, 2), 0, linear(1), box, false), "");
});

test("a logarithmic scale gives every power of ten the same room and ends at its ends", () => {
  const scale = logarithmic(1, 1000);
  assert.deepEqual(
    [0, 1, 10, 1000, 1e9].map((value) => Number(scale(value).toFixed(3))),
    [0, 0, 0.333, 1, 1],
  );
});

test("a video's state is said in a word, its failure in a sentence", () => {
  const video: Video = {
    state: "failed",
    reason: "the file ends before its index",
    duration: null,
    progress: 0.415,
    renditions: [],
    hls: null,
    dash: null,
    poster: null,
    storyboard: null,
  };
  assert.equal(reasonOf(video), "The file ends before its index.");
  assert.match(reasonOf({ ...video, reason: null }), /can be downloaded\.$/);
  assert.deepEqual(stateOf({ ...video, state: "running" }), {
    text: "Converting 41 %",
    tone: "work",
    progress: 0.415,
  });
  assert.equal(stateOf({ ...video, state: "ready" }).progress, null);
});

test("a video that was cut off says how much of it there is", () => {
  const part: Video = {
    state: "ready",
    duration: 41,
    announced_duration: 60,
    progress: 1,
    renditions: [],
    hls: "/play/a/master.m3u8",
    dash: null,
    poster: null,
    storyboard: null,
  };
  assert.equal(cutOff(part), "Cut off: 41 s of the announced 60 s");
  const { announced_duration, ...whole } = part;
  assert.equal(cutOff(whole), null);
  assert.equal(cutOff({ ...part, duration: null }), null);
});

test("a file's kind is told by its ending, its sign by its media type", () => {
  assert.deepEqual(kindOf({ name: "notes.mp4", media_type: "video/mp4", video: null }), { icon: "file", word: "MP4" });
  assert.deepEqual(kindOf({ name: "a.tar.zst", media_type: "application/zstd", video: null }), {
    icon: "archive",
    word: "ZST",
  });
  assert.deepEqual(kindOf({ name: "README", media_type: "text/plain", video: null }), { icon: "text", word: "Document" });
  assert.deepEqual(kindOf({ name: "x", media_type: "application/octet-stream", video: null }), {
    icon: "file",
    word: "File",
  });
});

test("a stream begins with what the connection carries with ease, and with the lowest where nobody knows", () => {
  const bitrates = [400_000, 900_000, 1_500_000, 3_000_000];
  for (const [bandwidth, level] of [
    [null, 0],
    [500_000, 0],
    [2_000_000, 1],
    [3_000_000, 2],
    [50_000_000, 3],
  ] as const)
    assert.equal(startLevel(bitrates, bandwidth), level, String(bandwidth));
  assert.equal(startLevel([], null), 0);
});

test("a search finds names that contain all its words", () => {
  assert.ok(matches("Harbour at dawn, take 3.mov", "DAWN harb"));
  assert.ok(matches("anything", ""));
  assert.ok(matches("cafe\u0301.mp4", "caf\u00e9") && matches("caf\u00e9.mp4", "cafe\u0301"));
  assert.ok(!matches("Harbour at dawn", "harbour dusk"));
});

test("a stream's problem is told with whether it passes by itself", () => {
  const cases: [boolean, number, RegExp, boolean][] = [
    [false, 0, /cannot decode/, false],
    [true, 0, /connection to the server was lost/, true],
    [true, 503, /server could not give/, true],
    [true, 404, /not there any more/, false],
    [true, 403, /Sign in/, false],
  ];
  for (const [isNetwork, status, words, passing] of cases) {
    const problem = problemOf(isNetwork, status);
    assert.match(problem.message, words);
    assert.equal(problem.passing, passing, problem.message);
  }
});
