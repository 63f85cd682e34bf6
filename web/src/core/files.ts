// What this page knows about the files: pages of the list, kept current by events. An event that carries all
// there is to know changes the file in place; any other makes the file be read again, at most once at a time.
// An answer never overwrites what an event told while it was on its way. The order is the server's: newest
// first, by id (UUIDv7 begins with the time).

import {
  ApiError,
  messageOf,
  type Api,
  type FileInfo,
  type FilePage,
  type ServerEvent,
  type VideoState,
} from "./api";

/** What an event means for the list. */
export type Change =
  | { kind: "none" }
  | { kind: "replace"; file: FileInfo }
  | { kind: "read"; id: string }
  | { kind: "remove"; id: string };

/** The meaning of `event` for a list in which the event's file is `known` (or unknown). Pure. */
export function change(event: ServerEvent, known: FileInfo | undefined): Change {
  const id = event.file;
  if (id === null) return { kind: "none" };
  switch (event.type) {
    case "file.stored":
      return { kind: "read", id };
    case "file.deleted":
      return { kind: "remove", id };
    case "file.renamed": {
      const name = event.data?.name;
      if (known === undefined || typeof name !== "string") return { kind: "read", id };
      return { kind: "replace", file: { ...known, name } };
    }
    case "video.changed":
      return progressOf(event, known) ?? { kind: "read", id };
    default:
      return { kind: "none" };
  }
}

/** Mere progress changes the file in place; a new state brings posters and renditions, which must be read. */
function progressOf(event: ServerEvent, known: FileInfo | undefined): Change | null {
  const video = known?.video;
  const progress = event.data?.progress;
  if (known === undefined || !video || typeof progress !== "number") return null;
  if (event.data?.state !== video.state) return null;
  return {
    kind: "replace",
    file: { ...known, video: { ...video, progress: Math.max(progress, video.progress) } },
  };
}

/** Whether nothing will change by itself any more. */
export function isFinal(state: VideoState): boolean {
  return state === "ready" || state === "failed" || state === "cancelled";
}

/** Whether there is a stream to play, be it a part of one: also a failed video keeps what was made. */
export function isPlayable(file: FileInfo): boolean {
  return file.video?.hls != null;
}

/** A file that is being read. */
interface Reading {
  /** Whether something happened to it since the request left. */
  again: boolean;
  done: Promise<void>;
}

export class FileStore {
  private readonly known = new Map<string, FileInfo>();
  private readonly listed = new Set<string>();
  private readonly reading = new Map<string, Reading>();
  /** For each request on its way, the files that changed since it left: of them, its answer is too old. */
  private readonly onTheWay = new Set<Set<string>>();
  private readonly listeners = new Set<(id: string | null) => void>();
  private cursor: string | null = null;
  private pages = 0;
  /** Whether the first page has been read. */
  loaded = false;
  /** Why the list could not be read when that was last tried, in a sentence. */
  problem: string | null = null;

  constructor(private readonly api: Pick<Api, "files" | "file">) {}

  /** Calls with the id of a file that changed, or null when the list did. Returns how to stop listening. */
  listen(listener: (id: string | null) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get(id: string): FileInfo | undefined {
    return this.known.get(id);
  }

  /** The files of the list, newest first. */
  list(): FileInfo[] {
    return [...this.listed]
      .sort()
      .reverse()
      .flatMap((id) => this.known.get(id) ?? []);
  }

  /** Whether it is known that there is no file at all. */
  get isEmpty(): boolean {
    return this.loaded && this.listed.size === 0;
  }

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  /** Reads as many pages anew as were read before; files that are gone from them disappear from the list. */
  async load(): Promise<void> {
    try {
      await this.request(async (changed) => {
        const found: FileInfo[] = [];
        let cursor: string | null = null;
        let pages = 0;
        do {
          const page: FilePage = await this.api.files(cursor);
          found.push(...page.files);
          cursor = page.cursor;
          pages += 1;
        } while (cursor !== null && pages < this.pages);
        this.listed.clear();
        this.loaded = true;
        this.problem = null;
        this.pages = pages;
        this.take(found, cursor, changed);
      });
    } catch (error) {
      this.problem = messageOf(error);
      throw error;
    } finally {
      this.tell(null);
    }
  }

  async more(): Promise<void> {
    const { cursor } = this;
    if (cursor === null) return;
    await this.request(async (changed) => {
      const page = await this.api.files(cursor);
      // The list was read anew meanwhile, and may end elsewhere.
      if (this.cursor !== cursor) return;
      this.take(page.files, page.cursor, changed);
      this.pages += 1;
    });
    this.tell(null);
  }

  /** Reads one file. Of many calls at the same time, one more request follows the running one. */
  read(id: string): Promise<void> {
    const running = this.reading.get(id);
    if (running !== undefined) {
      running.again = true;
      return running.done;
    }
    const reading: Reading = { again: false, done: Promise.resolve() };
    this.reading.set(id, reading);
    reading.done = this.readFresh(id, reading);
    return reading.done;
  }

  private async readFresh(id: string, reading: Reading): Promise<void> {
    try {
      do {
        reading.again = false;
        await this.request(async (changed) => {
          const file = await this.api.file(id);
          const isDeleted = changed.has(id) && !this.known.has(id);
          if (!isDeleted) this.put(file);
        });
      } while (reading.again);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.drop(id);
      else throw error;
    } finally {
      this.reading.delete(id);
    }
  }

  /** Does what an event means. */
  async apply(event: ServerEvent): Promise<void> {
    const what = change(event, event.file === null ? undefined : this.known.get(event.file));
    if (what.kind === "replace") {
      this.put(what.file);
      const reading = this.reading.get(what.file.id);
      if (reading !== undefined) reading.again = true;
    }
    if (what.kind === "remove") this.drop(what.id);
    if (what.kind === "read") await this.read(what.id);
  }

  /** Takes a file's new state; a file that is new to the list enters it, if the list reaches that far. */
  put(file: FileInfo): void {
    this.touch(file.id);
    this.known.set(file.id, file);
    const enters = !this.listed.has(file.id) && this.reaches(file.id);
    if (enters) this.listed.add(file.id);
    this.tell(enters ? null : file.id);
  }

  drop(id: string): void {
    this.touch(id);
    this.known.delete(id);
    this.listed.delete(id);
    this.tell(null);
    this.tell(id);
  }

  /** Takes a piece of the list that ends at `cursor`, but for what `changed` since it was asked for. */
  private take(files: FileInfo[], cursor: string | null, changed: Set<string>): void {
    this.cursor = cursor;
    for (const file of files) {
      if (!changed.has(file.id)) this.known.set(file.id, file);
      if (this.known.has(file.id)) this.listed.add(file.id);
    }
    for (const id of changed) if (this.known.has(id) && this.reaches(id)) this.listed.add(id);
  }

  /** Whether the list goes as far back as a file. */
  private reaches(id: string): boolean {
    if (!this.loaded) return false;
    return this.cursor === null || [...this.listed].some((listed) => listed < id);
  }

  /** Makes a request that is told what changed while it was on its way. */
  private async request(work: (changed: Set<string>) => Promise<void>): Promise<void> {
    const changed = new Set<string>();
    this.onTheWay.add(changed);
    try {
      await work(changed);
    } finally {
      this.onTheWay.delete(changed);
    }
  }

  private touch(id: string): void {
    this.onTheWay.forEach((changed) => changed.add(id));
  }

  private tell(id: string | null): void {
    this.listeners.forEach((listener) => listener(id));
  }
}
