// The list of uploads as it is seen: a line for each with its progress and what can be done with it. Lines are
// kept and updated, not made anew, so that the focus stays where it is. A repaint happens at most a few times
// a second, however fast bytes go.

import { watchPath } from "../core/api";
import { count, percent, size } from "../core/format";
import { shownName } from "../core/names";
import { fill, h } from "../ui/dom";
import { icon, type IconName } from "../ui/icons";
import { announce } from "../ui/say";
import { setTitleProgress } from "../ui/title";
import type { Upload } from "./queue";
import type { Unfinished, Uploader } from "./uploader";
import { describe, share, summarize } from "./words";

/**
 * Lines shown at once, and when all are asked for: the library below is not to be pushed away, and a folder of
 * thousands is a number, not thousands of lines.
 */
const mostLines = { first: 6, all: 200 };
/** Milliseconds between repaints, and between words to screen readers. */
const pace = { paint: 250, speak: 15_000 };

interface Line {
  element: HTMLElement;
  update(now: number): void;
}

export class UploadPanel {
  readonly element: HTMLElement;
  private readonly lines = new Map<string, Line>();
  private readonly list = h("ul", { class: "uploads", "data-testid": "uploads" });
  private readonly summary = h("p", { class: "uploads-summary", "data-testid": "uploads-summary" });
  private readonly rest = h("p", { class: "uploads-rest" });
  private readonly more: HTMLButtonElement;
  private showsAll = false;
  private readonly pauseAll: HTMLButtonElement;
  private readonly clear: HTMLButtonElement;
  private painting = 0;
  private spokenAt = 0;
  private activeBefore = 0;

  /** `choose` opens the picker. */
  constructor(
    private readonly uploader: Uploader,
    private readonly choose: () => void,
  ) {
    const { queue } = uploader;
    this.pauseAll = h("button", {
      class: "button button-quiet",
      type: "button",
      onclick: () => this.toggleAll(),
    });
    this.clear = h(
      "button",
      {
        class: "button button-quiet",
        type: "button",
        "data-testid": "uploads-clear",
        onclick: () =>
          [...queue.list()].filter((one) => one.phase.is === "done").forEach((one) => queue.forget(one.key)),
      },
      "Clear finished",
    );
    this.more = h("button", {
      class: "button button-quiet uploads-more",
      type: "button",
      "data-testid": "uploads-more",
      onclick: () => {
        this.showsAll = !this.showsAll;
        this.paint(Date.now());
      },
    });
    this.element = h(
      "section",
      { class: "panel uploads-panel", "aria-labelledby": "uploads-title", hidden: true },
      h(
        "header",
        { class: "panel-head" },
        h("div", {}, h("h2", { id: "uploads-title" }, "Uploads"), this.summary),
        h("div", { class: "panel-actions" }, this.pauseAll, this.clear),
      ),
      this.list,
      this.rest,
      this.more,
    );
    queue.listen(() => this.repaint());
    uploader.listen(() => this.repaint());
    // Countdowns and times left change without an event.
    setInterval(() => this.lines.size > 0 && this.repaint(), 1000);
  }

  private repaint(): void {
    if (this.painting !== 0) return;
    this.painting = window.setTimeout(() => {
      this.painting = 0;
      this.paint(Date.now());
    }, pace.paint);
  }

