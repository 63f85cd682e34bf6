import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError, problemText, type FileInfo, type ServerEvent, type Video } from "../src/core/api";
import { wait } from "../src/core/backoff";
import { parseEvent } from "../src/core/events";
import { change, FileStore } from "../src/core/files";
import { parseRoute, routePath } from "../src/core/router";

const video: Video = {
  state: "running",
  duration: 60,
  progress: 0.2,
  renditions: [],
  hls: null,
  dash: null,
  poster: null,
  storyboard: null,
};

function file(id: string, over: Partial<FileInfo> = {}): FileInfo {
  const basis = {
    name: `${id}.mp4`,
    media_type: "video/mp4",
    size: 1,
    sha256: null,
    state: "stored" as const,
  };
  return { id, ...basis, version: 1, created_at: "2026-11-23T12:00:00Z", video: null, ...over };
}

function event(type: string, over: Partial<ServerEvent> = {}): ServerEvent {
  return { id: "e", at: "", type, file: "a", upload: null, data: null, ...over };
}

test("the words for a refusal come from the problem document, else from the status", () => {
  assert.equal(problemText(409, '{"title":"Conflict","detail":"the offset is 7"}'), "the offset is 7");
  assert.equal(problemText(409, '{"title":"Conflict"}'), "Conflict");
  assert.equal(problemText(502, "<html>"), "The server answered with status 502.");
});

test("waits double up to their limit, lose up to a quarter to chance, and end", () => {
  const backoff = { first: 500, most: 4000, tries: 6 };
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map((attempt) => wait(backoff, attempt, 0)),
    [500, 1000, 2000, 4000, 4000, 4000, null],
  );
  assert.equal(wait(backoff, 1, 1), 750);
  assert.equal(wait({ ...backoff, tries: Infinity }, 5000, 0), 4000);
});

test("addresses mean pages, and pages have addresses", () => {
  assert.deepEqual(parseRoute("/"), { page: "library" });
  assert.deepEqual(parseRoute("/watch/0193-7"), { page: "watch", file: "0193-7" });
  assert.deepEqual(parseRoute("/watch/"), { page: "unknown" });
  assert.deepEqual(parseRoute("/watch/%E0%A4%A"), { page: "unknown" });
  assert.deepEqual(parseRoute("/v1/files"), { page: "unknown" });
  assert.deepEqual(parseRoute(routePath({ page: "watch", file: "a b/c" })), { page: "watch", file: "a b/c" });
});

test("a message that is no event is left out", () => {
  assert.equal(parseEvent("{"), null);
  assert.equal(parseEvent('{"id":1,"type":"x"}'), null);
  assert.equal(parseEvent(new Uint8Array()), null);
  assert.equal(parseEvent('{"id":"1","type":"file.stored","file":"a"}')?.file, "a");
});

test("an event changes a known file in place when it carries all there is to know", () => {
  const known = file("a", { video });
  const progressed = change(event("video.changed", { data: { state: "running", progress: 0.5 } }), known);
  assert.equal(progressed.kind === "replace" && progressed.file.video?.progress, 0.5);
  const late = change(event("video.changed", { data: { state: "running", progress: 0.1 } }), known);
  assert.equal(late.kind === "replace" && late.file.video?.progress, 0.2);
  const renamed = change(event("file.renamed", { data: { name: "new" } }), known);
  assert.equal(renamed.kind === "replace" && renamed.file.name, "new");
});

test("an event that does not lets the file be read, or removed, or is nothing", () => {
  const known = file("a", { video });
  assert.deepEqual(change(event("video.changed", { data: { state: "playable", progress: 0.5 } }), known), {
    kind: "read",
    id: "a",
  });
  assert.deepEqual(change(event("video.changed", { data: { state: "running", progress: 0.5 } }), undefined), {
    kind: "read",
    id: "a",
  });
  assert.deepEqual(change(event("file.stored"), undefined), { kind: "read", id: "a" });
  assert.deepEqual(change(event("file.deleted"), known), { kind: "remove", id: "a" });
  assert.deepEqual(change(event("upload.progress"), known), { kind: "none" });
  assert.deepEqual(change(event("file.stored", { file: null }), known), { kind: "none" });
});

test("the list is newest first, takes in pages and forgets what is gone", async () => {
  const pages = [
    { files: [file("c"), file("b")], cursor: "b" },
    { files: [file("a")], cursor: null },
  ];
  const store = new FileStore({
    files: (cursor) => Promise.resolve(pages[cursor === null ? 0 : 1] ?? assert.fail("no such page")),
    file: (id) => (id === "gone" ? Promise.reject(new ApiError(404, "no")) : Promise.resolve(file(id))),
  });
  await store.load();
  assert.equal(store.hasMore, true);
  await store.more();
  assert.deepEqual(
    store.list().map(({ id }) => id),
    ["c", "b", "a"],
  );
  assert.equal(store.hasMore, false);
  await store.read("d");
  assert.equal(store.list()[0]?.id, "d");
  store.put(file("gone"));
  await store.read("gone");
  assert.equal(store.get("gone"), undefined);
});

test("many events about one file cost one reading at a time", async () => {
  let readings = 0;
  const store = new FileStore({
    files: () => Promise.resolve({ files: [], cursor: null }),
    file: async (id) => {
      readings += 1;
      await Promise.resolve();
      return file(id);
    },
  });
  await Promise.all(Array.from({ length: 20 }, () => store.apply(event("file.stored"))));
  assert.equal(readings, 2);
});
