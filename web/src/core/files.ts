// What this page knows about the files: pages of the list, kept current by events. An event that carries all
// there is to know changes the file in place; any other makes the file be read again, at most once at a time.
// The order is the server's: newest first, by id (UUIDv7 begins with the time).

import { ApiError, type Api, type FileInfo, type ServerEvent, type VideoState } from "./api";

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

export class FileStore {
  private readonly known = new Map<string, FileInfo>();
  private readonly listed = new Set<string>();
  private readonly reading = new Map<string, "once" | "again">();
  private readonly listeners = new Set<(id: string | null) => void>();
  private cursor: string | null = null;
  /** Whether the first page has been read. */
  loaded = false;

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

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  /** Reads the first page anew; files that are gone from it disappear with it. */
  async load(): Promise<void> {
    const page = await this.api.files(null);
    this.listed.clear();
    this.take(page.files);
    this.cursor = page.cursor;
    this.loaded = true;
    this.tell(null);
  }

  async more(): Promise<void> {
    if (this.cursor === null) return;
    const page = await this.api.files(this.cursor);
    this.take(page.files);
    this.cursor = page.cursor;
    this.tell(null);
  }

  /** Reads one file. Of many calls at the same time, one more request follows the running one. */
  async read(id: string): Promise<void> {
    if (this.reading.has(id)) {
      this.reading.set(id, "again");
      return;
    }
    this.reading.set(id, "once");
    try {
      do {
        this.reading.set(id, "once");
        this.put(await this.api.file(id));
      } while (this.reading.get(id) === "again");
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
    if (what.kind === "replace") this.put(what.file);
    if (what.kind === "remove") this.drop(what.id);
    if (what.kind === "read") await this.read(what.id);
  }

  /** Takes a file's new state; a file that is new to the list enters it. */
  put(file: FileInfo): void {
    const isNew = !this.listed.has(file.id);
    this.take([file]);
    this.tell(isNew ? null : file.id);
  }

  drop(id: string): void {
    this.known.delete(id);
    this.listed.delete(id);
    this.tell(null);
    this.tell(id);
  }

  private take(files: FileInfo[]): void {
    for (const file of files) {
      this.known.set(file.id, file);
      this.listed.add(file.id);
    }
  }

  private tell(id: string | null): void {
    this.listeners.forEach((listener) => listener(id));
  }
}
