// How loud a video is, remembered by this browser for the next one.

const key = "hashreel-volume";

export function keepVolume(video: HTMLVideoElement): void {
  try {
    localStorage.setItem(key, JSON.stringify({ volume: video.volume, muted: video.muted }));
  } catch {
    // Nothing is kept: the next video begins at full volume.
  }
}

export function restoreVolume(video: HTMLVideoElement): void {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "null") as {
      volume?: unknown;
      muted?: unknown;
    } | null;
    if (typeof kept?.volume === "number") video.volume = Math.min(1, Math.max(0, kept.volume));
    video.muted = kept?.muted === true;
  } catch {
    // What was kept cannot be read: full volume.
  }
}
