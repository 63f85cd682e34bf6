// Files from a drop or a picker, folders included, each with its path and, where the browser gives one, its
// handle.

export interface Picked {
  file: File;
  /** The path within a dropped folder, or the name. */
  path: string;
  handle: FileSystemFileHandle | null;
}

interface HandleItem extends DataTransferItem {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}

interface PickerWindow {
  showOpenFilePicker?(options: { multiple: boolean }): Promise<FileSystemFileHandle[]>;
}

/** The files of a drop. To be called within the event: afterwards the browser has emptied it. */
export async function fromDrop(transfer: DataTransfer): Promise<Picked[]> {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  return (await Promise.all(items.map(fromItem))).flat();
}

/** The files of an <input type="file">. */
export function fromInput(files: FileList): Picked[] {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name, handle: null }));
}

/** Whether the browser's picker can give handles. */
export function hasPicker(): boolean {
  return typeof (window as PickerWindow).showOpenFilePicker === "function";
}

/** Lets the person pick files with the picker that gives handles; empty when they think better of it. */
export async function fromPicker(): Promise<Picked[]> {
  try {
    const handles = (await (window as PickerWindow).showOpenFilePicker?.({ multiple: true })) ?? [];
    return await Promise.all(handles.map(fromHandle));
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return [];
    throw error;
  }
}

async function fromHandle(handle: FileSystemFileHandle): Promise<Picked> {
  const file = await handle.getFile();
  return { file, path: file.name, handle };
}

function fromItem(item: HandleItem): Promise<Picked[]> {
  // All three must be asked for before the first await.
  const entry = item.webkitGetAsEntry();
  const file = item.getAsFile();
  const handle = item.getAsFileSystemHandle?.() ?? Promise.resolve(null);
  if (entry?.isDirectory) return fromFolder(entry as FileSystemDirectoryEntry);
  if (file === null) return Promise.resolve([]);
  return handle
    .catch(() => null)
    .then((kept) => [
      { file, path: file.name, handle: kept?.kind === "file" ? (kept as FileSystemFileHandle) : null },
    ]);
}

async function fromFolder(folder: FileSystemDirectoryEntry): Promise<Picked[]> {
  const found: Picked[] = [];
  for (const entry of await allEntries(folder.createReader())) {
    if (entry.isDirectory) found.push(...(await fromFolder(entry as FileSystemDirectoryEntry)));
    else found.push(await fromEntry(entry as FileSystemFileEntry));
  }
  return found;
}

function fromEntry(entry: FileSystemFileEntry): Promise<Picked> {
  const path = entry.fullPath.replace(/^\//, "");
  return new Promise((resolve, reject) =>
    entry.file((file) => resolve({ file, path, handle: null }), reject),
  );
}

/** A folder is read in portions, of which an empty one is the last. */
async function allEntries(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  const all: FileSystemEntry[] = [];
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (portion.length === 0) return all;
    all.push(...portion);
  }
}
