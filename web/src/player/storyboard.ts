// The storyboard: a WebVTT file whose cues name pieces of sprite sheets, `sheet.jpg#xywh=0,90,160,90`, and the
// small picture above the seek bar that is made from it.

import { h } from "../ui/dom";

export interface Tile {
  /** Seconds; the tile stands for the time from `from` up to `to`. */
  from: number;
  to: number;
  /** The sprite sheet's address. */
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The tiles of a storyboard whose own address is `base`. Cues that are not understood are left out. */
export function parseStoryboard(vtt: string, base: string): Tile[] {
  return vtt.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/);
    const timing = lines.findIndex((line) => line.includes("-->"));
    const times = /^\s*([\d:.]+)\s+-->\s+([\d:.]+)/.exec(lines[timing] ?? "");
    const place = /^(.*)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)\s*$/.exec(lines[timing + 1] ?? "");
    if (times === null || place === null) return [];
    const [x, y, width, height] = place.slice(2).map(Number) as [number, number, number, number];
    return [
      {
        from: seconds(times[1]),
        to: seconds(times[2]),
        url: new URL(place[1] ?? "", base).href,
        x,
        y,
        width,
        height,
      },
    ];
  });
}

/** The tile for a time, null outside of all. */
export function tileAt(tiles: Tile[], time: number): Tile | null {
  return tiles.find((tile) => time >= tile.from && time < tile.to) ?? null;
}

function seconds(clock: string | undefined): number {
  return (clock ?? "").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** The preview's picture, empty until a storyboard has been read. */
export class StoryboardPreview {
  readonly element = h("div", { class: "preview-picture", hidden: true, "data-testid": "storyboard" });
  private tiles: Tile[] = [];
  private url: string | null = null;

  /** Reads another storyboard; without one, or without luck, there is only the time. */
  async load(url: string | null): Promise<void> {
    if (url === this.url) return;
    this.url = url;
    this.tiles = [];
    if (url === null) return;
    const base = new URL(url, location.href).href;
    const response = await fetch(base).catch(() => null);
    if (response?.ok && this.url === url) this.tiles = parseStoryboard(await response.text(), base);
  }

  show(time: number): void {
    const tile = tileAt(this.tiles, time);
    this.element.hidden = tile === null;
    if (tile === null) return;
    const { style } = this.element;
    style.width = `${tile.width}px`;
    style.height = `${tile.height}px`;
    style.backgroundImage = `url(${JSON.stringify(tile.url)})`;
    style.backgroundPosition = `-${tile.x}px -${tile.y}px`;
  }
}
