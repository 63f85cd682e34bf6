// The uploads of this page: at most a few at once, the rest waiting in order; pause, resume, cancel; tries
// again when the connection breaks, with growing pauses and an end. How bytes travel is the transport's
// business, so that all of this is tested without a network.

import { wait, type Backoff } from "../core/backoff";
import { Rate } from "./rate";

/** What became of an attempt that ended without success. */
export interface Failure {
  /** Whether the same attempt can succeed later by itself: a lost connection, a busy server. */
  passing: boolean;
  /** One sentence for the person. */
  message: string;
}

export interface TransferEvents {
  /** Bytes that are on the server or on their way. */
  progress(offset: number): void;
  /** Bytes that the server says it has. */
  confirmed(offset: number): void;
  /** The upload has its place on the server. */
  placed(upload: string): void;
  done(file: string | null): void;
  failed(failure: Failure): void;
}

/** One file's way to the server. `start` goes on where the server is. */
export interface Transfer {
  start(): void;
  /** Stops; what arrived stays. */
  stop(): void;
  /** Stops and lets the server forget it. */
  discard(): Promise<void>;
}

export type Transport = (source: Source, events: TransferEvents) => Transfer;

/** A file to be sent. The same fingerprint means the same file. */
export interface Source {
  file: File;
  /** The path within a dropped folder, or the name. */
  path: string;
  fingerprint: string;
  /** Bytes known to be on the server from an earlier attempt. */
  offset: number;
}

export type Phase =
  /** Waiting for its turn. */
  | { is: "queued" }
  | { is: "sending" }
  | { is: "paused" }
  /** The connection broke; tries again at `at` (milliseconds). */
  | { is: "waiting"; at: number; message: string }
  | { is: "failed"; message: string }
  | { is: "done"; file: string | null };

/** An upload as it is shown. */
export interface Upload {
  readonly key: string;
  readonly name: string;
  readonly path: string;
  readonly size: number;
  phase: Phase;
  offset: number;
  /** The server's id of the upload, once it has one. */
  upload: string | null;
  rate: Rate;
}

interface Entry extends Upload {
  transfer: Transfer;
  /** Tries since the server last had more than before. */
  attempt: number;
  confirmed: number;
  /** Takes back the next try. */
  unwait: () => void;
}

export interface QueueOptions {
  parallel: number;
  backoff: Backoff;
  now: () => number;
  chance: () => number;
  /** Does something after so many milliseconds, unless what it returns is called before. */
  later: (delay: number, work: () => void) => () => void;
}

/** Half a second at first, half a minute at most, and about five minutes in all. */
export const defaults: QueueOptions = {
  parallel: 3,
  backoff: { first: 500, most: 30_000, tries: 15 },
  now: () => Date.now(),
  chance: Math.random,
  later: (delay, work) => {
    const timer = setTimeout(work, delay);
    return () => clearTimeout(timer);
  },
};

export class UploadQueue {
  private readonly entries: Entry[] = [];
  private readonly listeners = new Set<(upload: Upload) => void>();
  private halted = false;

  constructor(
    private readonly transport: Transport,
    private readonly options: QueueOptions = defaults,
  ) {}

  /** Calls after every change of an upload. */
  listen(listener: (upload: Upload) => void): void {
    this.listeners.add(listener);
  }

  list(): readonly Upload[] {
    return this.entries;
  }

  /** Adds a file, unless it is on its way already; one that stands still goes on. Returns whether it was added. */
  add(source: Source): boolean {
    const same = this.entries.find((entry) => entry.key === source.fingerprint);
    if (same !== undefined && same.phase.is !== "done") {
      this.resume(same.key);
      return false;
    }
    if (same !== undefined) this.forget(same.key);
    const entry: Entry = {
      key: source.fingerprint,
      name: source.file.name,
      path: source.path,
      size: source.file.size,
      phase: { is: "queued" },
      offset: source.offset,
      upload: null,
      rate: new Rate(),
      attempt: 0,
      confirmed: source.offset,
      unwait: () => {},
      transfer: { start() {}, stop() {}, discard: () => Promise.resolve() },
    };
    entry.transfer = this.transport(source, this.eventsOf(entry));
    this.entries.push(entry);
    this.tell(entry);
    this.next();
    return true;
  }

