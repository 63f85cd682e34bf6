// The facts below the player: type, hash, sizes of the picture, manifests. What a quality needs of the connection
// is said where it is chosen, by the manifest's figures.

import type { FileInfo } from "../core/api";
import { h } from "../ui/dom";

/** The rows of a file's list of facts. */
export function details({ media_type, sha256, video }: FileInfo): HTMLElement[] {
  const rows: [string, string | HTMLElement][] = [
    ["Type", media_type],
    ["SHA-256", sha256 === null ? "being computed" : h("code", { "data-testid": "sha256" }, sha256)],
  ];
  const rungs = video?.renditions.filter(({ kind }) => kind === "video") ?? [];
  if (rungs.length > 0) {
    const words = [...rungs]
      .sort((a, b) => b.bandwidth - a.bandwidth)
      .map((rung) => `${rung.width ?? "?"}×${rung.height ?? "?"}`);
    rows.push(["Sizes", words.join(", ")]);
  }
  const links = [
    video?.hls ? link("HLS", video.hls) : null,
    video?.dash ? link("DASH", video.dash) : null,
  ].filter((one) => one !== null);
  if (links.length > 0) rows.push(["Manifests", h("span", { class: "details-links" }, ...links)]);
  return rows.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)));
}

function link(text: string, href: string): HTMLElement {
  return h("a", { href, target: "_blank", rel: "noopener" }, text);
}
