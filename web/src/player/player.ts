// The player: a video, its controls, its keys and its graph, over an engine that can be exchanged while it
// plays. It knows nothing of files; the page tells it which stream to play and how long it will be.

import { announce, note, noteError } from "../ui/say";
import { fill, h } from "../ui/dom";
import { icon } from "../ui/icons";
import { openDialog } from "../ui/dialog";
import type { MenuItem } from "../ui/menu";
import { Captions } from "./captions";
import { Controls, speeds } from "./controls";
import { startEngine, type Engine, type StreamProblem } from "./engine";
import { watchFit } from "./fit";
import { StreamGraph } from "./graph";
import { command, keyHelp, type Command } from "./keys";
import { SeekBar } from "./seekbar";
import { Still } from "./still";
import { StoryboardPreview } from "./storyboard";
import { keepVolume, restoreVolume } from "./volume";

/** Milliseconds without a move until the bar goes away, and between measurements for the graph. */
const pace = { hide: 2500, measure: 500 };

export class Player {
  readonly element: HTMLElement;
  readonly graph = new StreamGraph();
  /** Called when the stream cannot go on. */
  onProblem: (problem: StreamProblem) => void = noteError;

  private readonly video: HTMLVideoElement;
  private readonly still: Still;
  private readonly captions: Captions;
  private readonly controls: Controls;
  private readonly storyboard = new StoryboardPreview();
  private readonly centre = h("div", { class: "player-centre" });
  private readonly bigPlay: HTMLButtonElement;
  private readonly wait = h("div", { class: "player-wait", hidden: true, role: "status" });
  private engine: Engine | null = null;
  /** Counts engines, so that one which arrives late knows that it is no longer wanted. */
  private generation = 0;
  private url: string | null = null;
  private length = 0;
  private frame = 0;
  private measuring = 0;
  private hiding = 0;

  constructor() {
    this.video = h("video", {
      class: "player-video",
      playsinline: true,
      preload: "auto",
      "data-testid": "video",
    });
    this.still = new Still(this.video);
    this.captions = new Captions(this.video);
    this.bigPlay = h(
      "button",
      {
        class: "player-big",
        type: "button",
        "aria-label": "Play",
        "data-testid": "big-play",
        onclick: () => this.toggle(),
      },
      icon("play"),
    );
    this.centre.append(this.bigPlay, this.wait);
    this.controls = new Controls(new SeekBar(this.storyboard, (time) => this.seek(time)), {
      toggle: () => this.toggle(),
      mute: () => this.toggleSound(),
      setVolume: (volume) => this.setVolume(volume),
      setSpeed: (speed) => (this.video.playbackRate = speed),
      fullscreen: () => this.fullscreen(),
      pip: () => this.pip(),
      help: () => this.help(),
      qualityItems: () => this.qualityItems(),
      captionItems: () => this.captions.items(),
    });
    this.element = h(
      "div",
      {
        class: "player",
        "data-testid": "player",
        onpointermove: () => this.wake(),
        onfocusin: () => this.wake(),
      },
      this.video,
      this.still.element,
      this.centre,
      this.controls.element,
    );
    this.listen();
    watchFit(this.element, this.video);
    restoreVolume(this.video);
    this.paint();
  }

  /** Where it is, in seconds. */
  get time(): number {
    return this.video.currentTime;
  }

  /** Plays the stream at `url` from a position in seconds; one that plays already goes on where it is. */
  load(url: string, poster: string | null, from: number): void {
    if (poster !== null) this.video.poster = poster;
    if (url === this.url) return;
    this.url = url;
    this.start(url, from, true);
  }

  /** Reads the manifest anew, because it has rungs that it did not have, and goes on at the same place. */
  reload(): void {
    if (this.url === null) return;
    this.still.hold();
    this.start(this.url, this.video.currentTime, !this.video.paused);
  }

  /** The rungs that the stream has. */
  get rungs(): number {
    return this.engine?.qualities.length ?? 0;
  }

