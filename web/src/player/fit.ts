// How the picture lies in its box. A box that begins and ends at fractions of a pixel is drawn to the next whole
// ones, and a picture is not: one that has the box's shape, or nearly, would leave a dark line at an edge. Such a
// picture is made a hairline larger than the box, which cuts it off.

export interface Extent {
  width: number;
  height: number;
}

/** Pixels of an edge that may be cut away rather than be left dark. */
const hairline = 3;

/** Whether a picture that is laid wholly into the box leaves no more of it free than a hairline. */
export function fillsBox(picture: Extent, box: Extent): boolean {
  if (picture.width === 0 || picture.height === 0) return false;
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  const free = Math.max(box.width - picture.width * scale, box.height - picture.height * scale);
  return free < hairline;
}

/** Keeps the class `is-filled` on the player while its picture has the shape of its box. */
export function watchFit(player: HTMLElement, video: HTMLVideoElement): void {
  const fit = () => {
    const picture = { width: video.videoWidth, height: video.videoHeight };
    const box = { width: player.clientWidth, height: player.clientHeight };
    player.classList.toggle("is-filled", fillsBox(picture, box));
  };
  video.addEventListener("loadedmetadata", fit);
  video.addEventListener("resize", fit);
  new ResizeObserver(fit).observe(player);
}
