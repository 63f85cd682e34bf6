// A still of the frame that is seen, laid over the video while its stream is set up anew, so that the picture
// does not blink.

import { h } from "../ui/dom";

export class Still {
  readonly element = h("canvas", { class: "player-still", hidden: true });

  constructor(private readonly video: HTMLVideoElement) {
    video.addEventListener("playing", () => this.lift());
    video.addEventListener("seeked", () => this.lift());
  }

  /** Holds the present frame until the next one is there. */
  hold(): void {
    const { videoWidth, videoHeight } = this.video;
    const pen = this.element.getContext("2d");
    if (videoWidth === 0 || pen === null) return;
    this.element.width = videoWidth;
    this.element.height = videoHeight;
    pen.drawImage(this.video, 0, 0);
    this.element.hidden = false;
  }

  private lift(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    // Its pixels are a picture's worth of memory.
    this.element.width = 0;
  }
}
