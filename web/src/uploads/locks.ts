// One window sends a file at a time. The browser's locks know which files are on their way from any window of
// this browser, and free themselves when a window closes. Where there are none (pages without HTTPS that are
// not local), every window believes itself alone.

const prefix = "hashreel-upload:";

/** Holds a file's lock until `release` is called. `refused` is called when another window has it. */
export function holdLock(fingerprint: string, refused: () => void): () => void {
  if (!("locks" in navigator)) return () => {};
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const options = { ifAvailable: true } as const;
  navigator.locks
    .request(prefix + fingerprint, options, (lock) => (lock === null ? refused() : released))
    // Only a page that is going away is refused the question itself.
    .catch(release);
  return release;
}

/** The fingerprints of the files that are on their way from some window. */
export async function heldLocks(): Promise<Set<string>> {
  if (!("locks" in navigator)) return new Set();
  const { held = [] } = await navigator.locks.query();
  const names = held.map(({ name }) => name ?? "").filter((name) => name.startsWith(prefix));
  return new Set(names.map((name) => name.slice(prefix.length)));
}
