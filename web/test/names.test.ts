import assert from "node:assert/strict";
import { test } from "node:test";

import { quotedName, shownName } from "../src/core/names";

test("what a name hides or turns around is shown, and what scripts need stays", () => {
  assert.equal(shownName("invoice\u202egpj.exe"), "invoice\ufffdgpj.exe");
  assert.equal(shownName("two\nlines\tand \u2028more"), "two\ufffdlines\ufffdand \ufffdmore");
  for (const name of ["عرض\u200f.txt", "می\u200cخواهم.mp4", "👩\u200d🚀.mov", "Straße.mkv"]) assert.equal(shownName(name), name);
});

test("a name in a sentence does not turn the sentence", () => {
  assert.equal(quotedName("عرض.txt"), "“\u2068عرض.txt\u2069”");
});
