// Makes elements without HTML strings: user content only ever becomes a text node or an attribute, and no
// inline style or handler exists that the Content-Security-Policy would refuse.

type Child = Node | string | number | null | undefined | false;
type Handler = (event: never) => void;
type Value = string | number | boolean | null | undefined | Handler;

/** Attributes and listeners of an element: `onclick` listens, a boolean sets or leaves out, null leaves out. */
export type Props = Record<string, Value>;

/** An HTML element with its attributes, listeners and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...nodes(children));
  return element;
}

/** The same for SVG. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, props);
  element.append(...nodes(children));
  return element;
}

/** Replaces the children, and leaves the DOM alone where the text is the same already (screen readers notice). */
export function fill(element: Element, ...children: Child[]): void {
  const [only] = children;
  if (children.length === 1 && typeof only === "string") {
    if (element.textContent !== only) element.textContent = only;
    return;
  }
  element.replaceChildren(...nodes(children));
}

/** Fills an element only when `key` is not that of its last filling: focus, selection and motion stay. */
export function refill(element: HTMLElement, key: string, make: () => Child[]): void {
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  fill(element, ...make());
}

function set(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

function nodes(children: Child[]): (Node | string)[] {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (typeof child === "number" ? String(child) : (child as Node | string)));
}
