// The player's bar: play, volume, time, captions, quality, speed, picture in picture, full screen. It shows
// what holds and hands wishes to the player; it decides nothing.

import { clock } from "../core/format";
import { fill, h } from "../ui/dom";
import { icon, type IconName } from "../ui/icons";
import { menuButton, type MenuButton, type MenuItem } from "../ui/menu";
import type { Position, SeekBar } from "./seekbar";

export const speeds = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

/** What the person wishes. */
export interface Wishes {
  toggle(): void;
  mute(): void;
  setVolume(volume: number): void;
  setSpeed(speed: number): void;
  fullscreen(): void;
  pip(): void;
  help(): void;
  qualityItems(): MenuItem[];
  captionItems(): MenuItem[];
}

/** What the bar shows. */
export interface Face {
  isPaused: boolean;
  isMuted: boolean;
  volume: number;
  speed: number;
  isFullscreen: boolean;
  quality: string;
  hasQualities: boolean;
  hasCaptions: boolean;
  showsCaptions: boolean;
}

export class Controls {
  readonly element: HTMLElement;
  private readonly play: IconButton;
  private readonly mute: IconButton;
  private readonly full: IconButton;
  private readonly volume: HTMLInputElement;
  private readonly time = h("span", { class: "player-time", "data-testid": "time" });
  private readonly qualityFace = h("span", {}, "Auto");
  private readonly speedFace = h("span", {}, "1×");
  private readonly quality: MenuButton;
  private readonly speed: MenuButton;
  private readonly captions: MenuButton;

  constructor(
    private readonly seekBar: SeekBar,
    wishes: Wishes,
  ) {
    this.play = new IconButton("play-button", wishes.toggle);
    this.mute = new IconButton("mute-button", wishes.mute);
    this.full = new IconButton("fullscreen-button", wishes.fullscreen);
    const pip = new IconButton("pip-button", wishes.pip);
    pip.show("pip", "Picture in picture (P)");
    pip.element.hidden = !document.pictureInPictureEnabled;
    pip.element.classList.add("wide-only");
    const help = new IconButton("help-button", wishes.help);
    help.show("keyboard", "Keys (?)");
    help.element.classList.add("wide-only");

    this.volume = h("input", {
      class: "volume",
      type: "range",
      min: 0,
      max: 1,
      step: 0.05,
      "aria-label": "Volume",
      "data-testid": "volume",
      oninput: () => wishes.setVolume(this.volume.valueAsNumber),
    });
    const face = (label: string, testid: string, ...content: (Node | string)[]) => ({
      class: "player-button player-word",
      label,
      testid,
      content,
    });
    this.quality = menuButton(face("Quality", "quality-button", this.qualityFace), wishes.qualityItems);
    this.speed = menuButton(face("Speed", "speed-button", this.speedFace), () =>
      speeds.map((speed) => ({
        label: speed === 1 ? "Normal" : `${speed}×`,
        chosen: `${speed}×` === this.speedFace.textContent,
        testid: `speed-${speed}`,
        act: () => wishes.setSpeed(speed),
      })),
    );
    this.captions = menuButton(face("Captions", "captions-button", icon("captions")), wishes.captionItems);

    this.element = h(
      "div",
      { class: "player-bar", role: "group", "aria-label": "Player controls" },
      seekBar.element,
      h(
        "div",
        { class: "player-row" },
        this.play.element,
        h("div", { class: "volume-group" }, this.mute.element, this.volume),
        this.time,
        h("span", { class: "player-space" }),
        this.captions.element,
        this.quality.element,
        this.speed.element,
        help.element,
        pip.element,
        this.full.element,
      ),
    );
  }

  get hasOpenMenu(): boolean {
    return [this.quality, this.speed, this.captions].some((menu) => menu.isOpen);
  }

  show(face: Face): void {
    this.play.show(face.isPaused ? "play" : "pause", face.isPaused ? "Play (K)" : "Pause (K)");
    const silent = face.isMuted || face.volume === 0;
    this.mute.show(silent ? "volumeOff" : "volume", silent ? "Sound on (M)" : "Mute (M)");
    this.volume.valueAsNumber = face.isMuted ? 0 : face.volume;
    this.full.show(
      face.isFullscreen ? "fullscreenExit" : "fullscreen",
      face.isFullscreen ? "Leave full screen (F)" : "Full screen (F)",
    );
    fill(this.qualityFace, face.quality);
    fill(this.speedFace, `${face.speed}×`);
    this.quality.element.hidden = !face.hasQualities;
    this.captions.element.hidden = !face.hasCaptions;
    this.captions.button.classList.toggle("is-on", face.showsCaptions);
  }

  showPosition(position: Position): void {
    this.seekBar.show(position);
    fill(this.time, `${clock(position.time)} / ${clock(position.duration)}`);
  }
}

class IconButton {
  readonly element: HTMLButtonElement;
  private shown = "";

  constructor(testid: string, act: () => void) {
    this.element = h("button", {
      class: "player-button",
      type: "button",
      "data-testid": testid,
      onclick: act,
    });
  }

  show(sign: IconName, label: string): void {
    if (this.shown === label) return;
    this.shown = label;
    this.element.setAttribute("aria-label", label);
    this.element.title = label;
    fill(this.element, icon(sign));
  }
}
