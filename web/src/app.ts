// The app around its pages: the head with theme and sign-out, the page that the address means, and what goes
// on behind all of them: uploads, events, the files.

import { Api, type Session } from "./core/api";
import { EventFeed, type Link } from "./core/events";
import { FileStore } from "./core/files";
import { startRouter, type Route } from "./core/router";
import { currentTheme, toggleTheme } from "./core/theme";
import { FileActions } from "./library/actions";
import { Library } from "./library/library";
import { WatchPage } from "./player/watch";
import { currentSession, signInView } from "./session";
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

/** Puts the app into the page and opens the session. */
export function startApp(): void {
  document.body.replaceChildren(
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    head(),
    main,
  );
  mountNotes();
  void enter();
}

async function enter(): Promise<void> {
  try {
    const session = await currentSession(api);
    if (session === null) askForKey();
    else open(session);
  } catch (error) {
    unreachable(error);
  }
}

/** The first request failed: says so, and tries again when asked. */
function unreachable(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const again = h(
    "button",
    { class: "button button-main", type: "button", onclick: () => void enter() },
    "Try again",
  );
  fill(
    main,
    h(
      "section",
      { class: "signin", "data-testid": "unreachable" },
      mark(),
      h("h1", {}, "No connection"),
      h("p", {}, text),
      again,
    ),
  );
}

function askForKey(): void {
  feed.stop();
  fill(account);
  // After signing in everything is read anew, whoever it was before.
  const form = signInView(api, () => location.reload());
  fill(main, form);
  form.querySelector("input")?.focus();
}

function open(session: Session): void {
  if (session.accounts) {
    const signOut = () => api.signOut().then(() => location.reload(), noteError);
    fill(
      account,
      h("span", { class: "owner" }, session.owner),
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
  api.onUnauthorized = askForKey;
  follow();
  const home = homePage();
  let leave = () => {};
  let first = true;
  startRouter((route) => {
    leave();
    leave = show(route, home);
    // The focus follows to the new page, as it would in a page loaded anew.
    if (!first) main.focus({ preventScroll: true });
    first = false;
  });
  document.body.append(new UploadTray(queue).element);
  void uploader.recall();
}

/** Keeps files and uploads current by what the server tells. */
function follow(): void {
  feed.listen((event) => {
    files.apply(event).catch(noteError);
    uploader.apply(event);
  });
  feed.onGap = () => void files.load().catch(noteError);
  feed.onLink = (link: Link) => {
    linkState.hidden = link !== "lost";
    fill(linkState, link === "lost" ? "Reconnecting…" : "");
    document.documentElement.dataset.link = link;
  };
  feed.start();
  files.load().catch(noteError);
}

function homePage(): HTMLElement {
  const zone = new DropZone((picked) => uploader.add(picked));
  const panel = new UploadPanel(uploader, () => void zone.choose());
  const library = new Library(files, actions);
  library.onEmpty = (isEmpty) => (zone.prominent = isEmpty);
  zone.prominent = files.loaded && files.list().length === 0;
  return h("div", { class: "home" }, zone.element, panel.element, library.element);
}

/** Shows the page and returns how to leave it. */
function show(route: Route, home: HTMLElement): () => void {
  document.documentElement.dataset.page = route.page;
  if (route.page === "library") {
    fill(main, home);
    return () => {};
  }
  if (route.page === "unknown") {
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
    return () => {};
  }
  const page = new WatchPage(route.file, files, actions);
  fill(main, page.element);
  void page.mount();
  return () => page.unmount();
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
