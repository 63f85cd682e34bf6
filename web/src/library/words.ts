// What the library says of a file. Pure.

import type { FileInfo, Video } from "../core/api";
import { partOf, percent, sentence } from "../core/format";
import type { IconName } from "../ui/icons";

/** How a state is to be felt: at rest, at work, usable before it is done, done, or wrong. */
export type Tone = "rest" | "work" | "part" | "done" | "wrong";

export interface StateWords {
  text: string;
  tone: Tone;
  /** From 0 to 1 while something is being made. */
  progress: number | null;
}

/** The state of a video in a word or two. */
export function stateOf(video: Video): StateWords {
  const { progress } = video;
  switch (video.state) {
    case "queued":
      return { text: "Queued", tone: "rest", progress: null };
    case "running":
      return { text: `Converting ${percent(progress)}`, tone: "work", progress };
    case "playable":
      return { text: `Playable · ${percent(progress)}`, tone: "part", progress };
    case "ready":
      return { text: "Ready", tone: "done", progress: null };
    case "failed":
      return { text: "Failed", tone: "wrong", progress: null };
    case "cancelled":
      return { text: "Cancelled", tone: "rest", progress: null };
  }
}

/** Why there is no stream, in a sentence. */
export function reasonOf(video: Video): string {
  const reason = video.reason?.trim();
  if (video.state === "cancelled")
    return "Converting it was cancelled. The file itself is complete and can be downloaded.";
  return reason
    ? sentence(reason)
    : "It could not be converted. The file itself is complete and can be downloaded.";
}

/** How much there is of a video whose file was cut off, null for a whole one. */
export function cutOff({ duration, announced_duration }: Video): string | null {
  if (announced_duration === undefined || duration === null) return null;
  return `Cut off: ${partOf(duration, announced_duration)}`;
}

/** The pictogram and the word for a kind of file. What is called a video and is none has no film's sign. */
export function kindOf(file: Pick<FileInfo, "media_type" | "name" | "video">): { icon: IconName; word: string } {
  const type = file.media_type.toLowerCase();
  const ending = /\.([a-z0-9]{1,8})$/i.exec(file.name)?.[1]?.toUpperCase();
  const family = families.find(({ is }) => is.test(type)) ?? { icon: "file" as const, word: "File" };
  const isNoStream = file.video === null && (family.icon === "film" || family.icon === "music");
  return { icon: isNoStream ? "file" : family.icon, word: ending ?? family.word };
}

const families: { is: RegExp; icon: IconName; word: string }[] = [
  { is: /^video\//, icon: "film", word: "Video" },
  { is: /^audio\//, icon: "music", word: "Audio" },
  { is: /^image\//, icon: "image", word: "Image" },
  { is: /zip|tar|compressed|gzip|x-7z|rar|zstd|x-xz/, icon: "archive", word: "Archive" },
  { is: /json|javascript|xml|html|x-sh|x-python|x-rust|typescript|css/, icon: "code", word: "Code" },
  { is: /^text\/|pdf|document|sheet|presentation|msword|rtf/, icon: "text", word: "Document" },
];

/**
 * Whether the name contains all the words of a search, in whatever order and case, and however its accents are
 * written: macOS names files with the accent behind the letter, keyboards give both in one.
 */
export function matches(name: string, search: string): boolean {
  const plain = (text: string) => text.normalize("NFC").toLowerCase();
  const text = plain(name);
  return plain(search)
    .split(/\s+/)
    .every((word) => text.includes(word));
}
