// The transport of uploads: tus 1.0 through tus-js-client, which sends; when to try again is decided in
// queue.ts, and which URL belongs to which file in memory.ts. tus-js-client's own ways for both are off: it
// would begin anew after any failed HEAD, also after a 503, and forget the URL.

import { Upload as TusUpload, type DetailedError, type HttpResponse } from "tus-js-client";

import { problemText } from "../core/api";
import { uploadId, type UploadMemory } from "./memory";
import type { Failure, Source, Transfer, TransferEvents, Transport } from "./queue";
import { refusal } from "./refusal";

const endpoint = "/uploads";
const version = { "Tus-Resumable": "1.0.0" };

/** Milliseconds without a byte until a connection counts as lost; and for the answer after the last byte. */
const patience = { sending: 45_000, finishing: 300_000 };

/** The transport for the server this page came from. `onUnauthorized` is told of a 401. */
export function tusTransport(memory: UploadMemory, onUnauthorized: () => void): Transport {
  return (source, events) => new TusTransfer(source, events, memory, onUnauthorized);
}

class TusTransfer implements Transfer {
  private current: TusUpload | null = null;
  private stalled: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly source: Source,
    private readonly events: TransferEvents,
    private readonly memory: UploadMemory,
    private readonly onUnauthorized: () => void,
  ) {}

  start(): void {
    this.stop();
    const url = this.memory.find(this.source.fingerprint)?.url ?? null;
    const { file, path } = this.source;
    const upload = new TusUpload(file, {
      // With an endpoint beside the URL, the client would make a second upload when the first is not reached.
      ...(url === null ? { endpoint } : { uploadUrl: url, endpoint: null }),
      metadata: { filename: file.name, filetype: file.type, relativePath: path },
      retryDelays: null,
      storeFingerprintForResuming: false,
      onUploadUrlAvailable: () => this.placed(upload),
      onAfterResponse: (_request, response) => this.answered(response),
      onProgress: (offset) => {
        this.watch(upload, offset);
        this.events.progress(offset);
      },
      onSuccess: ({ lastResponse }) => {
        // Stopping aborts the request, and an aborted request has no headers any more.
        const stored = lastResponse.getHeader("Hashreel-File") ?? null;
        this.stop();
        this.memory.forget(this.source.fingerprint);
        this.events.done(stored);
      },
      onError: (error) => {
        if (this.current === upload) void this.failed(error);
      },
    });
    this.current = upload;
    this.watch(upload, 0);
    upload.start();
  }

  stop(): void {
    clearTimeout(this.stalled);
    void this.current?.abort();
    this.current = null;
  }

  async discard(): Promise<void> {
    this.stop();
    const url = this.memory.find(this.source.fingerprint)?.url;
    this.memory.forget(this.source.fingerprint);
    if (url !== undefined) await terminate(url);
  }

  private placed(upload: TusUpload): void {
    if (upload.url === null) return;
    const { fingerprint, file, path } = this.source;
    this.memory.remember({ fingerprint, url: upload.url, name: file.name, path, size: file.size });
    this.events.placed(uploadId(upload.url));
  }

  private answered(response: HttpResponse): void {
    const offset = Number(response.getHeader("Upload-Offset") ?? NaN);
    if (Number.isInteger(offset)) this.events.confirmed(offset);
  }

  private watch(upload: TusUpload, offset: number): void {
    clearTimeout(this.stalled);
    const limit = offset < this.source.file.size ? patience.sending : patience.finishing;
    this.stalled = setTimeout(() => {
      if (this.current !== upload) return;
      this.stop();
      this.events.failed({ passing: true, message: "The connection stands still." });
    }, limit);
  }

  private async failed(error: Error | DetailedError): Promise<void> {
    const response = "originalResponse" in error ? error.originalResponse : null;
    const attempt = this.current;
    if (response === null && !(await isReadable(this.source.file))) {
      return this.give(attempt, { passing: false, message: "The file changed or is gone. Choose it again." });
    }
    if (response === null) return this.give(attempt, { passing: true, message: "The connection was lost." });

    const status = response.getStatus();
    if (status === 401) this.onUnauthorized();
    const { passing, gone } = refusal(status, this.memory.find(this.source.fingerprint) !== null);
    // The next attempt finds no URL and begins anew.
    if (gone) this.memory.forget(this.source.fingerprint);
    this.give(attempt, { passing, message: problemText(status, response.getBody()) });
  }

  /** Tells of a failure, unless the attempt was stopped or replaced while its cause was looked into. */
  private give(attempt: TusUpload | null, failure: Failure): void {
    if (this.current !== attempt) return;
    this.stop();
    this.events.failed(failure);
  }
}

/** A file that was changed or removed after it was chosen fails like a lost connection; this tells them apart. */
async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** What the server says of an upload. */
export type Whereabouts = { is: "open"; offset: number } | { is: "over" } | { is: "unknown" };

/** Asks the server how far an upload is. */
export async function whereabouts(url: string, size: number): Promise<Whereabouts> {
  try {
    const response = await fetch(url, {
      method: "HEAD",
      headers: version,
      signal: AbortSignal.timeout(10_000),
    });
    if (response.status === 404 || response.status === 410) return { is: "over" };
    const offset = Number(response.headers.get("Upload-Offset") ?? NaN);
    if (!response.ok || !Number.isInteger(offset)) return { is: "unknown" };
    return offset >= size ? { is: "over" } : { is: "open", offset };
  } catch {
    return { is: "unknown" };
  }
}

/** Lets the server forget an upload; one that it does not know counts as forgotten. */
export async function terminate(url: string): Promise<void> {
  const response = await fetch(url, {
    method: "DELETE",
    headers: version,
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok && response.status !== 404 && response.status !== 410) {
    throw new Error(problemText(response.status, await response.text()));
  }
}
