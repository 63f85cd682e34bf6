// Handles of dropped or picked files, kept in IndexedDB where the browser has them (Chromium): with one, an
// upload goes on after a reload with one click, without looking for the file again. Everywhere else this
// keeps nothing and finds nothing, and the person picks the file once more.

const database = "hashreel";
const table = "handles";

/** What TypeScript's own library does not know of handles yet. */
interface AskableHandle extends FileSystemFileHandle {
  queryPermission(options: { mode: "read" }): Promise<PermissionState>;
  requestPermission(options: { mode: "read" }): Promise<PermissionState>;
}

export async function keepHandle(fingerprint: string, handle: FileSystemFileHandle): Promise<void> {
  await use("readwrite", (store) => store.put(handle, fingerprint));
}

export async function dropHandle(fingerprint: string): Promise<void> {
  await use("readwrite", (store) => store.delete(fingerprint));
}

/** Whether a handle is kept for the file. */
export async function hasHandle(fingerprint: string): Promise<boolean> {
  return (await use("readonly", (store) => store.count(fingerprint))) === 1;
}

/** The file behind a kept handle, after asking the person; null without one or without leave to read it. */
export async function openHandle(fingerprint: string): Promise<File | null> {
  const handle = (await use("readonly", (store) => store.get(fingerprint))) as
    AskableHandle | undefined | null;
  if (!handle) return null;
  try {
    const options = { mode: "read" } as const;
    const leave =
      (await handle.queryPermission(options)) === "granted" || (await handle.requestPermission(options));
    return leave === true || leave === "granted" ? await handle.getFile() : null;
  } catch {
    // The file was moved or deleted.
    return null;
  }
}

/** Runs one request; null where there is no IndexedDB or it refuses. */
async function use<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T | null> {
  try {
    const opening = indexedDB.open(database, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(table);
    const db = await settled(opening);
    try {
      return await settled(work(db.transaction(table, mode).objectStore(table)));
    } finally {
      db.close();
    }
  } catch {
    return null;
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB refused"));
  });
}
