// The seek bar: what has been made, what is buffered, what has been played; a slider for the keyboard and for
// screen readers, and for the pointer a preview of where it would go.

import { clock, spokenTime } from "../core/format";
import { fill, h } from "../ui/dom";
import type { StoryboardPreview } from "./storyboard";

/** What the bar shows, in seconds. */
export interface Position {
  time: number;
  /** The whole length. */
  duration: number;
  /** What exists so far; the same as `duration` when all is made. */
  made: number;
  buffered: { from: number; to: number }[];
}

export class SeekBar {
  readonly element: HTMLElement;
  private readonly made = h("div", { class: "seek-made" });
  private readonly buffered = h("div", { class: "seek-buffered" });
  private readonly played = h("div", { class: "seek-played" });
  private readonly thumb = h("div", { class: "seek-thumb" });
  private readonly time = h("span", { class: "preview-time" });
  private readonly preview: HTMLElement;
  private position: Position = { time: 0, duration: 0, made: 0, buffered: [] };
  /** Where a drag would go, null without one. */
  private dragged: number | null = null;

  constructor(
    private readonly storyboard: StoryboardPreview,
    private readonly seek: (time: number) => void,
  ) {
    this.preview = h(
      "div",
      { class: "preview", hidden: true, "aria-hidden": "true" },
      storyboard.element,
      this.time,
    );
    this.element = h(
      "div",
      {
        class: "seek",
        role: "slider",
        tabindex: 0,
        "aria-label": "Position",
        "aria-valuemin": 0,
        "aria-valuemax": 0,
        "aria-valuenow": 0,
        "data-testid": "seek",
        onpointerdown: (event: PointerEvent) => this.grab(event),
        onpointermove: (event: PointerEvent) => this.hover(event),
        onpointerup: (event: PointerEvent) => this.release(event),
        onpointercancel: () => this.letGo(),
        onpointerleave: () => this.dragged === null && (this.preview.hidden = true),
      },
      h("div", { class: "seek-track" }, this.made, this.buffered, this.played),
      this.thumb,
      this.preview,
    );
  }

  show(position: Position): void {
    this.position = position;
    const { duration, made, buffered } = position;
    const time = this.dragged ?? position.time;
    this.made.style.width = share(made, duration);
    this.played.style.width = share(time, duration);
    this.thumb.style.left = share(time, duration);
    this.paintBuffered(buffered, duration);
    set(this.element, "aria-valuemax", String(Math.round(duration)));
    set(this.element, "aria-valuenow", String(Math.round(time)));
    set(this.element, "aria-valuetext", `${spokenTime(time)} of ${spokenTime(duration)}`);
  }

  private paintBuffered(ranges: Position["buffered"], duration: number): void {
    while (this.buffered.children.length > ranges.length) this.buffered.lastElementChild?.remove();
    while (this.buffered.children.length < ranges.length) this.buffered.append(h("div"));
    ranges.forEach(({ from, to }, at) => {
      const { style } = this.buffered.children[at] as HTMLElement;
      style.left = share(from, duration);
      style.width = share(to - from, duration);
    });
  }

  private grab(event: PointerEvent): void {
    if (event.button !== 0 || this.position.duration === 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.dragged = this.timeAt(event);
    this.hover(event);
  }

  private hover(event: PointerEvent): void {
    const { duration } = this.position;
    if (duration === 0) return;
    const time = this.timeAt(event);
    if (this.dragged !== null) {
      this.dragged = time;
      this.show(this.position);
    }
    this.preview.hidden = false;
    fill(this.time, time > this.position.made ? `${clock(time)} · not made yet` : clock(time));
    this.storyboard.show(time);
    const half = this.preview.offsetWidth / 2;
    const box = this.element.getBoundingClientRect();
    const x = Math.min(Math.max(event.clientX - box.left, half), box.width - half);
    this.preview.style.left = `${x}px`;
  }

  private release(event: PointerEvent): void {
    if (this.dragged === null) return;
    this.seek(this.timeAt(event));
    this.letGo();
    if (event.pointerType !== "mouse") this.preview.hidden = true;
  }

  private letGo(): void {
    this.dragged = null;
  }

  private timeAt(event: PointerEvent): number {
    const box = this.element.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.position.duration;
  }
}

function share(part: number, whole: number): string {
  return whole > 0 ? `${Math.min(100, Math.max(0, (part / whole) * 100))}%` : "0%";
}

function set(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
