// The rungs of a stream as a person chooses among them. Pure.

import { bitrate } from "../core/format";

/** A rung as the stream's manifest tells it. */
export interface Rung {
  /** The engine's own number for it. */
  id: number;
  /** Pixels; 0 for sound alone. */
  width: number;
  height: number;
  /** Bits a second at most, sound included. */
  bandwidth: number;
  /** Frames a second, 0 when unknown. */
  frameRate: number;
}

export interface Quality extends Rung {
  label: string;
  hint: string;
}

/** The rungs, best first, each with a name: `1080p`, `720p60`; a portrait picture is named by its short side. */
export function qualities(rungs: Rung[]): Quality[] {
  return rungs
    .map((rung) => ({ ...rung, label: label(rung), hint: `up to ${bitrate(rung.bandwidth)}` }))
    .sort((a, b) => b.height * b.width - a.height * a.width || b.bandwidth - a.bandwidth);
}

function label({ width, height, frameRate }: Rung): string {
  if (height === 0) return "Sound";
  const lines = width === 0 ? height : Math.min(width, height);
  return frameRate > 45 ? `${lines}p${Math.round(frameRate)}` : `${lines}p`;
}
