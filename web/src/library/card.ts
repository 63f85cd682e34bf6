// One file in the library: its poster or sign, its name, what it is and how far it is. A card is made once and
// then only changed where its file changed.

import { watchPath, type FileInfo } from "../core/api";
import { ago, clock, line, size } from "../core/format";
import { isPlayable } from "../core/files";
import { shownName } from "../core/names";
import { fill, h } from "../ui/dom";
import { icon } from "../ui/icons";
import { menuButton } from "../ui/menu";
import type { FileActions } from "./actions";
import { cutOff, kindOf, reasonOf, stateOf } from "./words";

export class Card {
  readonly element: HTMLElement;
  private readonly picture = h("div", { class: "card-picture" });
  private readonly state = h("span", { class: "badge", "data-testid": "card-state" });
  /** The same below the name, where the picture is too small for it. */
  private readonly stateLine = h("span", { class: "badge card-state-line", "aria-hidden": "true" });
  private readonly duration = h("span", { class: "card-duration" });
  private readonly progress = h("progress", { class: "bar card-bar", max: 1, "aria-label": "Converting" });
  private readonly link: HTMLAnchorElement;
  private readonly menu: HTMLButtonElement;
  private readonly name = h("h3", { class: "card-name", "data-testid": "card-name" });
  private readonly about = h("p", { class: "card-about" });
  private readonly reason = h("p", { class: "card-reason", "data-testid": "card-reason" });
  private readonly cut = h("p", { class: "card-cut", "data-testid": "card-cut" });
  private shownPicture = "";

  constructor(
    private file: FileInfo,
    actions: FileActions,
  ) {
    this.link = h(
      "a",
      { class: "card-link", href: watchPath(file.id), "data-testid": "card-open" },
      this.name,
    );
    const menu = menuButton(
      {
        class: "button-icon button-more",
        label: `Actions for ${shownName(file.name)}`,
        testid: "card-menu",
        content: [icon("more")],
      },
      () => actions.items(this.file),
    );
    this.menu = menu.button;
    this.element = h(
      "li",
      { class: "card", "data-testid": "card", "data-file": file.id },
      h(
        "div",
        { class: "card-frame" },
        this.picture,
        h("span", { class: "card-play" }, icon("play")),
        h("div", { class: "card-badges" }, this.state, this.duration),
        this.progress,
      ),
      h(
        "div",
        { class: "card-text" },
        h("div", { class: "card-title" }, this.link, this.about, this.stateLine, this.cut, this.reason),
        menu.element,
      ),
    );
    this.update(file);
  }

  update(file: FileInfo): void {
    this.file = file;
    const { video } = file;
    const { element } = this;
    const name = shownName(file.name);
    fill(this.name, name);
    this.name.title = name;
    this.menu.setAttribute("aria-label", `Actions for ${name}`);
    this.age();
    this.paintPicture(file);

    element.classList.toggle("card-playable", isPlayable(file));
    element.dataset.state = video?.state ?? file.state;
    const words = video === null ? null : stateOf(video);
    for (const badge of [this.state, this.stateLine]) {
      badge.hidden = words === null || words.tone === "done";
      badge.dataset.tone = words?.tone ?? "rest";
      fill(badge, words?.text ?? "");
    }
    this.progress.hidden = words?.progress == null;
    this.progress.value = words?.progress ?? 0;
    this.duration.hidden = video?.duration == null;
    fill(this.duration, video?.duration == null ? "" : clock(video.duration));
    const cut = video === null ? null : cutOff(video);
    this.cut.hidden = cut === null;
    fill(this.cut, cut ?? "");
    // A damaged video that plays as far as it can be read has a reason too.
    const explains = video?.state === "failed" || (video?.state === "ready" && video.reason != null);
    this.reason.hidden = !explains;
    fill(this.reason, video && explains ? reasonOf(video) : "");
  }

  focus(): void {
    this.link.focus();
  }

  /** Says how old the file is now. */
  age(): void {
    const { file } = this;
    fill(this.about, line(kindOf(file).word, size(file.size), ago(file.created_at, Date.now())));
  }

  private paintPicture(file: FileInfo): void {
    const poster = file.video?.poster ?? null;
    const sign = kindOf(file).icon;
    const wanted = poster ?? sign;
    if (wanted === this.shownPicture) return;
    this.shownPicture = wanted;
    this.picture.classList.toggle("card-sign", poster === null);
    if (poster === null) {
      fill(this.picture, icon(sign));
      return;
    }
    const image = h("img", {
      src: poster,
      alt: "",
      loading: "lazy",
      decoding: "async",
      onerror: () => this.withoutPoster(sign),
    });
    fill(this.picture, image);
  }

  private withoutPoster(sign: ReturnType<typeof kindOf>["icon"]): void {
    this.picture.classList.add("card-sign");
    fill(this.picture, icon(sign));
  }
}
