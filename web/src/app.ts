// The app around its pages: the head with theme and sign-out, the page that the address means, and what goes
// on behind all of them: uploads, events, the files.

import { Api, messageOf, type Session } from "./core/api";
import { EventFeed, type Link } from "./core/events";
import { FileStore } from "./core/files";
import { Gate } from "./core/gate";
import { Refresher } from "./core/refresher";
import { parseRoute, startRouter, type Route } from "./core/router";
import { currentTheme, toggleTheme } from "./core/theme";
import { FileActions } from "./library/actions";
import { Library } from "./library/library";
import { WatchPage } from "./player/watch";
import { currentSession, signInView } from "./session";
import { closeDialogs } from "./ui/dialog";
import { fill, h } from "./ui/dom";
import { icon, mark } from "./ui/icons";
import { mountNotes, noteError } from "./ui/say";
import { DropZone } from "./uploads/dropzone";
import { oneWindow } from "./uploads/locks";
import { browserStorage, UploadMemory } from "./uploads/memory";
import { UploadPanel } from "./uploads/panel";
import { UploadQueue } from "./uploads/queue";
import { UploadTray } from "./uploads/tray";
import { tusTransport } from "./uploads/tus";
import { Uploader } from "./uploads/uploader";

const api = new Api();
const files = new FileStore(api);
const feed = new EventFeed(api);
const actions = new FileActions(api, files);
const memory = new UploadMemory(browserStorage());
const queue = new UploadQueue(oneWindow(tusTransport(memory, () => api.onUnauthorized())));
const uploader = new Uploader(queue, memory);

const main = h("main", { id: "main", tabindex: -1 });
const linkState = h("p", { class: "link-state", role: "status", "data-testid": "link-state", hidden: true });
const account = h("div", { class: "account" });

/** A page that is shown. */
interface Page {
  leave(): void;
  /** Events may have been missed: reads anew what it shows. */
  refresh(): void;
}
const still: Page = { leave() {}, refresh() {} };

const gate = new Gate({ ask, enter, goOn, startAnew: () => location.reload() });
const list = new Refresher(() => files.load());
const start = new Refresher(begin);
let page = still;
let home: HTMLElement | null = null;

/** Puts the app into the page and opens the session. */
export function startApp(): void {
  document.body.replaceChildren(
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    head(),
    main,
  );
  mountNotes();
  void start.now();
}

async function begin(): Promise<void> {
  try {
    const session = await currentSession(api);
    if (session === null) gate.close();
    else gate.open(session);
  } catch (error) {
    unreachable(error);
    throw error;
  }
}

/** The first request failed: says so. It is tried again by itself, or at once when asked. */
function unreachable(error: unknown): void {
  const said = main.querySelector("[data-testid=unreachable-why]");
  if (said !== null) return fill(said, messageOf(error));
  const again = { class: "button button-main", type: "button", onclick: () => void start.now() };
  fill(
    main,
    h(
      "section",
      { class: "signin", "data-testid": "unreachable" },
      mark(),
      h("h1", {}, "No connection"),
      h("p", { role: "alert", "data-testid": "unreachable-why" }, messageOf(error)),
      h("button", again, "Try again"),
    ),
  );
}

function ask(): void {
  feed.stop();
  list.stop();
  queue.halt();
  page.leave();
  page = still;
  closeDialogs();
  document.documentElement.dataset.page = "signin";
  linkState.hidden = true;
  fill(account);
  const form = signInView(api, (session) => gate.open(session));
  fill(main, form);
  form.querySelector("input")?.focus();
}

function enter(session: Session): void {
  api.onUnauthorized = () => gate.close();
  showAccount(session);
  follow();
  home = homePage();
  let first = true;
  startRouter((route) => {
    // Whoever has to sign in sees the page afterwards.
    if (gate.isClosed) return;
    show(route);
    // The focus follows to the new page, as it would in a page loaded anew.
    if (!first) main.focus({ preventScroll: true });
    first = false;
  });
  document.body.append(new UploadTray(queue).element);
  void uploader.recall();
  queue.goOn();
}

function goOn(session: Session): void {
  showAccount(session);
  feed.start();
  void list.now();
  show(parseRoute(location.pathname));
  main.focus({ preventScroll: true });
  queue.goOn();
}

function showAccount({ accounts, owner }: Session): void {
  if (!accounts) return;
  const signOut = () => api.signOut().then(() => location.reload(), noteError);
  fill(
    account,
    h("span", { class: "owner" }, owner),
    h(
      "button",
      {
        class: "button-icon",
        type: "button",
        "aria-label": "Sign out",
        title: "Sign out",
        "data-testid": "sign-out",
        onclick: signOut,
      },
      icon("signOut"),
    ),
  );
}

/** Keeps files and uploads current by what the server tells. */
function follow(): void {
  feed.listen((event) => {
    files.apply(event).catch(noteError);
    uploader.apply(event);
  });
  feed.onGap = () => {
    void list.now();
    page.refresh();
  };
  feed.onLink = (link: Link) => {
    linkState.hidden = link !== "lost";
    fill(linkState, link === "lost" ? "Reconnecting…" : "");
    document.documentElement.dataset.link = link;
  };
  feed.start();
  void list.now();
}

function homePage(): HTMLElement {
  const zone = new DropZone((picked) => uploader.add(picked));
  const panel = new UploadPanel(uploader, () => void zone.choose());
  const library = new Library(files, actions, () => list.now());
  // Large while there is nothing else to look at: neither a file nor an upload on its way.
  const settle = () => {
    zone.prominent = files.isEmpty && queue.list().length + uploader.unfinished().length === 0;
  };
  files.listen((id) => id === null && settle());
  queue.listen(settle);
  uploader.listen(settle);
  settle();
  return h("div", { class: "home" }, zone.element, panel.element, library.element);
}

/** Leaves the page that is shown and shows another. */
function show(route: Route): void {
  page.leave();
  page = still;
  document.documentElement.dataset.page = route.page;
  if (route.page === "library") {
    fill(main, home);
  } else if (route.page === "watch") {
    const watch = new WatchPage(route.file, files, actions);
    page = { leave: () => watch.unmount(), refresh: () => void watch.read() };
    fill(main, watch.element);
    watch.mount();
  } else {
    fill(
      main,
      h(
        "section",
        { class: "signin" },
        mark(),
        h("h1", {}, "There is no such page"),
        h("a", { class: "button", href: "/" }, "To the library"),
      ),
    );
  }
}

function head(): HTMLElement {
  const theme = h("button", {
    class: "button-icon",
    type: "button",
    "data-testid": "theme",
    onclick: () => {
      toggleTheme();
      paint();
    },
  });
  const paint = () => {
    const other = currentTheme() === "dark" ? "light" : "dark";
    theme.setAttribute("aria-label", `Change to ${other}`);
    theme.title = `Change to ${other}`;
    fill(theme, icon(other === "dark" ? "moon" : "sun"));
  };
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  return h(
    "header",
    { class: "head" },
    h(
      "a",
      { class: "brand", href: "/", "aria-label": "Hashreel, to the library" },
      mark(),
      h("span", {}, "Hashreel"),
    ),
    linkState,
    h("span", { class: "head-space" }),
    account,
    theme,
  );
}
