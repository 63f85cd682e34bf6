// Which uploads this browser has begun and where they are on the server, so that a reload, a crash or another
// day goes on where they were. Kept in localStorage by the file's fingerprint; forgotten when the file is
// through, discarded, or gone from the server.

export interface Remembered {
  fingerprint: string;
  /** Where the upload is on the server. */
  url: string;
  name: string;
  path: string;
  /** Bytes. */
  size: number;
}

const prefix = "hashreel-upload:";

/** What the same file is known by: its path, size and time of change. */
export function fingerprint(file: Pick<File, "size" | "lastModified">, path: string): string {
  return `${path}|${file.size}|${file.lastModified}`;
}

/** The server's id of the upload behind a URL: its last segment. */
export function uploadId(url: string): string {
  return url.split(/[?#]/)[0]?.replace(/\/+$/, "").split("/").at(-1) ?? url;
}

export class UploadMemory {
  constructor(private readonly storage: Storage | null) {}

  remember(entry: Remembered): void {
    try {
      this.storage?.setItem(prefix + entry.fingerprint, JSON.stringify(entry));
    } catch {
      // Storage is full: the upload goes on, only a reload will not know of it.
    }
  }

  forget(fingerprint: string): void {
    this.storage?.removeItem(prefix + fingerprint);
  }

  find(fingerprint: string): Remembered | null {
    return parse(this.storage?.getItem(prefix + fingerprint) ?? null);
  }

  all(): Remembered[] {
    const { storage } = this;
    if (storage === null) return [];
    const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at));
    return keys.flatMap((key) => (key?.startsWith(prefix) ? (parse(storage.getItem(key)) ?? []) : []));
  }
}

/** This browser's storage, or null where it refuses one (private windows, embedded pages). */
export function browserStorage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function parse(text: string | null): Remembered | null {
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Partial<Remembered>;
    const strings = [kept.fingerprint, kept.url, kept.name, kept.path];
    if (typeof kept.size !== "number" || strings.some((value) => typeof value !== "string")) return null;
    return kept as Remembered;
  } catch {
    return null;
  }
}
