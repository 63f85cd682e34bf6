import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError, type FileInfo, type FilePage, type ServerEvent, type Video } from "../src/core/api";
import { change, FileStore } from "../src/core/files";
import { showing } from "../src/player/showing";

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

/** Requests that are answered when the test says so, in the order in which they were made. */
function slowServer() {
  const lists: ((page: FilePage) => void)[] = [];
  const files: ((file: FileInfo) => void)[] = [];
  const store = new FileStore({
    files: () => new Promise((resolve) => lists.push(resolve)),
    file: () => new Promise((resolve) => files.push(resolve)),
  });
  return { store, lists, files };
}

const page = (files: FileInfo[], cursor: string | null = null): FilePage => ({ files, cursor });
const ready = { ...video, state: "ready" as const, progress: 1 };

test("a page that was asked for before a change does not undo it", async () => {
  const { store, lists, files } = slowServer();
  const first = store.load();
  lists[0]?.(page([file("b", { video }), file("a")], "a"));
  await first;

  const again = store.load();
  const told = store.apply(event("video.changed", { file: "b", data: { state: "ready", progress: 1 } }));
  files[0]?.(file("b", { video: ready }));
  await told;
  await store.apply(event("file.deleted", { file: "a" }));
  lists[1]?.(page([file("b", { video }), file("a")], "a"));
  await again;
  assert.equal(store.get("b")?.video?.state, "ready");
  assert.deepEqual(
    store.list().map(({ id }) => id),
    ["b"],
  );
});

test("a file that came while the list was read is in it, and one beyond the list's end is not", async () => {
  const { store, lists } = slowServer();
  const first = store.load();
  store.put(file("d"));
  store.put(file("a"));
  lists[0]?.(page([file("c"), file("b")], "b"));
  await first;
  assert.deepEqual(
    store.list().map(({ id }) => id),
    ["d", "c", "b"],
  );
  assert.equal(store.get("a")?.id, "a");
});

test("a file that was deleted while it was read does not come back", async () => {
  const { store, files } = slowServer();
  const reading = store.read("a");
  store.drop("a");
  files[0]?.(file("a"));
  await reading;
  assert.equal(store.get("a"), undefined);
});

test("a change during a reading is followed by one more, and whoever asks meanwhile waits for it", async () => {
  const { store, files } = slowServer();
  store.put(file("a"));
  const reading = store.read("a");
  const second = store.read("a");
  files[0]?.(file("a"));
  await Promise.resolve();
  while (files.length < 2) await Promise.resolve();
  files[1]?.(file("a", { name: "new" }));
  await Promise.all([reading, second]);
  assert.equal(store.get("a")?.name, "new");
});

test("the list is read anew as far as it was read before", async () => {
  const cursors: (string | null)[] = [];
  const store = new FileStore({
    files: (cursor) => {
      cursors.push(cursor);
      return Promise.resolve(cursor === null ? page([file("c")], "c") : page([file("b")], "b"));
    },
    file: (id) => Promise.resolve(file(id)),
  });
  await store.load();
  await store.more();
  await store.load();
  assert.deepEqual(cursors, [null, "c", null, "c"]);
  assert.equal(store.list().length, 2);
});

test("a list that cannot be read says why, until it can", async () => {
  let works = false;
  const refused = new ApiError(503, "the disk is busy");
  const store = new FileStore({
    files: () => (works ? Promise.resolve(page([])) : Promise.reject(refused)),
    file: (id) => Promise.resolve(file(id)),
  });
  let told = 0;
  store.listen(() => (told += 1));
  await assert.rejects(store.load(), refused);
  assert.deepEqual([store.loaded, store.problem, told], [false, "the disk is busy", 1]);
  works = true;
  await store.load();
  assert.deepEqual([store.loaded, store.problem, told], [true, null, 2]);
});

test("only an answer of the server can say that there is no such file", () => {
  const known = file("a");
  const failed = { is: "failed", message: "no connection" } as const;
  assert.deepEqual(showing(undefined, { is: "loading" }), { is: "loading" });
  assert.deepEqual(showing(undefined, failed), failed);
  assert.deepEqual(showing(undefined, { is: "done" }), { is: "gone" });
  assert.deepEqual(showing(known, failed), { is: "file", file: known });
});