  pause(key: string): void {
    const entry = this.find(key);
    if (entry === undefined || !["queued", "sending", "waiting"].includes(entry.phase.is)) return;
    entry.transfer.stop();
    this.enter(entry, { is: "paused" });
    this.next();
  }

  /** Lets a paused, failed or waiting upload take its turn. */
  resume(key: string): void {
    const entry = this.find(key);
    if (entry === undefined || !["paused", "failed", "waiting"].includes(entry.phase.is)) return;
    entry.attempt = 0;
    this.enter(entry, { is: "queued" });
    this.next();
  }

  /** Takes an upload away, here and on the server. */
  async cancel(key: string): Promise<void> {
    const entry = this.find(key);
    if (entry === undefined || entry.phase.is === "done") return;
    this.forget(key);
    this.next();
    await entry.transfer.discard();
  }

  /** Takes away a finished upload's line. */
  forget(key: string): void {
    const at = this.entries.findIndex((entry) => entry.key === key);
    const [entry] = at < 0 ? [] : this.entries.splice(at, 1);
    if (entry === undefined) return;
    entry.unwait();
    this.tell(entry);
  }

  /** The server's file is gone, and with it what a finished upload's line led to. */
  forgetFile(file: string): void {
    const over = this.entries.filter(({ phase }) => phase.is === "done" && phase.file === file);
    over.forEach((entry) => this.forget(entry.key));
  }

  /** The server tells how much of an upload it keeps, as its id names it. */
  confirm(upload: string, offset: number): void {
    const entry = this.entries.find((one) => one.upload === upload);
    if (entry !== undefined) this.eventsOf(entry).confirmed(offset);
  }

  /** The network is back: what waits need not wait any longer. */
  hurry(): void {
    this.entries.filter((entry) => entry.phase.is === "waiting").forEach((entry) => this.resume(entry.key));
  }

  /** Begins nothing more until `goOn`: what breaks meanwhile takes its turn anew and uses up no try. */
  halt(): void {
    this.halted = true;
  }

  goOn(): void {
    this.halted = false;
    this.next();
  }

  private next(): void {
    if (this.halted) return;
    let running = this.entries.filter((entry) => entry.phase.is === "sending").length;
    for (const entry of this.entries) {
      if (running >= this.options.parallel) return;
      if (entry.phase.is !== "queued") continue;
      running += 1;
      this.enter(entry, { is: "sending" });
      entry.transfer.start();
    }
  }

  private eventsOf(entry: Entry): TransferEvents {
    // A late word from an attempt that was stopped changes nothing.
    const sending = () => entry.phase.is === "sending";
    return {
      progress: (offset) => {
        if (!sending()) return;
        entry.offset = offset;
        entry.rate.note(this.options.now(), offset);
        this.tell(entry);
      },
      confirmed: (offset) => {
        if (offset > entry.confirmed) entry.attempt = 0;
        entry.confirmed = offset;
      },
      placed: (upload) => {
        entry.upload = upload;
        this.tell(entry);
      },
      done: (file) => {
        if (!sending()) return;
        entry.offset = entry.size;
        this.enter(entry, { is: "done", file });
        this.next();
      },
      failed: (failure) => {
        if (!sending()) return;
        this.fail(entry, failure);
        this.next();
      },
    };
  }

  private fail(entry: Entry, { passing, message }: Failure): void {
    const { backoff, chance, now, later } = this.options;
    // What was on its way is lost with the connection.
    entry.offset = Math.min(entry.offset, entry.confirmed);
    if (passing && this.halted) return this.enter(entry, { is: "queued" });
    const delay = passing ? wait(backoff, entry.attempt, chance()) : null;
    if (delay === null) {
      this.enter(entry, { is: "failed", message });
      return;
    }
    entry.attempt += 1;
    this.enter(entry, { is: "waiting", at: now() + delay, message });
    entry.unwait = later(delay, () => {
      this.enter(entry, { is: "queued" });
      this.next();
    });
  }

  private enter(entry: Entry, phase: Phase): void {
    entry.unwait();
    entry.phase = phase;
    if (phase.is !== "sending") entry.rate.reset();
    this.tell(entry);
  }

  private find(key: string): Entry | undefined {
    return this.entries.find((entry) => entry.key === key);
  }

  private tell(upload: Upload): void {
    this.listeners.forEach((listener) => listener(upload));
  }
}
