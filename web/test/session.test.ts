import assert from "node:assert/strict";
import { test } from "node:test";

import { Api, ApiError } from "../src/core/api";
import { Gate } from "../src/core/gate";

/** A gate and what the app was told to do at it. */
function gate() {
  const log: string[] = [];
  const say = (what: string) => () => void log.push(what);
  const made = new Gate({ ask: say("ask"), enter: say("enter"), goOn: say("go on"), startAnew: say("anew") });
  return { gate: made, log };
}

const session = (owner: string) => ({ owner, accounts: true });

test("however many requests are refused, a key is asked for once", () => {
  const { gate: it, log } = gate();
  it.open(session("ann"));
  it.close();
  it.close();
  assert.equal(it.isClosed, true);
  assert.deepEqual(log, ["enter", "ask"]);
  it.open(session("ann"));
  it.close();
  assert.deepEqual(log, ["enter", "ask", "go on", "ask"]);
});

test("the same owner goes on, another one starts anew", () => {
  const { gate: it, log } = gate();
  it.close();
  it.open(session("ann"));
  it.close();
  it.open(session("bob"));
  assert.deepEqual(log, ["ask", "enter", "ask", "anew"]);
});

/** Lets every request be answered with `status` and `body` while `work` runs. */
async function answered(status: number, body: string, work: () => Promise<void>): Promise<void> {
  const { fetch } = globalThis;
  globalThis.fetch = () => Promise.resolve(new Response(body, { status }));
  await work().finally(() => (globalThis.fetch = fetch));
}

test("a wrong key is told to the form alone, an ended session to the app", async () => {
  const api = new Api();
  let ended = 0;
  api.onUnauthorized = () => (ended += 1);
  await answered(401, '{"detail":"this key is not valid"}', async () => {
    await assert.rejects(api.signIn("hr_wrong"), { status: 401, message: "This key is not valid." });
    assert.equal(ended, 0);
    await assert.rejects(api.file("a"), { status: 401 });
    assert.equal(ended, 1);
  });
});

test("an answer that is not JSON is told in a sentence", async () => {
  await answered(200, "<html>Welcome to the hotel</html>", async () => {
    await assert.rejects(new Api().file("a"), (error) => error instanceof ApiError && error.isPassing);
  });
});