  setLength(seconds: number | null): void {
    this.length = seconds ?? 0;
    this.paintPosition();
  }

  setStoryboard(url: string | null): void {
    void this.storyboard.load(url);
  }

  mount(): void {
    document.addEventListener("keydown", this.onKey);
    document.addEventListener("fullscreenchange", this.onFullscreen);
    this.measuring = window.setInterval(() => this.measure(), pace.measure);
  }

  destroy(): void {
    document.removeEventListener("keydown", this.onKey);
    document.removeEventListener("fullscreenchange", this.onFullscreen);
    clearInterval(this.measuring);
    clearTimeout(this.hiding);
    cancelAnimationFrame(this.frame);
    this.generation += 1;
    this.engine?.destroy();
    this.engine = null;
    this.url = null;
  }

  private start(url: string, position: number, plays: boolean): void {
    this.generation += 1;
    const generation = this.generation;
    const chosen = this.engine?.qualities.find(({ id }) => id === this.engine?.chosen)?.label ?? null;
    const speed = this.video.playbackRate;
    this.engine?.destroy();
    this.engine = null;
    const isCurrent = () => this.generation === generation;
    startEngine(this.video, url, position, {
      changed: () => {
        if (!isCurrent()) return;
        this.keepChoice(chosen);
        this.paint();
      },
      problem: (problem) => isCurrent() && this.onProblem(problem),
    }).then(
      (engine) => {
        if (!isCurrent()) return engine.destroy();
        this.engine = engine;
        this.video.defaultPlaybackRate = speed;
        this.video.playbackRate = speed;
        if (plays) this.play();
        this.paint();
      },
      (problem: StreamProblem) => isCurrent() && this.onProblem(problem),
    );
  }

  /** A rung that was chosen by hand stays chosen when the manifest is read anew. */
  private keepChoice(label: string | null): void {
    const { engine } = this;
    if (label === null || engine === null || engine.chosen !== null || engine.shown !== null) return;
    const same = engine.qualities.find((quality) => quality.label === label);
    if (same !== undefined) engine.choose(same.id);
  }

  private play(): void {
    // A browser may want a click first: the large button is there for it.
    this.video.play().catch(() => this.paint());
  }

  private toggle(): void {
    if (this.video.paused) this.play();
    else this.video.pause();
  }

  private seek(time: number): void {
    const { made } = this.position();
    this.video.currentTime = Math.min(Math.max(0, time), Math.max(0, made - 0.1));
    this.paintPosition();
  }

  /** Muted, or turned down to nothing: either way there is sound afterwards. */
  private toggleSound(): void {
    const isSilent = this.video.muted || this.video.volume === 0;
    this.video.muted = !isSilent;
    if (this.video.volume === 0) this.video.volume = 1;
  }

  /** Steps go from the volume that was there before it was muted; a step down leaves it muted. */
  private stepVolume(amount: number): void {
    if (!this.video.muted) this.setVolume(this.video.volume + amount);
    else if (amount > 0) this.video.muted = false;
  }

  private setVolume(volume: number): void {
    this.video.muted = false;
    this.video.volume = Math.min(1, Math.max(0, volume));
  }

  private fullscreen(): void {
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    else if (typeof this.element.requestFullscreen === "function")
      this.element.requestFullscreen().catch(noteError);
    // iPhones know full screen for videos only.
    else (this.video as HTMLVideoElement & { webkitEnterFullscreen?(): void }).webkitEnterFullscreen?.();
  }

  private pip(): void {
    if (!document.pictureInPictureEnabled) return;
    const change = document.pictureInPictureElement
      ? document.exitPictureInPicture()
      : this.video.requestPictureInPicture();
    change.catch(noteError);
  }

  private help(): void {
    const rows = keyHelp.map(([keys, text]) =>
      h(
        "div",
        {},
        h("dt", {}, ...keys.map((key) => (key === "…" ? key : h("kbd", {}, key)))),
        h("dd", {}, text),
      ),
    );
    openDialog("Keys", "keys-help", h("dl", { class: "keys" }, ...rows));
  }

