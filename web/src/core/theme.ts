// Light or dark: the system's choice until the person makes one, which this browser then remembers.

export type Theme = "light" | "dark";

const key = "hashreel-theme";

/** Puts the remembered choice on the page; to be called before anything is painted. */
export function restoreTheme(): void {
  const kept = read();
  if (kept !== null) document.documentElement.dataset.theme = kept;
}

/** What is seen now. */
export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Changes to the other theme and remembers it. */
export function toggleTheme(): Theme {
  const next: Theme = currentTheme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(key, next);
  } catch {
    // A browser that keeps nothing still shows the choice for as long as the page is open.
  }
  return next;
}

function read(): Theme | null {
  try {
    const kept = localStorage.getItem(key);
    return kept === "light" || kept === "dark" ? kept : null;
  } catch {
    return null;
  }
}
