// How fast bytes go, and when they will be through. Pure: times are passed in, in milliseconds.

/** The time over which the rate is taken: short enough to follow, long enough to be calm. */
const span = 8000;

/** A rate from the progress of the last seconds. */
export class Rate {
  private samples: { at: number; offset: number }[] = [];

  /** Notes that `offset` bytes are through at `at`. An offset that went back starts the measurement anew. */
  note(at: number, offset: number): void {
    const last = this.samples.at(-1);
    if (last !== undefined && offset < last.offset) this.samples = [];
    this.samples.push({ at, offset });
    // The newest sample outside the span stays: it is where the span's rate begins.
    while (this.samples.length > 2 && (this.samples[1]?.at ?? at) < at - span) this.samples.shift();
  }

  /** Forgets what was: after a pause the old rate says nothing. */
  reset(): void {
    this.samples = [];
  }

  /** Bytes a second up to `now`, or null while there is too little to tell. */
  perSecond(now: number): number | null {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (first === undefined || last === undefined || now - first.at < 500) return null;
    return ((last.offset - first.offset) * 1000) / (now - first.at);
  }

  /** Seconds until `length` bytes are through, or null while nobody can tell. */
  secondsLeft(now: number, length: number): number | null {
    const rate = this.perSecond(now);
    const offset = this.samples.at(-1)?.offset ?? 0;
    return rate === null || rate <= 0 ? null : (length - offset) / rate;
  }
}
