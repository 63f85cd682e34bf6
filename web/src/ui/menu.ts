// A button that opens a menu, as the ARIA pattern says: arrows move, Home and End jump, Escape and Tab close,
// and the focus goes back to the button. Entries are actions, or choices of which one holds.

import { h } from "./dom";
import { icon, type IconName } from "./icons";

export interface MenuItem {
  label: string;
  /** A word beside the label, in small. */
  hint?: string;
  icon?: IconName;
  /** Whether this choice holds; undefined for an action. */
  chosen?: boolean;
  danger?: boolean;
  testid?: string;
  /** A link's address: the entry is a link then, and downloads what is there. */
  download?: string;
  act?: () => void;
}

export interface MenuButton {
  element: HTMLElement;
  button: HTMLButtonElement;
  close(): void;
  readonly isOpen: boolean;
}

/** A menu behind a button. `items` is asked each time it opens. */
export function menuButton(
  face: { class: string; label: string; testid: string; content: (Node | string)[] },
  items: () => MenuItem[],
): MenuButton {
  let menu: HTMLElement | null = null;
  const button = h(
    "button",
    {
      class: face.class,
      type: "button",
      "aria-label": face.label,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "data-testid": face.testid,
      onclick: () => (menu === null ? open() : close()),
      onkeydown: (event: KeyboardEvent) => {
        if (menu !== null || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
        stop(event);
        open();
      },
    },
    ...face.content,
  );
  const element = h("div", { class: "menu-anchor" }, button);

  function open(): void {
    menu = h(
      "div",
      { class: "menu", role: "menu", "aria-label": face.label, onkeydown: move },
      ...items().map(entry),
    );
    element.append(menu);
    button.setAttribute("aria-expanded", "true");
    place(menu);
    (menu.querySelector<HTMLElement>("[aria-checked=true]") ?? entries()[0])?.focus();
    document.addEventListener("pointerdown", outside, true);
    element.addEventListener("focusout", left);
  }

  function close(): void {
    if (menu === null) return;
    const hadFocus = menu.contains(document.activeElement);
    document.removeEventListener("pointerdown", outside, true);
    element.removeEventListener("focusout", left);
    menu.remove();
    menu = null;
    button.setAttribute("aria-expanded", "false");
    if (hadFocus) button.focus();
  }

  function entries(): HTMLElement[] {
    return [...(menu?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
  }

  function move(event: KeyboardEvent): void {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) {
      stop(event);
      all[to % all.length]?.focus();
    } else if (event.key === "Escape") {
      stop(event);
      close();
    } else if (event.key === "Tab") {
      close();
    } else {
      // Keys that mean something to the player do not mean it while its menu is open.
      event.stopPropagation();
    }
  }

  function outside(event: Event): void {
    if (!element.contains(event.target as Node)) close();
  }

  function left(event: FocusEvent): void {
    if (event.relatedTarget !== null && !element.contains(event.relatedTarget as Node)) close();
  }

  function entry(item: MenuItem): HTMLElement {
    const props = {
      class: item.danger ? "menu-item menu-danger" : "menu-item",
      role: item.chosen === undefined ? "menuitem" : "menuitemradio",
      "aria-checked": item.chosen === undefined ? null : String(item.chosen),
      tabindex: -1,
      "data-testid": item.testid,
      onclick: () => {
        close();
        item.act?.();
      },
    };
    const sign = item.icon !== undefined ? icon(item.icon) : item.chosen === undefined ? null : icon("check");
    const content = [
      sign,
      h("span", { class: "menu-label" }, item.label),
      item.hint ? h("span", { class: "menu-hint" }, item.hint) : null,
    ];
    return item.download === undefined
      ? h("button", { ...props, type: "button" }, ...content)
      : h("a", { ...props, href: item.download, download: true }, ...content);
  }

  return {
    element,
    button,
    close,
    get isOpen() {
      return menu !== null;
    },
  };
}

/** Opens towards the side of the window that has room. */
function place(menu: HTMLElement): void {
  const box = menu.getBoundingClientRect();
  if (box.left < 8) menu.classList.add("menu-rightward");
  if (box.top < 8) menu.classList.add("menu-downward");
}

function stop(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
