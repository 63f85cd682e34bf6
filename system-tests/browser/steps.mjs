// The steps in their order, each with the promise it holds, and the choice of some of them.

import { fromTheBucket, secondViewer } from "./delivery.mjs";
import { actions, brokenFile, plainFile, trouble } from "./files.mjs";
import { grows } from "./growing.mjs";
import { edges, firstLook, pictures, widths } from "./look.mjs";
import { keyboard, play, quality, seek } from "./playback.mjs";
import { signIn } from "./signin.mjs";
import { sync } from "./sync.mjs";
import { becomesReady, resumes } from "./uploads.mjs";

const all = [
  {
    name: "signin",
    promise: "where keys are demanded, a key opens the page until one signs out",
    run: signIn,
    needs: [],
    demands: "key",
  },
  { name: "look", promise: "the page says at first sight what to do", run: firstLook, needs: [] },
  {
    name: "upload",
    promise: "an upload is paused, goes on after a reload where it was, and arrives",
    run: resumes,
    needs: [],
  },
  {
    name: "ready",
    promise: "its card follows the transcode until it is ready",
    run: becomesReady,
    needs: ["upload"],
  },
  { name: "play", promise: "the video plays, in time and in decoded frames", run: play, needs: ["ready"] },
  {
    name: "quality",
    promise: "the quality menu changes the height of what is decoded",
    run: quality,
    needs: ["play"],
  },
  { name: "seek", promise: "seeking lands where it was asked and plays on", run: seek, needs: ["play"] },
  {
    name: "keyboard",
    promise: "the player and its menus obey the keyboard alone",
    run: keyboard,
    needs: ["play"],
  },
  {
    name: "grows",
    promise: "a stream that is watched while it is made only grows, and ends",
    run: grows,
    needs: [],
  },
  { name: "sync", promise: "a flash and its beep are within 20 ms of each other", run: sync, needs: [] },
  {
    name: "plain",
    promise: "a file that is no video is kept and can be downloaded",
    run: plainFile,
    needs: [],
  },
  {
    name: "broken",
    promise: "a video that cannot be a stream says why and can be downloaded",
    run: brokenFile,
    needs: [],
  },
  { name: "actions", promise: "files are found, renamed and deleted", run: actions, needs: ["plain"] },
  {
    name: "trouble",
    promise: "a server in trouble is told from a missing file, and waited for",
    run: trouble,
    needs: ["ready"],
  },
  {
    name: "edge",
    promise: "what one viewer got from an edge, the next gets without the server",
    run: secondViewer,
    needs: [],
    demands: "edge",
  },
  {
    name: "bucket",
    promise: "the page plays segments that it is sent to the bucket for",
    run: fromTheBucket,
    needs: [],
    demands: "bucket",
  },
  {
    name: "widths",
    promise: "nothing sticks out at 375 and 1440 pixels, in light and dark",
    run: widths,
    needs: ["ready"],
  },
  {
    name: "edges",
    promise: "the picture reaches the edges of its box at every width",
    run: edges,
    needs: ["ready"],
  },
  {
    name: "pictures",
    promise: "library and player have their picture taken",
    run: pictures,
    needs: [],
  },
];

/** The steps named in `only` and those they need; for null, all that can be tried with these options. */
export function steps(options) {
  const { only } = options;
  if (only === null)
    return all.filter(({ demands }) => demands === undefined || options[demands] !== undefined);
  const unknown = only.filter((name) => !all.some((step) => step.name === name));
  if (unknown.length > 0) {
    throw new Error(
      `there is no step ${unknown.join(", ")}: take some of ${all.map(({ name }) => name).join(", ")}`,
    );
  }
  const wanted = new Set(only);
  for (const step of [...all].reverse())
    if (wanted.has(step.name)) step.needs.forEach((name) => wanted.add(name));
  return all.filter(({ name }) => wanted.has(name));
}
