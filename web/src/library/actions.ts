// What can be done with a file, wherever it is shown: rename, download, copy its link, delete.

import { contentPath, watchPath, type Api, type FileInfo } from "../core/api";
import type { FileStore } from "../core/files";
import { quotedName } from "../core/names";
import { confirm, openDialog, prompt } from "../ui/dialog";
import { h } from "../ui/dom";
import type { MenuItem } from "../ui/menu";
import { note, noteError } from "../ui/say";

export class FileActions {
  constructor(
    private readonly api: Api,
    private readonly files: FileStore,
  ) {}

  /** The actions as a menu's entries. `gone` is called after a deletion. */
  items(file: FileInfo, gone: () => void = () => {}): MenuItem[] {
    return [
      { label: "Rename…", icon: "pencil", testid: "action-rename", act: () => void this.rename(file) },
      { label: "Download", icon: "download", testid: "action-download", download: contentPath(file.id) },
      { label: "Copy link", icon: "link", testid: "action-link", act: () => void this.copyLink(file) },
      {
        label: "Delete…",
        icon: "trash",
        danger: true,
        testid: "action-delete",
        act: () => void this.remove(file, gone),
      },
    ];
  }

  async rename(file: FileInfo): Promise<void> {
    const name = await prompt("Rename", "Name", file.name, "Rename");
    if (name === null || name === "" || name === file.name) return;
    await this.attempt(async () => {
      await this.api.rename(file.id, name);
      await this.files.read(file.id);
    });
  }

  async copyLink(file: FileInfo): Promise<void> {
    const link = new URL(watchPath(file.id), location.origin).href;
    try {
      await navigator.clipboard.writeText(link);
      note("Link copied");
    } catch {
      // Without HTTPS or leave there is no clipboard: the link is shown, selected.
      const field = h("input", { class: "field", readonly: true, value: link, "aria-label": "Link" });
      openDialog("Link", "link-dialog", h("div", { class: "dialog-form" }, field));
      field.select();
    }
  }

  async remove(file: FileInfo, gone: () => void): Promise<void> {
    const text = `${quotedName(file.name)} and all that was made of it will be deleted. This cannot be undone.`;
    if (!(await confirm("Delete this file?", text, "Delete"))) return;
    await this.attempt(async () => {
      await this.api.remove(file.id);
      this.files.drop(file.id);
      note("Deleted");
      gone();
    });
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      noteError(error);
    }
  }
}
