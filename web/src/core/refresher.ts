// Keeps something fresh that is read from the server: reads it when asked, once more when asked meanwhile, and
// again after growing waits while it fails in passing. Where a failure is shown is the reader's business.

import { ApiError } from "./api";
import { wait, type Backoff } from "./backoff";

export interface RefresherOptions {
  backoff: Backoff;
  chance: () => number;
  /** Does something after so many milliseconds, unless what it returns is called before. */
  later: (delay: number, work: () => void) => () => void;
}

/** No end to the tries, as a page may stand open for days; half a minute between them at most. */
const defaults: RefresherOptions = {
  backoff: { first: 1000, most: 30_000, tries: Infinity },
  chance: Math.random,
  later: (delay, work) => {
    const timer = setTimeout(work, delay);
    return () => clearTimeout(timer);
  },
};

export class Refresher {
  private running = false;
  private again = false;
  private attempt = 0;
  private unwait: () => void = () => {};

  constructor(
    private readonly read: () => Promise<void>,
    private readonly options: RefresherOptions = defaults,
  ) {}

  /** Reads now, or once more after the reading that goes on. Resolves when it is read, or has failed. */
  async now(): Promise<void> {
    this.unwait();
    this.again = true;
    if (this.running) return;
    this.running = true;
    while (this.again) {
      this.again = false;
      await this.once();
    }
    this.running = false;
  }

  /** Waits for no next try. */
  stop(): void {
    this.unwait();
    this.again = false;
  }

  private async once(): Promise<void> {
    try {
      await this.read();
      this.attempt = 0;
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isPassing) return;
      const { backoff, chance, later } = this.options;
      const delay = wait(backoff, this.attempt, chance());
      this.attempt += 1;
      if (delay !== null) this.unwait = later(delay, () => void this.now());
    }
  }
}
