// The page of one file: its player while there is a stream, and otherwise what is going on and what can be done
// instead. It follows the file's events, so that a stream starts by itself as soon as it can be played.

import { contentPath, messageOf, type FileInfo, type Video } from "../core/api";
import { ago, line, size } from "../core/format";
import { isFinal, isPlayable, type FileStore } from "../core/files";
import { shownName } from "../core/names";
import { go } from "../core/router";
import type { FileActions } from "../library/actions";
import { cutOff, kindOf, reasonOf, stateOf } from "../library/words";
import { fill, h, refill } from "../ui/dom";
import { icon } from "../ui/icons";
import { menuButton } from "../ui/menu";
import { setPageTitle } from "../ui/title";
import { details } from "./details";
import type { StreamProblem } from "./engine";
import { Player } from "./player";
import { showing, type Reading } from "./showing";

/**
 * Milliseconds between readings while a video is being made, as rungs that come with no new state are not told,
 * and while the file cannot be read.
 */
const readAgain = 5000;
/** Characters of a name above which it is set in smaller letters. */
const longName = 80;

export class WatchPage {
  readonly element: HTMLElement;
  private readonly stage = h("div", { class: "stage", "data-testid": "stage" });
  private readonly title = h("h1", { class: "watch-title", "data-testid": "watch-title" });
  private readonly about = h("p", { class: "watch-about" });
  private readonly state = h("span", { class: "badge", "data-testid": "watch-state" });
  private readonly bar = h("progress", { class: "bar", max: 1, "aria-label": "Converting" });
  private readonly makingWords = h("p");
  private readonly making = h(
    "div",
    { class: "making", hidden: true, "data-testid": "making" },
    this.bar,
    this.makingWords,
  );
  private readonly cut = h("p", { class: "watch-cut", hidden: true, "data-testid": "watch-cut" });
  private readonly graphPlace = h("div", { class: "watch-graph", hidden: true });
  private readonly details = h("dl", { class: "details" });
  private readonly actionsPlace = h("div", { class: "watch-actions" });
  private player: Player | null = null;
  private renditions = "";
  private problem: StreamProblem | null = null;
  /** Seconds at which the stream goes on after a problem. */
  private resumeAt = 0;
  private reading: Reading = { is: "loading" };
  private isLeft = false;
  private stopListening: () => void = () => {};
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly id: string,
    private readonly files: FileStore,
    private readonly actions: FileActions,
  ) {
    this.element = h(
      "article",
      { class: "watch", "data-testid": "watch" },
      h("a", { class: "back", href: "/" }, icon("back"), "Library"),
      this.stage,
      this.making,
      h(
        "div",
        { class: "watch-head" },
        h(
          "div",
          { class: "watch-words" },
          this.title,
          h("div", { class: "watch-line" }, this.state, this.about),
          this.cut,
        ),
        this.actionsPlace,
      ),
      this.graphPlace,
      this.details,
    );
  }

  mount(): void {
    this.stopListening = this.files.listen((id) => (id === this.id || id === null) && this.update());
    this.timer = setInterval(() => this.readAgain(), readAgain);
    this.update();
    void this.read();
  }

  /** Reads the file anew. */
  async read(): Promise<void> {
    try {
      await this.files.read(this.id);
      this.reading = { is: "done" };
    } catch (error) {
      this.reading = { is: "failed", message: messageOf(error) };
    }
    if (!this.isLeft) this.update();
  }

  private readAgain(): void {
    if (this.problem?.passing) return void this.retryWhenBack();
    const video = this.files.get(this.id)?.video;
    if (this.reading.is === "failed" || (video && !isFinal(video.state))) void this.read();
  }

  unmount(): void {
    this.isLeft = true;
    clearInterval(this.timer);
    this.stopListening();
    this.player?.destroy();
    this.player = null;
    setPageTitle(null);
  }

  private update(): void {
    const shown = showing(this.files.get(this.id), this.reading);
    this.element.dataset.showing = shown.is;
    if (shown.is === "file") return this.paint(shown.file);
    this.player?.destroy();
    this.player = null;
    const nothing = [this.state, this.cut, this.making, this.graphPlace];
    nothing.forEach((part) => (part.hidden = true));
    refill(this.actionsPlace, "", () => []);
    refill(this.details, "", () => []);
    if (shown.is === "gone") this.gone();
    else if (shown.is === "failed") this.unread(shown.message);
    else
      this.say("", "", "film", "", [
        h("span", { class: "spinner", role: "status", "aria-label": "Loading" }),
      ]);
  }

  private paint(file: FileInfo): void {
    const name = shownName(file.name);
    setPageTitle(name);
    fill(this.title, name);
    this.title.classList.toggle("is-long", name.length > longName);
    fill(this.about, line(kindOf(file).word, size(file.size), ago(file.created_at, Date.now())));
    this.paintState(file);
    refill(this.details, JSON.stringify([file.sha256, file.video?.renditions, file.video?.dash]), () =>
      details(file),
    );
    if (isPlayable(file) && this.problem === null) this.play(file);
    else if (this.player === null || this.problem !== null) this.explain(file);
    this.paintActions(file);
  }

  private play(file: FileInfo): void {
    const { video } = file;
    if (video?.hls == null) return;
    if (this.player === null) {
      this.player = new Player();
      this.player.onProblem = (problem) => this.failed(problem);
      this.player.mount();
      fill(this.graphPlace, this.player.graph.element);
      this.graphPlace.hidden = false;
    }
    const { player } = this;
    refill(this.stage, "player", () => [player.element]);
    player.setLength(video.duration);
    player.setStoryboard(video.storyboard);
    player.load(video.hls, video.poster, this.resumeAt);
    player.element.classList.toggle("is-sound", isSound(file));

    // The master playlist is read once: rungs that came since are not in it.
    const rungs = video.renditions.filter(({ kind }) => kind === "video").map(({ id }) => id);
    const now = rungs.sort().join();
    if (this.renditions !== "" && now !== this.renditions && rungs.length > player.rungs) player.reload();
    this.renditions = now;
  }

  private failed(problem: StreamProblem): void {
    this.resumeAt = this.player?.time ?? 0;
    this.player?.destroy();
    this.player = null;
    this.problem = problem;
    this.graphPlace.hidden = true;
    this.update();
  }

  /** What stands in the player's place when there is nothing to play. */
  private explain(file: FileInfo): void {
    const download = downloadLink(file, "stage-download", `Download ${size(file.size)}`, "button button-main");
    const { video } = file;
    if (this.problem !== null) {
      const again = h(
        "button",
        { class: "button", type: "button", onclick: () => this.retry() },
        icon("retry"),
        "Try again",
      );
      return this.empty("alert", this.problem.message, [again, download]);
    }
    if (video === null)
      return this.empty(kindOf(file).icon, noVideoWords(file), [download]);
    if (isFinal(video.state)) return this.empty("alert", reasonOf(video), [download]);
    const words =
      video.state === "queued"
        ? "Waiting to be converted. It starts to play here by itself."
        : "The first seconds are being made. It starts to play here by itself.";
    this.empty("film", words, [h("span", { class: "spinner" })], video.poster);
  }

  /** Asks for the file first: where that fails, the stream would fail too. */
  private async retryWhenBack(): Promise<void> {
    await this.read();
    if (this.reading.is === "done" && this.problem?.passing) this.retry();
  }

  private retry(): void {
    this.problem = null;
    this.renditions = "";
    this.update();
  }

  private empty(
    sign: Parameters<typeof icon>[0],
    words: string,
    actions: Node[],
    poster: string | null = null,
  ): void {
    const key = JSON.stringify([sign, words, poster, actions.map((action) => action.textContent)]);
    refill(this.stage, key, () => [
      h(
        "div",
        { class: "stage-empty" },
        poster === null ? null : h("img", { class: "stage-poster", src: poster, alt: "" }),
        h("span", { class: "stage-sign" }, icon(sign)),
        h("p", { class: "stage-words", "data-testid": "stage-words" }, words),
        h("div", { class: "stage-actions" }, ...actions),
      ),
    ]);
  }

  private gone(): void {
    this.say(
      "There is no such file",
      "It was deleted, or the link is not complete.",
      "file",
      "Nothing is here.",
      [h("a", { class: "button", href: "/" }, "To the library")],
    );
  }

  private unread(message: string): void {
    const again = {
      class: "button",
      type: "button",
      "data-testid": "read-again",
      onclick: () => void this.read(),
    };
    this.say("The file cannot be read", "", "alert", message, [
      h("button", again, icon("retry"), "Try again"),
    ]);
  }

  /** Fills the page while there is no file to show. */
  private say(
    title: string,
    about: string,
    sign: Parameters<typeof icon>[0],
    words: string,
    actions: Node[],
  ): void {
    setPageTitle(title === "" ? null : title);
    fill(this.title, title);
    fill(this.about, about);
    this.empty(sign, words, actions);
  }

  private paintState({ video }: FileInfo): void {
    const words = video === null ? null : stateOf(video);
    this.state.hidden = words === null;
    const cut = video === null ? null : cutOff(video);
    this.cut.hidden = cut === null;
    fill(this.cut, cut ?? "");
    this.state.dataset.tone = words?.tone ?? "rest";
    fill(this.state, words?.text ?? "");
    const progress = words?.progress ?? null;
    this.bar.hidden = progress === null;
    this.bar.value = progress ?? 0;
    fill(this.makingWords, video === null ? "" : makingWords(video));
    this.makingWords.hidden = this.makingWords.textContent === "";
    this.making.hidden = progress === null && this.makingWords.hidden;
    this.making.dataset.tone = words?.tone ?? "rest";
  }

  private paintActions(file: FileInfo): void {
    // Where there is nothing to play, downloading is what the stage offers.
    const offered = this.stage.querySelector("[data-testid=stage-download]") !== null;
    refill(this.actionsPlace, JSON.stringify([file.name, offered]), () => this.actionsOf(file, offered));
  }

  private actionsOf(file: FileInfo, offered: boolean): (Node | null)[] {
    const menu = menuButton(
      {
        class: "button-icon button-more",
        label: "More actions",
        testid: "watch-menu",
        content: [icon("more")],
      },
      () => this.actions.items(this.files.get(this.id) ?? file, () => go({ page: "library" })),
    );
    return [
      offered ? null : downloadLink(file, "watch-download", "Download", "button"),
      h(
        "button",
        {
          class: "button",
          type: "button",
          "data-testid": "watch-link",
          onclick: () => void this.actions.copyLink(file),
        },
        icon("link"),
        "Copy link",
      ),
      menu.element,
    ];
  }
}

function downloadLink({ id }: FileInfo, testid: string, words: string, look: string): HTMLElement {
  const props = { class: look, href: contentPath(id), download: true, "data-testid": testid };
  return h("a", props, icon("download"), words);
}

/** Why there is no player: somebody who uploaded what is called a video expects one. */
function noVideoWords({ media_type }: FileInfo): string {
  return /^(video|audio)\//i.test(media_type)
    ? "There is nothing to play in this file, whatever its name says. It is kept as it was uploaded."
    : "This file is not a video. It is kept as it was uploaded.";
}

/** What there is to say below the player, beside the state itself. */
function makingWords(video: Video): string {
  if (video.state === "playable") return "You can watch already. The rest is being made.";
  if (video.state === "failed" && video.hls !== null)
    return `Only a part could be converted. ${reasonOf(video)}`;
  // A damaged video plays as far as it can be read, and says where it is damaged.
  if (video.state === "ready" && video.reason != null) return reasonOf(video);
  return "";
}

/** Whether there is sound alone to be played. */
function isSound({ video }: FileInfo): boolean {
  const kinds = video?.renditions.map(({ kind }) => kind) ?? [];
  return kinds.length > 0 && !kinds.includes("video");
}
