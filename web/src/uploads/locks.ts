// One window sends a file at a time. The browser's locks know which files are on their way from any window of
// this browser, and free themselves when a window closes. Where there are none (pages without HTTPS that are
// not local), every window believes itself alone.

import type { Source, Transfer, TransferEvents, Transport } from "./queue";

/** What is needed of the browser's locks. */
export type Locks = Pick<LockManager, "request">;

const prefix = "hashreel-upload:";

/** The transport, but for files that another window is sending: asking the server already would stop that one. */
export function oneWindow(transport: Transport, locks: Locks | null = browserLocks()): Transport {
  return locks === null
    ? transport
    : (source, events) => new LockedTransfer(transport, source, events, locks);
}

class LockedTransfer implements Transfer {
  private readonly inner: Transfer;
  private release: () => void = () => {};

  constructor(
    transport: Transport,
    private readonly source: Source,
    private readonly events: TransferEvents,
    private readonly locks: Locks,
  ) {
    this.inner = transport(source, {
      ...events,
      done: (file) => {
        this.release();
        events.done(file);
      },
      failed: (failure) => {
        this.release();
        events.failed(failure);
      },
    });
  }

  start(): void {
    this.release();
    let isOver = false;
    let free = () => {};
    this.release = () => {
      isOver = true;
      free();
    };
    const hold = (lock: Lock | null): Promise<void> | void => {
      if (isOver) return;
      if (lock !== null) {
        const held = new Promise<void>((resolve) => (free = resolve));
        this.inner.start();
        return held;
      }
      this.events.failed({ passing: true, message: "Another window is sending this file." });
    };
    this.locks.request(prefix + this.source.fingerprint, { ifAvailable: true }, hold).catch(() => {
      // Only a page that is going away is refused the question itself.
      this.release();
    });
  }

  stop(): void {
    this.release();
    this.inner.stop();
  }

  discard(): Promise<void> {
    this.release();
    return this.inner.discard();
  }
}

/** The fingerprints of the files that are on their way from some window. */
export async function heldLocks(): Promise<Set<string>> {
  const { held = [] } = (await browserLocks()?.query()) ?? {};
  const names = held.map(({ name }) => name ?? "").filter((name) => name.startsWith(prefix));
  return new Set(names.map((name) => name.slice(prefix.length)));
}

function browserLocks(): LockManager | null {
  return "locks" in navigator ? navigator.locks : null;
}
