// How often a decoder that stumbles is set up anew. Pure.

/** So many times at one place, then it is the stream's fault. */
const most = 3;
/** Seconds that must play beyond a place before it counts as passed. */
const passed = 1;

export class Recoveries {
  private count = 0;
  private place = 0;

  /** Notes that decoding failed at `time` (seconds). Returns whether it is worth another try. */
  allow(time: number): boolean {
    // Only what was played counts: a broken piece is buffered without complaint as often as one likes.
    if (time > this.place + passed) this.count = 0;
    this.place = Math.max(this.place, time);
    this.count += 1;
    return this.count <= most;
  }
}
