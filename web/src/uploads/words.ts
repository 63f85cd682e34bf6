// What an upload's line says, and a whole queue's. Pure, so that every state's words are tested.

import { count, line, percent, rate, size, timeLeft } from "../core/format";
import type { Upload } from "./queue";

/** The words under an upload's name at the time `now` (milliseconds). */
export function describe(upload: Upload, now: number): string {
  const { phase } = upload;
  const amount = `${size(upload.offset)} of ${size(upload.size)}`;
  switch (phase.is) {
    case "queued":
      return upload.offset > 0
        ? line("Waiting for its turn", amount)
        : line("Waiting for its turn", size(upload.size));
    case "sending": {
      if (upload.size > 0 && upload.offset >= upload.size) return line("Finishing", size(upload.size));
      const speed = upload.rate.perSecond(now);
      const left = timeLeft(upload.rate.secondsLeft(now, upload.size));
      return line(percent(share(upload)), amount, speed === null ? "" : rate(speed), left);
    }
    case "paused":
      return line(`Paused at ${percent(share(upload))}`, amount);
    case "waiting": {
      const seconds = Math.max(1, Math.ceil((phase.at - now) / 1000));
      return `${phase.message} Trying again in ${seconds} s.`;
    }
    case "failed":
      return phase.message;
    case "done":
      return line("Uploaded", size(upload.size));
  }
}

/** How much of an upload is through, from 0 to 1. */
export function share(upload: Upload): number {
  if (upload.phase.is === "done") return 1;
  return upload.size === 0 ? 0 : Math.min(1, upload.offset / upload.size);
}

export interface Summary {
  /** What the panel's head says. */
  text: string;
  /** From 0 to 1, over all that is not done yet; null when nothing is on its way. */
  share: number | null;
  active: number;
  done: number;
}

/** All uploads in one line. */
export function summarize(uploads: readonly Upload[], now: number): Summary {
  const open = uploads.filter((upload) => ["queued", "sending", "waiting"].includes(upload.phase.is));
  const done = uploads.filter((upload) => upload.phase.is === "done").length;
  const bytes = open.reduce((sum, upload) => sum + upload.offset, 0);
  const length = open.reduce((sum, upload) => sum + upload.size, 0);
  const speed = open.reduce((sum, upload) => sum + (upload.rate.perSecond(now) ?? 0), 0);
  if (open.length === 0) {
    const text =
      done > 0 && done === uploads.length
        ? `${count(done, "file")} uploaded`
        : `${done} of ${count(uploads.length, "file")} uploaded`;
    return { text: uploads.length === 0 ? "" : text, share: null, active: 0, done };
  }
  const part = length === 0 ? 0 : bytes / length;
  const text = line(
    `${count(open.length, "file")} to go`,
    percent(part),
    speed > 0 ? rate(speed) : "",
    timeLeft(speed > 0 ? (length - bytes) / speed : null),
  );
  return { text, share: part, active: open.length, done };
}
