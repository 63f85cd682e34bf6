// Which page an address means, and moving between pages without loading the app anew.

import { watchPath } from "./api";

export type Route = { page: "library" } | { page: "watch"; file: string } | { page: "unknown" };

/** The page that a path means. */
export function parseRoute(path: string): Route {
  if (path === "/" || path === "/index.html") return { page: "library" };
  const watch = /^\/watch\/([^/]+)\/?$/.exec(path);
  if (watch?.[1] !== undefined) {
    try {
      return { page: "watch", file: decodeURIComponent(watch[1]) };
    } catch {
      return { page: "unknown" };
    }
  }
  return { page: "unknown" };
}

/** The path of a page: the inverse of `parseRoute`. */
export function routePath(route: Route): string {
  return route.page === "watch" ? watchPath(route.file) : "/";
}

/** Calls `show` now and after every move; plain clicks on links within the app become moves. */
export function startRouter(show: (route: Route) => void): void {
  addEventListener("popstate", () => show(parseRoute(location.pathname)));
  document.addEventListener("click", (event) => {
    const path = innerPath(event);
    if (path === null) return;
    event.preventDefault();
    history.pushState(null, "", path);
    show(parseRoute(path));
    scrollTo(0, 0);
  });
  show(parseRoute(location.pathname));
}

/** Moves to a page as if its link had been clicked. */
export function go(route: Route): void {
  history.pushState(null, "", routePath(route));
  dispatchEvent(new PopStateEvent("popstate"));
  scrollTo(0, 0);
}

/** The path a click leads to within the app, or null where the browser should do what it always does. */
function innerPath(event: MouseEvent): string | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null || link.target !== "" || link.hasAttribute("download")) return null;
  if (link.origin !== location.origin || parseRoute(link.pathname).page === "unknown") return null;
  // A link to a place on this page scrolls.
  if (link.hash !== "") return null;
  return link.pathname;
}