  private paint(now: number): void {
    const uploads = this.uploader.queue.list();
    const unfinished = this.uploader.unfinished();
    this.element.hidden = uploads.length + unfinished.length === 0;

    const all = [
      ...unfinished.map((one) => ({ key: `unfinished:${one.url}`, make: () => this.unfinishedLine(one) })),
      ...[...uploads]
        .sort((a, b) => rank(a) - rank(b))
        .map((one) => ({ key: `upload:${one.key}`, make: () => this.uploadLine(one) })),
    ];
    const wanted = all.slice(0, this.showsAll ? mostLines.all : mostLines.first);
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, line] of this.lines) {
      if (keys.has(key)) continue;
      line.element.remove();
      this.lines.delete(key);
    }
    wanted.forEach(({ key, make }, at) => {
      let line = this.lines.get(key);
      if (line === undefined) {
        line = make();
        this.lines.set(key, line);
      }
      if (this.list.children[at] !== line.element)
        this.list.insertBefore(line.element, this.list.children[at] ?? null);
      line.update(now);
    });
    const hidden = all.length - wanted.length;
    fill(this.rest, this.showsAll && hidden > 0 ? `and ${count(hidden, "more file")}` : "");
    this.more.hidden = all.length <= mostLines.first;
    fill(this.more, this.showsAll ? "Show fewer" : `Show ${hidden} more`);
    this.more.setAttribute("aria-expanded", String(this.showsAll));
    this.paintHead(uploads, now);
  }

  private paintHead(uploads: readonly Upload[], now: number): void {
    const { text, active, done, share: part } = summarize(uploads, now);
    fill(this.summary, text === "" ? "Begun earlier and not finished" : text);
    this.clear.hidden = done === 0;
    const running = uploads.filter((one) => ["queued", "sending", "waiting"].includes(one.phase.is));
    const paused = uploads.filter((one) => one.phase.is === "paused");
    this.pauseAll.hidden = running.length + paused.length < 2;
    fill(this.pauseAll, running.length > 0 ? "Pause all" : "Resume all");
    this.speak(text, active, now);
    setTitleProgress(part === null ? "" : percent(part));
  }

  /** Screen readers hear of a change of the number at once, and of mere progress now and then. */
  private speak(text: string, active: number, now: number): void {
    const changed = active !== this.activeBefore;
    this.activeBefore = active;
    if (text === "" || (!changed && (active === 0 || now - this.spokenAt < pace.speak))) return;
    this.spokenAt = now;
    announce(`Uploads: ${text}`);
  }

  private toggleAll(): void {
    const { queue } = this.uploader;
    const running = queue.list().filter((one) => ["queued", "sending", "waiting"].includes(one.phase.is));
    // The last first, so that no freed place is taken by one that is to be paused next.
    if (running.length > 0) [...running].reverse().forEach((one) => queue.pause(one.key));
    else
      queue
        .list()
        .filter((one) => one.phase.is === "paused")
        .forEach((one) => queue.resume(one.key));
  }

  private uploadLine(upload: Upload): Line {
    const { queue } = this.uploader;
    const { key } = upload;
    const parts = frame(upload.name, upload.path);
    const pause = this.action("pause", "Pause", upload.name, () => queue.pause(key));
    const resume = this.action("play", "Resume", upload.name, () => queue.resume(key));
    const again = this.action("retry", "Try again", upload.name, () => queue.resume(key));
    const cancel = this.action("close", "Cancel", upload.name, () => void this.uploader.cancel(key));
    const open = h(
      "a",
      { class: "button button-quiet", href: "/", "data-testid": "upload-open", hidden: true },
      "Open",
    );
    const remove = this.action("close", "Hide", upload.name, () => queue.forget(key));
    parts.actions.append(pause, resume, again, cancel, open, remove);
    return {
      element: parts.element,
      update: (now) => {
        const { phase } = upload;
        parts.element.dataset.phase = phase.is;
        parts.show(share(upload), describe(upload, now));
        const isOpen = ["queued", "sending", "waiting"].includes(phase.is);
        swap(parts.actions, [
          [pause, isOpen],
          [resume, phase.is === "paused"],
          [again, phase.is === "failed" || phase.is === "waiting"],
          [cancel, phase.is !== "done"],
          [open, phase.is === "done" && phase.file !== null],
          [remove, phase.is === "done"],
        ]);
        if (phase.is === "done" && phase.file !== null) open.setAttribute("href", watchPath(phase.file));
      },
    };
  }

  private unfinishedLine(first: Unfinished): Line {
    const key = first.fingerprint;
    const parts = frame(first.name, first.path);
    parts.element.dataset.phase = "unfinished";
    const goOn = h(
      "button",
      {
        class: "button",
        type: "button",
        "data-testid": "upload-reopen",
        onclick: () => void this.uploader.reopen(key),
      },
      "Go on",
    );
    const choose = h(
      "button",
      { class: "button", type: "button", "data-testid": "upload-choose", onclick: () => this.choose() },
      "Choose file",
    );
    const discard = this.action("close", "Discard", first.name, () => void this.uploader.discard(key));
    parts.actions.append(goOn, choose, discard);
    return {
      element: parts.element,
      update: () => {
        const one = this.uploader.unfinished().find((other) => other.fingerprint === key) ?? first;
        const part = one.offset === null || one.size === 0 ? 0 : one.offset / one.size;
        const onItsWay = "On its way from another window";
        const stopped = `Stopped at ${percent(part)} of ${size(one.size)}.`;
        const words = one.elsewhere
          ? `${onItsWay}${one.offset === null ? "" : ` · ${percent(part)}`}`
          : `${one.offset === null ? "Not finished." : stopped} ${one.reopens ? "Go on where it was." : "Drop the file again to go on."}`;
        parts.show(part, words);
        swap(parts.actions, [
          [goOn, one.reopens && !one.elsewhere],
          [choose, !one.reopens && !one.elsewhere],
          [discard, !one.elsewhere],
        ]);
      },
    };
  }

  private action(sign: IconName, verb: string, name: string, act: () => void): HTMLButtonElement {
    return h(
      "button",
      {
        class: "button-icon",
        type: "button",
        "aria-label": `${verb} ${shownName(name)}`,
        title: verb,
        "data-testid": `upload-${verb.toLowerCase().replace(" ", "-")}`,
        hidden: true,
        onclick: act,
      },
      icon(sign),
    );
  }
}

/** What is running or needs someone stands before what waits; what is done stands last. */
function rank(upload: Upload): number {
  return { sending: 0, waiting: 0, failed: 0, paused: 0, queued: 1, done: 2 }[upload.phase.is];
}

function frame(name: string, path: string) {
  const folder = path === name ? null : path.slice(0, -name.length).replace(/\/$/, "");
  const bar = h("progress", { class: "bar", max: 1, value: 0, "aria-label": `Progress of ${shownName(name)}` });
  const words = h("p", { class: "upload-words", "data-testid": "upload-status" });
  const actions = h("div", { class: "upload-actions" });
  const element = h(
    "li",
    { class: "upload", "data-testid": "upload-row", "data-name": name },
    h(
      "div",
      { class: "upload-name" },
      h("span", { class: "upload-file", title: shownName(path) }, shownName(name)),
      folder === null ? null : h("span", { class: "upload-folder" }, shownName(folder)),
    ),
    bar,
    words,
    actions,
  );
  const show = (part: number, text: string) => {
    bar.value = part;
    fill(words, text);
  };
  return { element, actions, show };
}

/** Shows the buttons that fit; the focus goes to the first of them when its own is hidden. */
function swap(actions: HTMLElement, buttons: [HTMLElement, boolean][]): void {
  const hadFocus = actions.contains(document.activeElement);
  buttons.forEach(([button, isShown]) => (button.hidden = !isShown));
  const active = document.activeElement as HTMLElement | null;
  const lost = active === null || active === document.body || active.hidden;
  if (hadFocus && lost) buttons.find(([, isShown]) => isShown)?.[0].focus();
}
