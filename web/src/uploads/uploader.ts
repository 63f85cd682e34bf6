// Joins the parts of uploading: what was picked goes to the queue with its memory and its handle; what an
// earlier visit left unfinished is found, asked about on the server, and goes on when its file comes back.

import type { ServerEvent } from "../core/api";
import { count } from "../core/format";
import { note, noteError } from "../ui/say";
import { dropHandle, hasHandle, keepHandle, openHandle } from "./handles";
import { heldLocks } from "./locks";
import { fingerprint, uploadId, type Remembered, type UploadMemory } from "./memory";
import type { Picked } from "./pick";
import type { UploadQueue } from "./queue";
import { terminate, whereabouts } from "./tus";

/** An upload that an earlier visit began and this one has no file for. */
export interface Unfinished extends Remembered {
  /** Bytes on the server, null when it could not be asked. */
  offset: number | null;
  /** Whether this browser can open the file again with one click. */
  reopens: boolean;
  /** Whether another window of this browser is sending it. */
  elsewhere: boolean;
}

/** Milliseconds between looks at what other windows are sending. */
const lookAgain = 3000;

export class Uploader {
  private readonly unfinishedByKey = new Map<string, Unfinished>();
  private readonly listeners = new Set<() => void>();

  constructor(
    readonly queue: UploadQueue,
    private readonly memory: UploadMemory,
  ) {
    queue.listen((upload) => {
      if (upload.phase.is === "done") void dropHandle(upload.key);
    });
    addEventListener("online", () => queue.hurry());
    setInterval(() => void this.look(), lookAgain);
  }

  /** Calls when the list of unfinished uploads changed. */
  listen(listener: () => void): void {
    this.listeners.add(listener);
  }

  unfinished(): Unfinished[] {
    return [...this.unfinishedByKey.values()];
  }

  /** Sends what was dropped or picked. */
  add(picked: Picked[]): void {
    let known = 0;
    for (const { file, path, handle } of picked) {
      const key = fingerprint(file, path);
      const kept = this.unfinishedByKey.get(key);
      if (kept?.elsewhere) {
        known += 1;
        continue;
      }
      const offset = kept?.offset ?? 0;
      this.unfinishedByKey.delete(key);
      if (!this.queue.add({ file, path, fingerprint: key, offset })) known += 1;
      else if (handle !== null) void keepHandle(key, handle);
    }
    if (known > 0) note(`${count(known, "file")} already on the way`);
    this.tell();
  }

  /** Looks for what earlier visits left unfinished, and asks the server how far each is. */
  async recall(): Promise<void> {
    for (const kept of this.memory.all()) {
      if (this.isHere(kept.fingerprint)) continue;
      const reopens = await hasHandle(kept.fingerprint);
      const one: Unfinished = { ...kept, offset: null, reopens, elsewhere: false };
      await this.settle(one, await heldLocks());
    }
  }

  /** Follows what other windows of this browser are sending. */
  private async look(): Promise<void> {
    if (!this.unfinished().some(({ elsewhere }) => elsewhere)) return;
    const held = await heldLocks();
    for (const kept of this.unfinished()) if (kept.elsewhere) await this.settle(kept, held);
  }

  /** Finds out what has become of an unfinished upload, and keeps it or lets it go. */
  private async settle(one: Unfinished, held: Set<string>): Promise<void> {
    const key = one.fingerprint;
    one.elsewhere = held.has(key);
    // Asking the server takes an upload away from whoever is sending it, so only an idle one is asked about.
    const where = one.elsewhere ? { is: "unknown" as const } : await whereabouts(one.url, one.size);
    if (where.is === "over") {
      this.memory.forget(key);
      void dropHandle(key);
    }
    if (where.is === "open") one.offset = where.offset;
    if (where.is === "over" || this.isHere(key)) this.unfinishedByKey.delete(key);
    else this.unfinishedByKey.set(key, one);
    this.tell();
  }

  /** Goes on with an unfinished upload whose file this browser can open again. */
  async reopen(key: string): Promise<void> {
    const file = await openHandle(key);
    const kept = this.unfinishedByKey.get(key);
    if (kept === undefined) return;
    if (file === null || fingerprint(file, kept.path) !== key) {
      kept.reopens = false;
      note("The file has changed or moved. Choose it again.", "problem");
      this.tell();
      return;
    }
    this.add([{ file, path: kept.path, handle: null }]);
  }

  /** Takes an unfinished upload away, here and on the server. */
  async discard(key: string): Promise<void> {
    const kept = this.unfinishedByKey.get(key);
    if (kept === undefined) return;
    try {
      await terminate(kept.url);
    } catch (error) {
      noteError(error);
      return;
    }
    this.unfinishedByKey.delete(key);
    this.memory.forget(key);
    void dropHandle(key);
    this.tell();
  }

  async cancel(key: string): Promise<void> {
    void dropHandle(key);
    await this.queue.cancel(key).catch(noteError);
  }

  /** The server's word on how far uploads are. One that seems unfinished here may come from another window. */
  apply(event: ServerEvent): void {
    const { upload } = event;
    const durable = event.data?.offset;
    if (event.type === "upload.progress" && upload !== null && typeof durable === "number")
      this.queue.confirm(upload, durable);
    if (event.type === "file.deleted" && event.file !== null) this.queue.forgetFile(event.file);
    const kept = this.unfinished().find((one) => uploadId(one.url) === upload);
    if (kept === undefined) return;
    if (event.type === "upload.progress" && typeof durable === "number") kept.offset = durable;
    if (event.type === "upload.aborted" || event.type === "file.stored")
      this.unfinishedByKey.delete(kept.fingerprint);
    this.tell();
  }

  private isHere(key: string): boolean {
    return this.queue.list().some((upload) => upload.key === key);
  }

  private tell(): void {
    this.listeners.forEach((listener) => listener());
  }
}
