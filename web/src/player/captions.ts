// The captions of a video: which text tracks there are, and which one is shown.

import type { MenuItem } from "../ui/menu";

export class Captions {
  constructor(private readonly video: HTMLVideoElement) {}

  get tracks(): TextTrack[] {
    return [...this.video.textTracks].filter(({ kind }) => kind === "captions" || kind === "subtitles");
  }

  get areShown(): boolean {
    return this.tracks.some(({ mode }) => mode === "showing");
  }

  /** Shows one track, or none. */
  show(wanted: TextTrack | null): void {
    for (const track of this.tracks) track.mode = track === wanted ? "showing" : "disabled";
  }

  /** The choice as a menu's entries. */
  items(): MenuItem[] {
    const off: MenuItem = {
      label: "Off",
      chosen: !this.areShown,
      testid: "captions-off",
      act: () => this.show(null),
    };
    const tracks = this.tracks.map((track, at) => ({
      label: track.label || track.language || `Track ${at + 1}`,
      chosen: track.mode === "showing",
      testid: `captions-${at}`,
      act: () => this.show(track),
    }));
    return [off, ...tracks];
  }
}