  private qualityItems(): MenuItem[] {
    const { engine } = this;
    if (engine === null) return [];
    const shown = engine.qualities.find(({ id }) => id === engine.shown);
    const auto: MenuItem = {
      label: "Auto",
      hint: engine.chosen === null ? (shown?.label ?? "") : "",
      chosen: engine.chosen === null,
      testid: "quality-auto",
      act: () => this.choose(null, "Auto"),
    };
    const rungs = engine.qualities.map(({ id, label, hint }) => ({
      label,
      hint,
      chosen: engine.chosen === id,
      testid: `quality-${label}`,
      act: () => this.choose(id, label),
    }));
    return [auto, ...rungs];
  }

  private choose(id: number | null, label: string): void {
    this.engine?.choose(id);
    announce(`Quality ${label}`);
  }

  private position() {
    const { video } = this;
    const end = video.seekable.length > 0 ? video.seekable.end(video.seekable.length - 1) : 0;
    const known = Number.isFinite(video.duration) ? video.duration : end;
    const isGrowing = this.engine?.isGrowing ?? false;
    const duration = isGrowing ? Math.max(this.length, known) : known || this.length;
    const buffered = Array.from({ length: video.buffered.length }, (_, at) => ({
      from: video.buffered.start(at),
      to: video.buffered.end(at),
    }));
    return { time: video.currentTime, duration, made: isGrowing ? Math.max(end, known) : duration, buffered };
  }

  private paintPosition(): void {
    this.controls.showPosition(this.position());
  }

  private paint(): void {
    const { video, engine } = this;
    const shown = engine?.qualities.find(({ id }) => id === engine.shown)?.label;
    const chosen = engine?.qualities.find(({ id }) => id === engine.chosen)?.label;
    this.controls.show({
      isPaused: video.paused,
      isMuted: video.muted,
      volume: video.volume,
      speed: video.playbackRate,
      isFullscreen: document.fullscreenElement === this.element,
      quality: chosen ?? (shown === undefined ? "Auto" : `Auto · ${shown}`),
      hasQualities: this.rungs > 0,
      hasCaptions: this.captions.tracks.length > 0,
      showsCaptions: this.captions.areShown,
    });
    this.bigPlay.hidden = !video.paused || engine === null || (video.played.length > 0 && !video.ended);
    this.element.classList.toggle("is-paused", video.paused);
    this.paintPosition();
    this.paintWait();
  }

  /** Says why nothing moves: data is awaited, or what comes next is still being made. */
  private paintWait(): void {
    const { video } = this;
    const waits =
      this.url !== null && (this.engine === null || (!video.paused && video.readyState < 3 && !video.ended));
    this.wait.hidden = !waits;
    if (!waits) return;
    const { time, made, duration } = this.position();
    const atEdge = duration > 0 && made < duration && time > made - 1;
    const words = this.engine?.isRetrying
      ? "No answer from the server. Trying again…"
      : atEdge
        ? "The next part is still being made"
        : "";
    if (this.wait.textContent === words && this.wait.childElementCount > 0) return;
    fill(
      this.wait,
      h("span", { class: "spinner" }),
      words === "" ? null : h("span", { class: "wait-words" }, words),
    );
  }

  private measure(): void {
    const { engine, video } = this;
    this.paintWait();
    if (engine === null || video.readyState === 0) return;
    const ahead = this.position().buffered.find(
      ({ from, to }) => from <= video.currentTime + 0.1 && to >= video.currentTime,
    );
    const ladder = [...engine.qualities].reverse();
    const place = ladder.findIndex(({ id }) => id === engine.shown);
    this.graph.add(performance.now(), {
      bandwidth: engine.bandwidth,
      buffer: ahead === undefined ? 0 : ahead.to - video.currentTime,
      rung: place < 0 ? null : { place, label: ladder[place]?.label ?? "" },
      rungs: ladder.length,
    });
  }

