// Names as they are shown. A file may be called anything: what would turn the text around it, break its line or
// not be seen at all is shown as what it is, a character that does not belong there. The name itself stays as it
// is for renaming and for downloads.

/** Controls, line breaks, and what turns the direction of all that follows; not the marks that scripts need. */
const unseen = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** A name without characters that could make it seem another. */
export function shownName(name: string): string {
  return name.replace(unseen, "\ufffd");
}

/** A name inside a sentence: its own direction ends with it. */
export function quotedName(name: string): string {
  return `“\u2068${shownName(name)}\u2069”`;
}
