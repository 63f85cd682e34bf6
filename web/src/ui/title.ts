// The window's title: the page's name, and before it how far the uploads are.

let page = "Hashreel";
let progress = "";

export function setPageTitle(name: string | null): void {
  page = name === null ? "Hashreel" : `${name} · Hashreel`;
  show();
}

/** Empty when nothing is on its way. */
export function setTitleProgress(text: string): void {
  progress = text;
  show();
}

function show(): void {
  const title = progress === "" ? page : `${progress} · ${page}`;
  if (document.title !== title) document.title = title;
}
