// Questions that need an answer before anything else: the browser's own modal dialog, which keeps the focus
// inside, closes on Escape, and gives the focus back.

import { h, type Props } from "./dom";
import { icon } from "./icons";

/** A modal dialog with a title; it leaves the page when it is closed. */
export function openDialog(title: string, testid: string, ...content: Node[]): HTMLDialogElement {
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-label": title, "data-testid": testid, onclose: () => dialog.remove() },
    h(
      "header",
      { class: "dialog-head" },
      h("h2", {}, title),
      h(
        "button",
        { class: "button-icon", type: "button", "aria-label": "Close", onclick: () => dialog.close() },
        icon("close"),
      ),
    ),
    ...content,
  );
  // A click on the backdrop is a click on the dialog outside its box.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Closes whatever is asked, unanswered: nothing behind a modal dialog can be reached. */
export function closeDialogs(): void {
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
}

/** Asks before something that cannot be taken back. Resolves to whether to do it. */
export function confirm(title: string, text: string, action: string): Promise<boolean> {
  return ask(title, "confirm-dialog", action, "button button-danger", [h("p", {}, text)], () => true).then(
    (answer) => answer ?? false,
  );
}

/** Asks for a line of text. Resolves to null when the person thinks better of it. */
export function prompt(title: string, label: string, value: string, action: string): Promise<string | null> {
  const input = h("input", {
    class: "field",
    value,
    required: true,
    maxlength: 255,
    autofocus: true,
    "data-testid": "prompt-input",
  });
  const content = [h("label", { class: "labelled" }, h("span", {}, label), input)];
  const answer = ask(title, "prompt-dialog", action, "button button-main", content, () => input.value.trim());
  // The name without its ending is what people change.
  const dot = value.lastIndexOf(".");
  input.focus();
  input.setSelectionRange(0, dot > 0 ? dot : value.length);
  return answer;
}

function ask<T>(
  title: string,
  testid: string,
  action: string,
  actionClass: string,
  content: Node[],
  answer: () => T,
): Promise<T | null> {
  return new Promise((resolve) => {
    let given: T | null = null;
    const actionProps: Props = { class: actionClass, type: "submit", "data-testid": "dialog-action" };
    // Return does nothing that cannot be taken back, unless one goes there.
    const isGrave = actionClass.includes("danger");
    const form = h(
      "form",
      { method: "dialog", class: "dialog-form", onsubmit: () => void (given = answer()) },
      ...content,
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { class: "button", type: "button", autofocus: isGrave, onclick: () => dialog.close() }, "Cancel"),
        h("button", actionProps, action),
      ),
    );
    const dialog = openDialog(title, testid, form);
    dialog.addEventListener("close", () => resolve(given));
  });
}
