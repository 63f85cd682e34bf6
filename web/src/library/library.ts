// The library: all files as cards, newest first, searched by name, more of them on demand.

import type { FileInfo } from "../core/api";
import type { FileStore } from "../core/files";
import { count } from "../core/format";
import { fill, h } from "../ui/dom";
import { icon, type IconName } from "../ui/icons";
import { noteError } from "../ui/say";
import type { FileActions } from "./actions";
import { Card } from "./card";
import { matches } from "./words";

/** Milliseconds between looks at how old the files are. */
const minute = 60_000;
/** Pages of older files that one search reads. */
const mostSearched = 40;

export class Library {
  readonly element: HTMLElement;
  private readonly cards = new Map<string, Card>();
  private readonly grid = h("ul", { class: "cards", "data-testid": "cards" });
  private readonly search = h("input", {
    class: "field",
    type: "search",
    placeholder: "Search by name",
    "aria-label": "Search the library by name",
    "data-testid": "search",
    oninput: () => this.find(),
  });
  private readonly clear = h(
    "button",
    {
      class: "button-icon search-clear",
      type: "button",
      "aria-label": "Clear the search",
      title: "Clear the search",
      "data-testid": "search-clear",
      hidden: true,
      onclick: () => this.searchNothing(),
    },
    icon("close"),
  );
  private readonly searchBox = h("div", { class: "search" }, icon("search"), this.search, this.clear);
  private readonly amount = h("p", { class: "library-amount", role: "status" });
  private readonly nothing = h("p", { class: "library-nothing", "data-testid": "nothing-found" });
  private readonly why = h("p", {});
  private readonly failure = h("div", {
    class: "library-failure",
    role: "alert",
    "data-testid": "library-failed",
  });
  private readonly again: HTMLButtonElement;
  private readonly more: HTMLButtonElement;
  private readonly shelf: HTMLElement;
  private looking = false;
  private readonly welcome = welcome();
  private readonly waiting = h(
    "ul",
    { class: "cards", "aria-hidden": "true" },
    ...Array.from({ length: 6 }, ghost),
  );

  /** `refresh` reads the list anew, and again by itself when that fails in passing. */
  constructor(
    private readonly files: FileStore,
    private readonly actions: FileActions,
    private readonly refresh: () => Promise<void>,
  ) {
    this.more = h(
      "button",
      {
        class: "button library-more",
        type: "button",
        "data-testid": "more",
        onclick: () => void this.readMore(),
      },
      "Show more",
    );
    this.shelf = h(
      "section",
      { class: "library", "aria-labelledby": "library-title", "data-testid": "library" },
      h(
        "header",
        { class: "library-head" },
        h("h2", { id: "library-title" }, "Library"),
        this.amount,
        this.searchBox,
      ),
      this.failure,
      this.waiting,
      this.grid,
      this.nothing,
      this.more,
    );
    this.element = h("div", {}, this.welcome, this.shelf);
    this.again = h(
      "button",
      {
        class: "button",
        type: "button",
        "data-testid": "library-again",
        onclick: () => void this.readAgain(),
      },
      icon("retry"),
      "Try again",
    );
    this.failure.append(icon("alert"), this.why, this.again);
    setInterval(() => this.cards.forEach((card) => card.age()), minute);
    files.listen((id) => (id === null ? this.paint() : this.repaint(id)));
    this.paint();
  }

  private repaint(id: string): void {
    const file = this.files.get(id);
    if (file !== undefined) this.cards.get(id)?.update(file);
  }

  private paint(): void {
    const all = this.files.list();
    const { loaded, problem } = this.files;
    const { isEmpty } = this.files;
    this.welcome.hidden = !isEmpty;
    this.shelf.hidden = isEmpty;
    this.searchBox.hidden = !loaded;
    this.waiting.hidden = loaded || problem !== null;
    this.failure.hidden = loaded || problem === null;
    fill(this.why, problem ?? "");

    this.clear.hidden = this.search.value === "";
    const search = this.search.value.trim();
    const shown = all.filter((file) => matches(file.name, search));
    this.keep(new Set(all.map((file) => file.id)));
    this.lay(shown);
    fill(this.amount, loaded ? amount(all.length, shown.length, this.files.hasMore, search) : "");
    this.nothing.hidden = !loaded || all.length === 0 || shown.length > 0;
    fill(this.nothing, nothingFound(search, this.looking, this.files.hasMore));
    this.more.hidden = !this.files.hasMore || this.looking;
  }

