// What a refused request means for an upload. Pure.

import { isPassing } from "../core/api";

export interface Refusal {
  /** Whether the same attempt can succeed later by itself. */
  passing: boolean;
  /** Whether the server no longer has the upload, so that the next attempt begins anew. */
  gone: boolean;
}

/** The meaning of a status for an upload that has a place on the server already, or has none yet. */
export function refusal(status: number, hasPlace: boolean): Refusal {
  const gone = hasPlace && (status === 404 || status === 410);
  // Nobody is signed in (401), another sender had it (409, 423) or it is complete (403): each attempt begins by
  // asking how far it is, and so finds out.
  const settles = [401, 409, 423, ...(hasPlace ? [403] : [])].includes(status);
  return { passing: gone || settles || isPassing(status), gone };
}
