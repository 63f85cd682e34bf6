import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError, type EventPage } from "../src/core/api";
import { EventFeed } from "../src/core/events";
import { Refresher } from "../src/core/refresher";

/** A feed whose sockets the test opens and closes. */
function feed() {
  globalThis.addEventListener ??= () => {};
  globalThis.removeEventListener ??= () => {};
  const sockets: WebSocket[] = [];
  const paths: string[] = [];
  const none: EventPage = { events: [], cursor: null };
  const made = new EventFeed({ events: () => Promise.resolve(none) }, (path) => {
    paths.push(path);
    const socket = { close() {} } as WebSocket;
    sockets.push(socket);
    return socket;
  });
  let gaps = 0;
  made.onGap = () => (gaps += 1);
  const fire = (at: number, name: "onopen" | "onclose") =>
    (sockets[at]?.[name] as (event: unknown) => void | undefined)?.({});
  const receive = (at: number, id: string) =>
    sockets[at]?.onmessage?.({ data: JSON.stringify({ id, type: "file.stored" }) } as MessageEvent);
  return { feed: made, paths, fire, receive, gaps: () => gaps };
}

test("at the first connection lists are read once more, as nobody knows what happened before it", () => {
  const { feed: it, fire, gaps } = feed();
  it.start();
  assert.equal(gaps(), 0);
  fire(0, "onopen");
  assert.equal(gaps(), 1);
  it.stop();
});

test("with a last event the feed goes on from there, and no list is read", async () => {
  const { feed: it, paths, fire, receive, gaps } = feed();
  it.start();
  fire(0, "onopen");
  receive(0, "e7");
  fire(0, "onclose");
  while (paths.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  fire(1, "onopen");
  assert.deepEqual(paths, ["/v1/events", "/v1/events?after=e7"]);
  assert.equal(gaps(), 1);
  it.stop();
});

/** A refresher over a reading that the test lets succeed or fail. */
function refresher() {
  const readings: { succeed(): void; fail(error: Error): void }[] = [];
  let due: { delay: number; work: () => void } | null = null;
  const made = new Refresher(() => new Promise<void>((succeed, fail) => readings.push({ succeed, fail })), {
    backoff: { first: 1000, most: 4000, tries: Infinity },
    chance: () => 0,
    later: (delay, work) => {
      due = { delay, work };
      return () => (due = null);
    },
  });
  return { made, readings, due: () => due };
}

test("asked while it reads, a refresher reads once more, however often", async () => {
  const { made, readings } = refresher();
  const first = made.now();
  void made.now();
  void made.now();
  assert.equal(readings.length, 1);
  readings[0]?.succeed();
  await new Promise(setImmediate);
  assert.equal(readings.length, 2);
  readings[1]?.succeed();
  await first;
  assert.equal(readings.length, 2);
});

test("a refresher tries again after growing waits what fails in passing, and nothing else", async () => {
  const { made, readings, due } = refresher();
  const lost = new ApiError(0, "lost");
  for (const [at, delay] of [1000, 2000, 4000].entries()) {
    const reading = made.now();
    readings[at]?.fail(lost);
    await reading;
    assert.equal(due()?.delay, delay);
  }
  const asked = made.now();
  assert.equal(due(), null);
  readings[3]?.fail(new ApiError(401, "signed out"));
  await asked;
  assert.equal(due(), null);
});