  /** A search is for all files, so that those are read which nobody has looked at yet. */
  private find(): void {
    this.paint();
    if (!this.looking) void this.readOlder();
  }

  private async readOlder(): Promise<void> {
    this.looking = true;
    try {
      for (let page = 0; page < mostSearched && this.isSearching && this.files.hasMore; page += 1)
        await this.files.more();
    } catch (error) {
      noteError(error);
    } finally {
      this.looking = false;
      this.paint();
    }
  }

  private get isSearching(): boolean {
    return this.search.value.trim() !== "";
  }

  private searchNothing(): void {
    this.search.value = "";
    this.search.focus();
    this.paint();
  }

  /** Cards of files that are gone are forgotten. */
  private keep(ids: Set<string>): void {
    for (const id of this.cards.keys()) if (!ids.has(id)) this.cards.delete(id);
  }

  /** Puts the cards in order, moving only those that are not in their place. */
  private lay(files: FileInfo[]): void {
    const wanted = files.map((file) => {
      const card = this.cards.get(file.id) ?? new Card(file, this.actions);
      this.cards.set(file.id, card);
      card.update(file);
      return card.element;
    });
    const set = new Set<Element>(wanted);
    const before = [...this.grid.children];
    const left = before.findIndex((child) => !set.has(child) && child.contains(document.activeElement));
    for (const child of before) if (!set.has(child)) child.remove();
    wanted.forEach((element, at) => {
      if (this.grid.children[at] !== element) this.grid.insertBefore(element, this.grid.children[at] ?? null);
    });
    if (left >= 0) this.focusNear(left, files);
  }

  /** The focus of a card that is gone goes to the one in its place, or to the page where there is none left. */
  private focusNear(place: number, files: FileInfo[]): void {
    const next = files[Math.min(place, files.length - 1)];
    if (next === undefined) document.querySelector("main")?.focus();
    else this.cards.get(next.id)?.focus();
  }

  private async readAgain(): Promise<void> {
    this.again.disabled = true;
    await this.refresh();
    this.again.disabled = false;
  }

  private async readMore(): Promise<void> {
    this.more.disabled = true;
    await this.files.more().catch(noteError);
    this.more.disabled = false;
  }
}

function nothingFound(search: string, looking: boolean, hasMore: boolean): string {
  if (looking && hasMore) return "Looking through older files…";
  return `No name contains “${search}”${hasMore ? " among the files read so far" : ""}.`;
}

function amount(all: number, shown: number, hasMore: boolean, search: string): string {
  if (search !== "") return `${shown} of ${count(all, "file")}`;
  return hasMore ? `${all} newest files` : count(all, "file");
}

/** What an empty library says: what this is for, in three sentences. */
function welcome(): HTMLElement {
  const step = (sign: IconName, title: string, text: string) =>
    h("li", {}, h("span", { class: "welcome-sign" }, icon(sign)), h("h2", {}, title), h("p", {}, text));
  return h(
    "section",
    { class: "welcome", "aria-label": "How it works", "data-testid": "welcome", hidden: true },
    h(
      "ol",
      {},
      step(
        "upload",
        "Upload",
        "Any file, any size. A lost connection or a closed window costs nothing: it goes on where it was.",
      ),
      step(
        "film",
        "Watch",
        "Videos play in the browser, in the quality your connection carries, before they are fully converted.",
      ),
      step("file", "Keep", "Every file comes back bit for bit as it went in. What is equal is stored once."),
    ),
  );
}

function ghost(): HTMLElement {
  return h(
    "li",
    { class: "card ghost" },
    h("div", { class: "card-frame" }),
    h("div", { class: "ghost-line" }),
  );
}
