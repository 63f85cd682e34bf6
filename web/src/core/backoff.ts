// How long to wait before the next try of something that failed. Pure: the caller passes chance in.

/** Growing waits between `first` and `most` milliseconds, of which no more than `tries` are made. */
export interface Backoff {
  first: number;
  most: number;
  tries: number;
}

/**
 * Milliseconds before try number `attempt` (0 for the first repetition), or null when it is time to give up.
 * `chance` is from 0 to 1 and takes up to a quarter off, so that many clients do not come back as one.
 */
export function wait(backoff: Backoff, attempt: number, chance: number): number | null {
  if (attempt >= backoff.tries) return null;
  const grown = Math.min(backoff.most, backoff.first * 2 ** attempt);
  return Math.round(grown * (1 - chance / 4));
}
