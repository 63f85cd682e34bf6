// Where files come in: a place to drop on and buttons to pick with. The whole window takes drops, on every
// page; a veil says so while something is dragged over it.

import { h } from "../ui/dom";
import { icon } from "../ui/icons";
import { noteError } from "../ui/say";
import { fromDrop, fromInput, fromPicker, hasPicker, type Picked } from "./pick";

type Take = (picked: Picked[]) => void;

export class DropZone {
  readonly element: HTMLElement;
  private readonly files: HTMLInputElement;
  private readonly folder: HTMLInputElement;

  constructor(private readonly take: Take) {
    this.files = this.input("file-input", false);
    this.folder = this.input("folder-input", true);
    this.element = h(
      "section",
      { class: "dropzone", "aria-labelledby": "dropzone-title", "data-testid": "drop-zone" },
      h("div", { class: "dropzone-sign" }, icon("upload")),
      h(
        "div",
        { class: "dropzone-words" },
        h("h1", { id: "dropzone-title" }, canDrop() ? "Drop files to upload" : "Upload files"),
        h(
          "p",
          { class: "dropzone-more" },
          "Videos become streams that play while they are still being made. Every other file is kept as it is.",
        ),
      ),
      h(
        "div",
        { class: "dropzone-actions" },
        h(
          "button",
          {
            class: "button button-main",
            type: "button",
            "data-testid": "choose-files",
            onclick: () => void this.choose(),
          },
          "Choose files",
        ),
        h(
          "button",
          {
            class: "button",
            type: "button",
            "data-testid": "choose-folder",
            onclick: () => this.folder.click(),
          },
          "Choose a folder",
        ),
      ),
      this.files,
      this.folder,
    );
    catchDrops(take);
  }

  /** Large and explaining while there is nothing yet, a quiet line afterwards. */
  set prominent(yes: boolean) {
    this.element.classList.toggle("dropzone-large", yes);
  }

  /** Lets the person pick files; with handles where the browser's picker gives them. */
  async choose(): Promise<void> {
    if (!hasPicker()) {
      this.files.click();
      return;
    }
    try {
      this.take(await fromPicker());
    } catch (error) {
      noteError(error);
    }
  }

  private input(testid: string, isFolder: boolean): HTMLInputElement {
    const input = h("input", {
      type: "file",
      multiple: true,
      webkitdirectory: isFolder,
      hidden: true,
      "aria-label": isFolder ? "Choose a folder" : "Choose files",
      "data-testid": testid,
      onchange: () => {
        if (input.files !== null) this.take(fromInput(input.files));
        // The same file may be chosen again after it was cancelled.
        input.value = "";
      },
    });
    return input;
  }
}

/** Fingers pick, they do not drop. */
function canDrop(): boolean {
  return !matchMedia("(pointer: coarse)").matches;
}

function catchDrops(take: Take): void {
  const veil = h(
    "div",
    { class: "veil", hidden: true, "data-testid": "drop-veil" },
    h("p", {}, icon("upload"), "Drop to upload"),
  );
  document.body.append(veil);
  // Every element that the pointer crosses says enter and leave: the veil goes when all have been left.
  let depth = 0;
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  const settle = (now: number) => {
    depth = Math.max(0, now);
    veil.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => hasFiles(event) && settle(depth + 1));
  addEventListener("dragleave", (event) => hasFiles(event) && settle(depth - 1));
  addEventListener("dragover", (event) => {
    if (!hasFiles(event) || event.dataTransfer === null) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event) || event.dataTransfer === null) return;
    event.preventDefault();
    settle(0);
    fromDrop(event.dataTransfer).then(take, noteError);
  });
}
