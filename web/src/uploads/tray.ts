// A small line at the foot of every page but the library: uploads go on while a video is watched.

import { fill, h } from "../ui/dom";
import { icon } from "../ui/icons";
import type { UploadQueue } from "./queue";
import { summarize } from "./words";

export class UploadTray {
  private readonly words = h("span");
  private readonly bar = h("progress", { class: "bar", max: 1, "aria-hidden": "true" });
  private readonly link = h(
    "a",
    { class: "tray", href: "/", hidden: true, "data-testid": "upload-tray" },
    icon("upload"),
    this.words,
    this.bar,
  );
  readonly element = h("aside", { "aria-label": "Uploads" }, this.link);

  constructor(queue: UploadQueue) {
    let painting = false;
    queue.listen(() => {
      if (painting) return;
      painting = true;
      setTimeout(() => {
        painting = false;
        const { text, share } = summarize(queue.list(), Date.now());
        this.link.hidden = share === null;
        this.bar.value = share ?? 0;
        fill(this.words, text);
      }, 500);
    });
  }
}
