// The page of one file: its player while there is a stream, and otherwise what is going on and what can be done
// instead. It follows the file's events, so that a stream starts by itself as soon as it can be played.

import { contentPath, type FileInfo, type Video } from "../core/api";
import { ago, bitrate, size } from "../core/format";
import { isFinal, isPlayable, type FileStore } from "../core/files";
import { go } from "../core/router";
import type { FileActions } from "../library/actions";
import { kindOf, reasonOf, stateOf } from "../library/words";
import { fill, h } from "../ui/dom";
import { icon } from "../ui/icons";
import { menuButton } from "../ui/menu";
import { setPageTitle } from "../ui/title";
import { Player } from "./player";

/** Milliseconds between readings while a video is being made: rungs that come with no new state are not told. */
const readAgain = 5000;

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
  private readonly graphPlace = h("div", { class: "watch-graph", hidden: true });
  private readonly details = h("dl", { class: "details" });
  private readonly actionsPlace = h("div", { class: "watch-actions" });
  private player: Player | null = null;
  private renditions = "";
  private problem: string | null = null;
  private stopListening: () => void = () => {};
  private reading: ReturnType<typeof setInterval> | undefined;

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
        ),
        this.actionsPlace,
      ),
      this.graphPlace,
      this.details,
    );
  }

  async mount(): Promise<void> {
    this.stopListening = this.files.listen((id) => (id === this.id || id === null) && this.update());
    this.reading = setInterval(() => this.readAgain(), readAgain);
    try {
      await this.files.read(this.id);
    } catch (error) {
      this.empty("alert", error instanceof Error ? error.message : "The file cannot be read.", []);
      return;
    }
    this.update();
  }

  private readAgain(): void {
    const video = this.files.get(this.id)?.video;
    // A reading that fails is followed by the next.
    if (video && !isFinal(video.state)) this.files.read(this.id).catch(() => {});
  }

  unmount(): void {
    clearInterval(this.reading);
    this.stopListening();
    this.player?.destroy();
    this.player = null;
    setPageTitle(null);
  }

  private update(): void {
    const file = this.files.get(this.id);
    if (file === undefined) return this.gone();
    setPageTitle(file.name);
    fill(this.title, file.name);
    fill(this.about, `${kindOf(file).word} · ${size(file.size)} · ${ago(file.created_at, Date.now())}`);
    this.paintState(file);
    this.paintActions(file);
    this.paintDetails(file);
    if (isPlayable(file) && this.problem === null) this.play(file);
    else if (this.player === null || this.problem !== null) this.explain(file);
  }

  private play(file: FileInfo): void {
    const { video } = file;
    if (video?.hls == null) return;
    if (this.player === null) {
      this.player = new Player();
      this.player.onProblem = (message) => this.failed(message);
      this.player.mount();
      fill(this.stage, this.player.element);
      fill(this.graphPlace, this.player.graph.element);
      this.graphPlace.hidden = false;
    }
    const { player } = this;
    player.setLength(video.duration);
    player.setStoryboard(video.storyboard);
    player.load(video.hls, video.poster);
    player.element.classList.toggle("is-sound", isSound(file));

    // The master playlist is read once: rungs that came since are not in it.
    const rungs = video.renditions.filter(({ kind }) => kind === "video").map(({ id }) => id);
    const now = rungs.sort().join();
    if (this.renditions !== "" && now !== this.renditions && rungs.length > player.rungs) player.reload();
    this.renditions = now;
  }

  private failed(message: string): void {
    this.player?.destroy();
    this.player = null;
    this.problem = message;
    this.graphPlace.hidden = true;
    this.update();
  }

  /** What stands in the player's place when there is nothing to play. */
  private explain(file: FileInfo): void {
    const download = h(
      "a",
      {
        class: "button button-main",
        href: contentPath(file.id),
        download: true,
        "data-testid": "stage-download",
      },
      icon("download"),
      `Download ${size(file.size)}`,
    );
    const { video } = file;
    if (this.problem !== null) {
      const again = h(
        "button",
        { class: "button", type: "button", onclick: () => this.retry() },
        icon("retry"),
        "Try again",
      );
      return this.empty("alert", this.problem, [again, download]);
    }
    if (video === null)
      return this.empty(kindOf(file).icon, "This file is not a video. It is kept as it was uploaded.", [
        download,
      ]);
    if (isFinal(video.state)) return this.empty("alert", reasonOf(video), [download]);
    const words =
      video.state === "queued"
        ? "Waiting to be converted. It starts to play here by itself."
        : "The first seconds are being made. It starts to play here by itself.";
    this.empty("film", words, [h("span", { class: "spinner" })], video.poster);
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
    fill(
      this.stage,
      h(
        "div",
        { class: "stage-empty" },
        poster === null ? null : h("img", { class: "stage-poster", src: poster, alt: "" }),
        h("span", { class: "stage-sign" }, icon(sign)),
        h("p", { class: "stage-words", "data-testid": "stage-words" }, words),
        h("div", { class: "stage-actions" }, ...actions),
      ),
    );
  }

  private gone(): void {
    this.player?.destroy();
    this.player = null;
    setPageTitle("Not found");
    fill(this.title, "There is no such file");
    fill(this.about, "It was deleted, or the link is not complete.");
    this.state.hidden = true;
    this.making.hidden = true;
    this.graphPlace.hidden = true;
    fill(this.actionsPlace);
    fill(this.details);
    this.empty("file", "Nothing is here.", [h("a", { class: "button", href: "/" }, "To the library")]);
  }

  private paintState({ video }: FileInfo): void {
    const words = video === null ? null : stateOf(video);
    this.state.hidden = words === null;
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
    if (this.actionsPlace.dataset.name === file.name) return;
    this.actionsPlace.dataset.name = file.name;
    const menu = menuButton(
      {
        class: "button-icon button-more",
        label: "More actions",
        testid: "watch-menu",
        content: [icon("more")],
      },
      () => this.actions.items(this.files.get(this.id) ?? file, () => go({ page: "library" })),
    );
    fill(
      this.actionsPlace,
      h(
        "a",
        { class: "button", href: contentPath(file.id), download: true, "data-testid": "watch-download" },
        icon("download"),
        "Download",
      ),
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
    );
  }

  private paintDetails(file: FileInfo): void {
    const rows: [string, string | HTMLElement][] = [
      ["Type", file.media_type],
      [
        "SHA-256",
        file.sha256 === null ? "being computed" : h("code", { "data-testid": "sha256" }, file.sha256),
      ],
    ];
    const { video } = file;
    const rungs = video?.renditions.filter(({ kind }) => kind === "video") ?? [];
    if (rungs.length > 0) {
      const words = [...rungs]
        .sort((a, b) => b.bandwidth - a.bandwidth)
        .map((rung) => `${rung.width ?? "?"}×${rung.height ?? "?"} at ${bitrate(rung.bandwidth)}`);
      rows.push(["Qualities", words.join(", ")]);
    }
    const links = [
      video?.hls ? link("HLS", video.hls) : null,
      video?.dash ? link("DASH", video.dash) : null,
    ].filter((one) => one !== null);
    if (links.length > 0) rows.push(["Manifests", h("span", { class: "details-links" }, ...links)]);
    fill(this.details, ...rows.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
  }
}

/** What there is to say below the player, beside the state itself. */
function makingWords(video: Video): string {
  if (video.state === "playable") return "You can watch already. The rest is being made.";
  if (video.state === "failed" && video.hls !== null)
    return `Only a part could be converted. ${reasonOf(video)}`;
  return "";
}

function link(text: string, href: string): HTMLElement {
  return h("a", { href, target: "_blank", rel: "noopener" }, text);
}

/** Whether there is sound alone to be played. */
function isSound({ video }: FileInfo): boolean {
  const kinds = video?.renditions.map(({ kind }) => kind) ?? [];
  return kinds.length > 0 && !kinds.includes("video");
}
