// What a file's page shows while it is not known whether there is such a file. Pure.

import type { FileInfo } from "../core/api";

/** How the reading of the file stands. */
export type Reading = { is: "loading" } | { is: "failed"; message: string } | { is: "done" };

export type Showing =
  | { is: "file"; file: FileInfo }
  | { is: "loading" }
  /** It may well be there: only a server that answers can say that it is not. */
  | { is: "failed"; message: string }
  | { is: "gone" };

/** What to show of a file that is `known`, or not. */
export function showing(known: FileInfo | undefined, reading: Reading): Showing {
  if (known !== undefined) return { is: "file", file: known };
  return reading.is === "done" ? { is: "gone" } : reading;
}