  private listen(): void {
    const { video } = this;
    const repaint = () => this.paint();
    for (const name of [
      "play",
      "pause",
      "ended",
      "waiting",
      "playing",
      "ratechange",
      "loadedmetadata",
      "seeked",
      "canplay",
    ]) {
      video.addEventListener(name, repaint);
    }
    for (const name of ["timeupdate", "progress", "durationchange"]) {
      video.addEventListener(name, () => this.paintPosition());
    }
    video.addEventListener("volumechange", () => {
      keepVolume(video);
      this.paint();
    });
    video.addEventListener("playing", () => this.run());
    video.addEventListener("pause", () => this.wake());
    video.textTracks.addEventListener("addtrack", repaint);
    video.textTracks.addEventListener("removetrack", repaint);
    video.textTracks.addEventListener("change", repaint);
    video.addEventListener("click", () => this.tap());
    video.addEventListener("dblclick", () => this.fullscreen());
  }

  /** A click plays or pauses; a touch first brings the bar back, as there is no pointer to move. */
  private tap(): void {
    const wasHidden = this.element.classList.contains("is-idle");
    this.wake();
    if (wasHidden && matchMedia("(hover: none)").matches) return;
    this.toggle();
  }

  /** Moves the seek bar with every frame while it plays. */
  private run(): void {
    cancelAnimationFrame(this.frame);
    const step = () => {
      this.paintPosition();
      if (!this.video.paused) this.frame = requestAnimationFrame(step);
    };
    step();
  }

  private wake(): void {
    this.element.classList.remove("is-idle");
    clearTimeout(this.hiding);
    this.hiding = window.setTimeout(() => {
      if (!this.video.paused && !this.controls.hasOpenMenu) this.element.classList.add("is-idle");
    }, pace.hide);
  }

  private readonly onFullscreen = (): void => this.paint();

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const what = command(event.key);
    if (what === null || belongsToControl(event, this.element)) return;
    event.preventDefault();
    this.wake();
    this.obey(what);
  };

  private obey(what: Command): void {
    const { video } = this;
    switch (what.do) {
      case "toggle":
        return this.toggle();
      case "seekBy":
        return this.seek(video.currentTime + what.seconds);
      case "seekTo":
        return this.seek(this.position().duration * what.share);
      case "volumeBy":
        return this.stepVolume(what.amount);
      case "mute":
        return this.toggleSound();
      case "fullscreen":
        return this.fullscreen();
      case "pip":
        return this.pip();
      case "captions":
        return this.toggleCaptions();
      case "speedBy":
        return this.changeSpeed(what.steps);
      case "help":
        return this.help();
    }
  }

  private toggleCaptions(): void {
    const [first] = this.captions.tracks;
    if (first === undefined) return note("This video has no captions");
    this.captions.show(this.captions.areShown ? null : first);
  }

  private changeSpeed(steps: number): void {
    const at = speeds.indexOf(this.video.playbackRate);
    const next = speeds[Math.min(speeds.length - 1, Math.max(0, at + steps))];
    if (next !== undefined) this.video.playbackRate = next;
    announce(`Speed ${this.video.playbackRate}`);
  }
}

/** Whether the element with the focus has a use of its own for the key. */
function belongsToControl(event: KeyboardEvent, player: HTMLElement): boolean {
  const { target, key } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("input:not([type=range]), textarea, select")) return true;
  if (target.matches("input[type=range]")) return key.startsWith("Arrow") || key === "Home" || key === "End";
  if (target.matches("button, a, [role^=menuitem]")) return key === " " || key === "Enter";
  // Outside of the player the keys that scroll still scroll.
  const scrolls = ["ArrowUp", "ArrowDown", "Home", "End"].includes(key);
  return scrolls && !player.contains(target) && target !== document.body;
}
