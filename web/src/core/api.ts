// The typed client of the HTTP interface. Every failure becomes an ApiError whose message can be shown as it
// is; a 401 is also told to whoever listens, so that one place decides to ask for a key. Only the session's own
// requests are not told of: their 401 says that a key is wrong, not that a session ended.

import { sentence } from "./format";

export type VideoState = "queued" | "running" | "playable" | "ready" | "failed" | "cancelled";

export interface Rendition {
  id: string;
  kind: "video" | "audio";
  width: number | null;
  height: number | null;
  /** Bits a second at most. */
  bandwidth: number;
  codec: string;
  frame_rate: number | null;
}

export interface Video {
  state: VideoState;
  reason?: string | null;
  /** Seconds, null until probed. */
  duration: number | null;
  /** Seconds that its file announces, where it was cut off before that. */
  announced_duration?: number;
  /** 0 to 1. */
  progress: number;
  renditions: Rendition[];
  hls: string | null;
  dash: string | null;
  poster: string | null;
  storyboard: string | null;
}

export interface FileInfo {
  id: string;
  name: string;
  media_type: string;
  /** Bytes. */
  size: number;
  sha256: string | null;
  state: "hashing" | "stored";
  version: number;
  /** RFC 3339. */
  created_at: string;
  video: Video | null;
}

export interface FilePage {
  files: FileInfo[];
  cursor: string | null;
}

export interface ServerEvent {
  id: string;
  at: string;
  type: string;
  file: string | null;
  upload: string | null;
  data: Record<string, unknown> | null;
}

export interface EventPage {
  events: ServerEvent[];
  cursor: string | null;
}

export interface Session {
  owner: string;
  /** Whether keys are demanded, so that signing out means something. */
  accounts: boolean;
}

export class ApiError extends Error {
  /** `status` is the HTTP status, 0 when no answer came. */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  get isPassing(): boolean {
    return isPassing(this.status);
  }
}

/** Whether what was answered with this status (0 for no answer) can succeed later by itself. */
export function isPassing(status: number): boolean {
  return status === 0 || [408, 425, 429].includes(status) || status >= 500;
}

/** What went wrong, in a sentence to show. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const sessionPath = "/v1/session";

/** How long an answer may take, in milliseconds. */
const patience = 30_000;

export class Api {
  /** Called after a 401: the session ended. */
  onUnauthorized: () => void = () => {};

  session(): Promise<Session> {
    return this.request("GET", sessionPath);
  }

  async signIn(key: string): Promise<void> {
    await this.request("POST", sessionPath, { key });
  }

  async signOut(): Promise<void> {
    await this.request("DELETE", sessionPath);
  }

  files(cursor: string | null, limit = 48): Promise<FilePage> {
    const after = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    return this.request("GET", `/v1/files?limit=${limit}${after}`);
  }

  file(id: string): Promise<FileInfo> {
    return this.request("GET", filePath(id));
  }

  async rename(id: string, name: string): Promise<void> {
    await this.request("PATCH", filePath(id), { name });
  }

  async remove(id: string): Promise<void> {
    await this.request("DELETE", filePath(id));
  }

  events(after: string | null, limit = 200): Promise<EventPage> {
    const from = after === null ? "" : `&after=${encodeURIComponent(after)}`;
    return this.request("GET", `/v1/events?limit=${limit}${from}`);
  }

  private async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(path, {
        method,
        headers: body === undefined ? {} : { "Content-Type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
        credentials: "same-origin",
        signal: AbortSignal.timeout(patience),
      });
      text = await response.text();
    } catch {
      throw new ApiError(0, "The server cannot be reached. Check that it is running and try again.");
    }
    if (!response.ok) {
      if (response.status === 401 && path !== sessionPath) this.onUnauthorized();
      throw new ApiError(response.status, problemText(response.status, text));
    }
    return parse(text) as T;
  }
}

/** An answer's JSON, null for an empty one. */
function parse(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    throw new ApiError(
      0,
      "What came is no answer of Hashreel: something on the way to the server replaces it.",
    );
  }
}

/** The sentence to show for a refused request: a problem document's detail, or its title, or the status. */
export function problemText(status: number, body: string): string {
  try {
    const problem = JSON.parse(body) as { detail?: unknown; title?: unknown };
    for (const text of [problem.detail, problem.title]) {
      if (typeof text === "string" && text !== "") return sentence(text);
    }
  } catch {
    // Not a problem document: a proxy answered, and the status is all there is to tell.
  }
  return `The server answered with status ${status}.`;
}

/** Where the file's own bytes are. */
export function contentPath(id: string): string {
  return `${filePath(id)}/content`;
}

/** Where the file is watched. */
export function watchPath(id: string): string {
  return `/watch/${encodeURIComponent(id)}`;
}

function filePath(id: string): string {
  return `/v1/files/${encodeURIComponent(id)}`;
}
