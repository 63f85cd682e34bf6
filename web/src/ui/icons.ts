// The app's pictograms: strokes on a grid of 24, in the colour of the text beside them. They are decoration:
// what a control does is said by its label.

import { svg } from "./dom";

const strokes = {
  alert: "M12 8v5m0 3.5v.01M12 3 2.5 20h19L12 3Z",
  archive: "M4 8v11a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1V8M3 4h18v4H3V4Zm7 8h4",
  back: "M15 5l-7 7 7 7",
  captions:
    "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Zm6.5 5.6a2 2 0 1 0 0 2.8m6.5-2.8a2 2 0 1 0 0 2.8",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6L6 18",
  code: "M8 8l-4 4 4 4m8-8l4 4-4 4m-2.5-11l-3 14",
  download: "M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 20h14",
  file: "M6 3h8l5 5v12a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1Zm8 0v5h5",
  film: "M4 4h16a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1Zm3.5 0v16m9-16v16M3 8.5h4.5m9 0H21M3 15.5h4.5m9 0H21M7.5 12h9",
  folder: "M3 18V6a1 1 0 0 1 1-1h5l2 2.5h9a1 1 0 0 1 1 1V18a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1Z",
  fullscreen: "M4 9V5a1 1 0 0 1 1-1h4m6 0h4a1 1 0 0 1 1 1v4m0 6v4a1 1 0 0 1-1 1h-4m-6 0H5a1 1 0 0 1-1-1v-4",
  fullscreenExit:
    "M9 4v4a1 1 0 0 1-1 1H4m16 0h-4a1 1 0 0 1-1-1V4m0 16v-4a1 1 0 0 1 1-1h4M4 15h4a1 1 0 0 1 1 1v4",
  image:
    "M4 4h16a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1Zm5 4.5a1.5 1.5 0 1 1-.01 0M4 18l5.5-5 3.5 3 3-2.5 4.5 4",
  keyboard:
    "M3 6h18a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1Zm3 4h.01M10 10h.01M14 10h.01M18 10h.01M8 14h8",
  link: "M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.1-1.1",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  music: "M9 18V6l11-2v12M9 18a3 3 0 1 1-6 0 3 3 0 0 1 6 0Zm11-2a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z",
  pencil: "M4 20l1-4L16.5 4.5a1.4 1.4 0 0 1 2 0l1 1a1.4 1.4 0 0 1 0 2L8 19l-4 1Z",
  pip: "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Zm8 7.5h6V16h-6v-3.5Z",
  retry: "M19.5 12A7.5 7.5 0 1 1 17 6.4L20 9m0-5v5h-5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm5 11.5L20 20",
  signOut: "M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8m-3-8h9m-3.5-4l4 4-4 4",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-6v2m0 16v2M4.9 4.9l1.4 1.4m11.4 11.4l1.4 1.4M2 12h2m16 0h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4",
  text: "M6 3h8l5 5v12a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1Zm2.5 9h7m-7 4h5",
  trash:
    "M4 7h16M9.5 7V4.5a.5.5 0 0 1 .5-.5h4a.5.5 0 0 1 .5.5V7M6 7l1 12.1a1 1 0 0 0 1 .9h8a1 1 0 0 0 1-.9L18 7m-8 4v5m4-5v5",
  upload: "M12 16V5m-4.5 4.5L12 5l4.5 4.5M5 20h14",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4Zm11.5-.5a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  volumeOff: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4Zm12 0l5 5m0-5l-5 5",
} as const;

const solids = {
  pause: "M7 5h3.2v14H7zM13.8 5H17v14h-3.2z",
  play: "M8 5.2v13.6c0 .8.9 1.3 1.5.8l10-6.8a1 1 0 0 0 0-1.6l-10-6.8A1 1 0 0 0 8 5.2Z",
} as const;

export type IconName = keyof typeof strokes | keyof typeof solids;

export function icon(name: IconName): SVGSVGElement {
  const solid = name in solids;
  const d = solid ? solids[name as keyof typeof solids] : strokes[name as keyof typeof strokes];
  return svg(
    "svg",
    {
      class: solid ? "icon icon-solid" : "icon",
      viewBox: "0 0 24 24",
      "aria-hidden": "true",
      focusable: "false",
    },
    svg("path", { d }),
  );
}

/** The mark: a reel whose holes are blocks. */
export function mark(): SVGSVGElement {
  const holes = [
    [16, 8.6],
    [8.6, 16],
    [23.4, 16],
    [16, 23.4],
  ] as const;
  return svg(
    "svg",
    { class: "mark", viewBox: "0 0 32 32", "aria-hidden": "true", focusable: "false" },
    svg("circle", { class: "mark-disc", cx: 16, cy: 16, r: 14 }),
    ...holes.map(([x, y]) =>
      svg("rect", { class: "mark-hole", x: x - 2.6, y: y - 2.6, width: 5.2, height: 5.2, rx: 1.3 }),
    ),
    svg("circle", { class: "mark-hole", cx: 16, cy: 16, r: 1.7 }),
  );
}
