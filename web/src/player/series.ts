// Numbers over the last minutes, and the lines that draw them in a box. Pure.

export interface Sample {
  /** Milliseconds. */
  at: number;
  value: number;
}

/** The samples of the last `most` milliseconds. */
export class Series {
  readonly samples: Sample[] = [];

  /** A line of less than `least` milliseconds does not yet fill its box. */
  constructor(
    private readonly least: number,
    private readonly most: number,
  ) {}

  /** The time that the box stands for at `now`: it grows with the line up to `most`. */
  span(now: number): number {
    return Math.min(this.most, Math.max(this.least, now - (this.samples[0]?.at ?? now)));
  }

  add(at: number, value: number): void {
    this.samples.push({ at, value });
    // One sample before the span stays, so that the line comes in from the left edge.
    while ((this.samples[1]?.at ?? at) <= at - this.most) this.samples.shift();
  }
}

export interface Box {
  width: number;
  height: number;
}

/** A scale from a value to a share of the height, 0 at the bottom and 1 at the top. */
export type Scale = (value: number) => number;

/** Equal steps from 0 up to `most`. */
export function linear(most: number): Scale {
  return (value) => clamp(value / most);
}

/** Equal factors from `least` up to `most`, for values that lie powers of ten apart. */
export function logarithmic(least: number, most: number): Scale {
  return (value) => clamp(Math.log(Math.max(value, least) / least) / Math.log(most / least));
}

/** The SVG path of a series; `stepped` holds each value until the next, as chosen things do. */
export function path(series: Series, now: number, scale: Scale, box: Box, stepped: boolean): string {
  const points = series.samples.map(({ at, value }) => ({
    x: box.width * (1 - (now - at) / series.span(now)),
    y: box.height * (1 - scale(value)),
  }));
  const last = points.at(-1);
  if (last === undefined) return "";
  const lines = points.map(({ x, y }, at) => {
    if (at === 0) return `M${round(x)} ${round(y)}`;
    return stepped ? `H${round(x)}V${round(y)}` : `L${round(x)} ${round(y)}`;
  });
  return lines.join("") + (last.x < box.width ? `H${round(box.width)}` : "");
}

/** The same, closed along the bottom, to be filled. */
export function area(series: Series, now: number, scale: Scale, box: Box, stepped: boolean): string {
  const line = path(series, now, scale, box, stepped);
  const first = series.samples[0];
  if (line === "" || first === undefined) return "";
  const x = box.width * (1 - (now - first.at) / series.span(now));
  return `${line}V${round(box.height)}H${round(x)}Z`;
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function round(n: number): string {
  return n.toFixed(1);
}
