// What turns a stream's address into pictures: hls.js over Media Source Extensions, or the browser's own HLS
// where those are missing. The page knows only this interface. hls.js is loaded with the first stream, not
// with the app.

import type Hls from "hls.js";
import type { ErrorData, HlsConfig } from "hls.js";

import { wait, type Backoff } from "../core/backoff";
import { qualities, type Quality } from "./quality";
import { Recoveries } from "./recovery";

export interface Engine {
  /** The rungs, best first; empty when the browser chooses alone. */
  readonly qualities: Quality[];
  /** The rung that was chosen by hand, null for automatic. */
  readonly chosen: number | null;
  /** The rung that is seen now, null before the first frame. */
  readonly shown: number | null;
  /** Measured bits a second, null before the first measurement. */
  readonly bandwidth: number | null;
  /** Whether the playlist still grows. */
  readonly isGrowing: boolean;
  /** Whether what was asked of the server last did not come, and is asked for again. */
  readonly isRetrying: boolean;
  choose(id: number | null): void;
  destroy(): void;
}

export interface EngineEvents {
  /** Rungs, choice or what is shown changed. */
  changed(): void;
  /** The stream cannot go on. */
  problem(problem: StreamProblem): void;
}

/** Why a stream cannot be played, in a sentence for the person. */
export class StreamProblem extends Error {
  /** `passing` says whether it can be mended by the server alone, so that another try is worth it later. */
  constructor(
    message: string,
    readonly passing: boolean,
  ) {
    super(message);
    this.name = "StreamProblem";
  }
}

/** Connections that break are tried again about a dozen times, over three minutes. */
const reconnecting: Backoff = { first: 1000, most: 20_000, tries: 12 };
const bandwidthKey = "hashreel-bandwidth";

/** Starts the stream at `url` in `video` from `position` seconds; rejects with a `StreamProblem`. */
export async function startEngine(
  video: HTMLVideoElement,
  url: string,
  position: number,
  events: EngineEvents,
): Promise<Engine> {
  const { default: HlsClass } = await import("hls.js").catch(() => {
    throw new StreamProblem("The player could not be loaded. It is tried again when the server is there.", true);
  });
  if (HlsClass.isSupported()) return new HlsEngine(HlsClass, video, url, position, events);
  if (video.canPlayType("application/vnd.apple.mpegurl") !== "")
    return new NativeEngine(video, url, position, events);
  const words = "This browser can play neither MSE nor HLS streams. Download the file to watch it.";
  throw new StreamProblem(words, false);
}

class HlsEngine implements Engine {
  qualities: Quality[] = [];
  chosen: number | null = null;
  shown: number | null = null;
  isRetrying = false;
  private readonly hls: Hls;
  private attempt = 0;
  private readonly recoveries = new Recoveries();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly HlsClass: typeof Hls,
    private readonly video: HTMLVideoElement,
    url: string,
    position: number,
    private readonly events: EngineEvents,
  ) {
    this.hls = new HlsClass(config(position));
    const { Events } = HlsClass;
    this.hls.on(Events.LEVELS_UPDATED, () => this.readLevels());
    this.hls.on(Events.MANIFEST_PARSED, (_event, { levels }) => {
      this.hls.startLevel = startLevel(
        levels.map((level) => level.bitrate),
        rememberedBandwidth(),
      );
      this.readLevels();
    });
    this.hls.on(Events.LEVEL_SWITCHED, (_event, { level }) => {
      this.shown = level;
      events.changed();
    });
    this.hls.on(Events.FRAG_BUFFERED, () => {
      this.attempt = 0;
      this.isRetrying = false;
      rememberBandwidth(this.hls.bandwidthEstimate);
    });
    this.hls.on(Events.LEVEL_UPDATED, () => {
      this.isRetrying = false;
      events.changed();
    });
    this.hls.on(Events.ERROR, (_event, data) => this.failed(data));
    this.hls.loadSource(url);
    this.hls.attachMedia(video);
  }

  get bandwidth(): number | null {
    const estimate = this.hls.bandwidthEstimate;
    return Number.isFinite(estimate) && estimate > 0 ? estimate : null;
  }

  get isGrowing(): boolean {
    return this.hls.latestLevelDetails?.live ?? false;
  }

  choose(id: number | null): void {
    this.chosen = id;
    // A choice by hand is seen at once; automatic needs no hurry and keeps what is buffered.
    if (id === null) this.hls.loadLevel = -1;
    else this.hls.currentLevel = id;
    this.events.changed();
  }

  destroy(): void {
    clearTimeout(this.timer);
    this.hls.destroy();
  }

  private readLevels(): void {
    this.qualities = qualities(
      this.hls.levels.map((level, id) => ({
        id,
        width: level.width || 0,
        height: level.height || 0,
        bandwidth: level.bitrate,
        frameRate: level.frameRate || 0,
      })),
    );
    this.events.changed();
  }

  private failed(data: ErrorData): void {
    const { ErrorTypes } = this.HlsClass;
    this.isRetrying ||= data.type === ErrorTypes.NETWORK_ERROR;
    if (!data.fatal) return;
    if (data.type === ErrorTypes.MEDIA_ERROR && this.recoveries.allow(this.video.currentTime)) {
      this.hls.recoverMediaError();
      return;
    }
    const status = data.response?.code ?? 0;
    const refused = status >= 400 && status < 500 && status !== 408 && status !== 429;
    const delay = wait(reconnecting, this.attempt, Math.random());
    if (data.type === ErrorTypes.NETWORK_ERROR && !refused && delay !== null) {
      this.attempt += 1;
      this.timer = setTimeout(() => this.again(), delay);
      return;
    }
    this.events.problem(problemOf(data.type === ErrorTypes.NETWORK_ERROR, status));
  }

  private again(): void {
    if (this.hls.levels.length === 0 && this.hls.url !== null) this.hls.loadSource(this.hls.url);
    else this.hls.startLoad();
  }
}

