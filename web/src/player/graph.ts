// The small live graph: measured bandwidth, seconds of buffer, and the chosen rung over the last two minutes.
// Three boxes with one time axis, each with its present value in words, which is all a screen reader needs.

import { bitrate } from "../core/format";
import { fill, h, svg } from "../ui/dom";
import { area, linear, logarithmic, path, Series, type Box, type Scale } from "./series";

/** What is measured at one moment. */
export interface Measurement {
  /** Bits a second, null before the first measurement. */
  bandwidth: number | null;
  /** Seconds from the position to the end of what is buffered there. */
  buffer: number;
  /** The rung that is seen: its place in the ladder from 0 for the lowest, and its name. */
  rung: { place: number; label: string } | null;
  /** How many rungs there are. */
  rungs: number;
}

/** Milliseconds on the time axis: at first, and at most. */
const span = { least: 10_000, most: 120_000 };
const box: Box = { width: 300, height: 56 };

export class StreamGraph {
  readonly element: HTMLElement;
  private readonly bandwidth = new Chart("Bandwidth", "bandwidth", false);
  private readonly buffer = new Chart("Buffer", "buffer", false);
  private readonly quality = new Chart("Quality", "quality", true);

  constructor() {
    this.element = h(
      "section",
      { class: "graph", "aria-label": "Stream over the last two minutes", "data-testid": "graph" },
      this.bandwidth.element,
      this.buffer.element,
      this.quality.element,
    );
  }

  /** Notes a measurement and draws. */
  add(now: number, { bandwidth, buffer, rung, rungs }: Measurement): void {
    if (bandwidth !== null) this.bandwidth.add(now, bandwidth);
    this.bandwidth.draw(now, logarithmic(100_000, 1e9), bandwidth === null ? "…" : bitrate(bandwidth));
    this.buffer.add(now, buffer);
    this.buffer.draw(
      now,
      linear(Math.max(30, ...this.buffer.values())),
      `${buffer.toFixed(buffer < 9.95 ? 1 : 0)} s`,
    );
    if (rung !== null) this.quality.add(now, rung.place + 1);
    this.quality.draw(now, linear(Math.max(1, rungs)), rung === null ? "…" : rung.label);
  }
}

class Chart {
  readonly element: HTMLElement;
  private readonly series = new Series(span.least, span.most);
  private readonly line = svg("path", { class: "chart-line", "vector-effect": "non-scaling-stroke" });
  private readonly under = svg("path", { class: "chart-area" });
  private readonly value = h("span", { class: "chart-value" });

  constructor(
    title: string,
    kind: string,
    private readonly stepped: boolean,
  ) {
    this.element = h(
      "div",
      { class: `chart chart-${kind}`, "data-testid": `graph-${kind}` },
      h("p", { class: "chart-head" }, h("span", { class: "chart-title" }, title), this.value),
      svg(
        "svg",
        {
          class: "chart-box",
          viewBox: `0 0 ${box.width} ${box.height}`,
          preserveAspectRatio: "none",
          "aria-hidden": "true",
        },
        this.under,
        this.line,
      ),
    );
  }

  values(): number[] {
    return this.series.samples.map((sample) => sample.value);
  }

  add(now: number, value: number): void {
    this.series.add(now, value);
  }

  draw(now: number, scale: Scale, words: string): void {
    // The line's own width stays inside the box.
    const inside: Scale = (value) => 0.04 + scale(value) * 0.92;
    this.line.setAttribute("d", path(this.series, now, inside, box, this.stepped));
    this.under.setAttribute("d", area(this.series, now, inside, box, this.stepped));
    fill(this.value, words);
  }
}
