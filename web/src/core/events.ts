// What happens on the server, live: a WebSocket that comes back by itself. Before each new connection the
// history since the last event is read over HTTP, so nothing is missed, and where WebSockets do not get
// through, those reads alone keep the page up to date. Until there is a last event to go on from, `onGap` says
// when lists must be read instead. Listeners may see an event twice, never not at all.

import { ApiError, type Api, type EventPage, type ServerEvent } from "./api";
import { wait, type Backoff } from "./backoff";

export type Link = "connecting" | "live" | "lost";

/** No end to the tries: a page may stand open for days. Their rate is bounded instead. */
const reconnecting: Backoff = { first: 500, most: 15_000, tries: Infinity };

/** More missed pages than this, and reading the list anew is cheaper. */
const mostMissedPages = 10;

export class EventFeed {
  private readonly listeners = new Set<(event: ServerEvent) => void>();
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private last: string | null = null;
  private stopped = true;

  /** Called when the connection's state changes. */
  onLink: (link: Link) => void = () => {};
  /** Called when events may have been missed for good, so that lists must be read anew. */
  onGap: () => void = () => {};

  constructor(
    private readonly api: Pick<Api, "events">,
    private readonly connect: (path: string) => WebSocket = webSocket,
  ) {}

  /** Returns how to stop listening. */
  listen(listener: (event: ServerEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.attempt = 0;
    this.onLink("connecting");
    this.open();
    addEventListener("online", this.hurry);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.hurry);
    this.socket?.close();
    this.socket = null;
  }

  private readonly hurry = (): void => {
    if (this.socket === null && !this.stopped) {
      clearTimeout(this.timer);
      void this.reconnect();
    }
  };

  private open(): void {
    const after = this.last === null ? "" : `?after=${encodeURIComponent(this.last)}`;
    const socket = this.connect(`/v1/events${after}`);
    this.socket = socket;
    socket.onopen = () => {
      this.attempt = 0;
      this.onLink("live");
      // What happened between a list's answer and now is unknown.
      if (this.last === null) this.onGap();
    };
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (!this.stopped) this.retry();
    };
  }

  private retry(): void {
    const delay = wait(reconnecting, this.attempt, Math.random()) ?? reconnecting.most;
    this.attempt += 1;
    // A first loss is mended within a second and not worth a word.
    if (this.attempt > 2) this.onLink("lost");
    this.timer = setTimeout(() => void this.reconnect(), delay);
  }

  private async reconnect(): Promise<void> {
    try {
      if (this.last !== null) await this.catchUp();
      else {
        // A WebSocket does not say why it was refused, this request does.
        await this.api.events(null, 1);
        this.onGap();
      }
    } catch (error) {
      // A key that is no longer valid does not become valid by asking again.
      if (error instanceof ApiError && error.status === 401) return this.stop();
      if (!this.stopped) this.retry();
      return;
    }
    if (!this.stopped && this.socket === null) this.open();
  }

  private async catchUp(): Promise<void> {
    for (let page = 0; page < mostMissedPages; page += 1) {
      const missed: EventPage = await this.api.events(this.last);
      missed.events.forEach((event) => this.deliver(event));
      if (missed.events.length === 0 || missed.cursor === null) return;
    }
    this.last = null;
    this.onGap();
  }

  private receive(text: unknown): void {
    const event = parseEvent(text);
    if (event !== null) this.deliver(event);
  }

  private deliver(event: ServerEvent): void {
    this.last = event.id;
    this.listeners.forEach((listener) => listener(event));
  }
}

function webSocket(path: string): WebSocket {
  return new WebSocket(location.origin.replace(/^http/, "ws") + path);
}

/** A message's event, or null for a message of a kind that this version does not know. */
export function parseEvent(text: unknown): ServerEvent | null {
  if (typeof text !== "string") return null;
  try {
    const event = JSON.parse(text) as Partial<ServerEvent> | null;
    if (event === null || typeof event.id !== "string" || typeof event.type !== "string") return null;
    return {
      id: event.id,
      type: event.type,
      at: event.at ?? "",
      file: event.file ?? null,
      upload: event.upload ?? null,
      data: event.data ?? null,
    };
  } catch {
    return null;
  }
}
