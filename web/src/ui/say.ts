// What the app tells in passing: short notes that go by themselves, and words for screen readers only.

import { fill, h } from "./dom";
import { icon } from "./icons";

const notes = h("div", { class: "notes", role: "status", "aria-live": "polite", "data-testid": "notes" });
const spoken = h("div", { class: "unseen", role: "status", "aria-live": "polite" });

/** How long a note stays, in milliseconds. */
const stay = 5000;
const most = 3;

/** Puts the places of notes into the page, once. */
export function mountNotes(): void {
  document.body.append(notes, spoken);
}

/** Shows a note for a few seconds. */
export function note(text: string, kind: "done" | "problem" = "done"): void {
  const line = h(
    "div",
    { class: `note note-${kind}` },
    icon(kind === "done" ? "check" : "alert"),
    h("span", {}, text),
  );
  notes.append(line);
  while (notes.children.length > most) notes.firstElementChild?.remove();
  setTimeout(() => line.remove(), stay);
}

/** Shows what went wrong, in the words of the error. */
export function noteError(error: unknown): void {
  note(error instanceof Error ? error.message : String(error), "problem");
}

/** Says something to screen readers without showing it. */
export function announce(text: string): void {
  fill(spoken, text);
}
