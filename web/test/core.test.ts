import assert from "node:assert/strict";
import { test } from "node:test";

import { problemText } from "../src/core/api";
import { wait } from "../src/core/backoff";
import { parseEvent } from "../src/core/events";
import { parseRoute, routePath } from "../src/core/router";

test("the words for a refusal come from the problem document, else from the status", () => {
  assert.equal(problemText(409, '{"title":"Conflict","detail":"the offset is 7"}'), "The offset is 7.");
  assert.equal(problemText(409, '{"title":"Conflict"}'), "Conflict.");
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