/** The problem of a request that was answered with `status` (0 for no answer), or of what came. */
export function problemOf(isNetwork: boolean, status: number): StreamProblem {
  const lasting = (words: string) => new StreamProblem(words, false);
  if (!isNetwork) return lasting("This browser cannot decode the stream. Download the file to watch it.");
  if (status === 404 || status === 410)
    return lasting("A part of the stream is not there any more. If the file was not deleted, try again.");
  if (status === 401 || status === 403)
    return lasting("You may not watch this stream. Sign in with a key of its owner.");
  if (status >= 500)
    return new StreamProblem("The server could not give the next part of the stream. It is tried again.", true);
  return new StreamProblem("The connection to the server was lost. It is tried again when it is back.", true);
}

/** A start has nothing in store: it takes no more of the connection than this. */
const startShare = 0.5;

/**
 * The quality to begin with, of those that need so many bits a second: the best that a connection of `bandwidth`
 * carries with ease, and the lowest where nothing is known of it. hls.js by itself takes the playlist's first
 * where it finds none that is there within seconds, and a slow connection needs half a minute for a part of that.
 */
export function startLevel(bitrates: readonly number[], bandwidth: number | null): number {
  const lowest = bitrates.indexOf(Math.min(...bitrates));
  const fits = bitrates.filter((bitrate) => bitrate <= (bandwidth ?? 0) * startShare);
  return fits.length === 0 ? Math.max(lowest, 0) : bitrates.indexOf(Math.max(...fits));
}

function config(position: number): Partial<HlsConfig> {
  const estimate = rememberedBandwidth();
  return {
    // A worker would need a blob: script in the Content-Security-Policy; fragmented MP4 needs no transmuxing.
    enableWorker: false,
    startPosition: position,
    capLevelToPlayerSize: true,
    maxBufferLength: 30,
    backBufferLength: 60,
    testBandwidth: false,
    ...(estimate === null ? {} : { abrEwmaDefaultEstimate: estimate }),
  };
}

/** What was measured last in this browser: the next stream begins in the right quality. */
function rememberedBandwidth(): number | null {
  try {
    const kept = Number(localStorage.getItem(bandwidthKey));
    return kept > 0 ? kept : null;
  } catch {
    return null;
  }
}

function rememberBandwidth(estimate: number): void {
  try {
    if (Number.isFinite(estimate)) localStorage.setItem(bandwidthKey, String(Math.round(estimate)));
  } catch {
    // Nothing is kept: the next stream measures anew.
  }
}

class NativeEngine implements Engine {
  readonly qualities: Quality[] = [];
  readonly chosen = null;
  readonly shown = null;
  readonly bandwidth = null;
  readonly isRetrying = false;

  constructor(
    private readonly video: HTMLVideoElement,
    url: string,
    position: number,
    events: EngineEvents,
  ) {
    const problem = new StreamProblem("This browser cannot play the stream.", false);
    video.addEventListener("error", () => events.problem(problem), { once: true });
    video.addEventListener("loadedmetadata", () => (video.currentTime = position), { once: true });
    video.src = url;
  }

  get isGrowing(): boolean {
    return this.video.duration === Infinity;
  }

  choose(): void {}

  destroy(): void {
    this.video.removeAttribute("src");
    this.video.load();
  }
}
