// Plays a video in a dialog, and saves its file.

import { api, h, open, t, template } from "../studio.js";

/** A video element, of its final size before the file has arrived. */
export function video(job, attributes = {}) {
  const node = h("video", { src: job.cloudinaryUrl, poster: job.posterUrl, controls: true, playsinline: true, ...attributes });
  const [width, height] = (job.aspectRatio ?? "9:16").split(":");
  node.style.setProperty("--ratio", width / height);
  return node;
}

export function play(job) {
  const title = job.prompt || t("Video");
  const node = video(job, { loop: true, "aria-label": title });
  const content = template("player", { video: node, actions: !job.isOthers, download: () => save(job) });
  open(title, content);
  node.play().catch(() => null);
}

/** Save the file under the name that the server gives it. A link could not send the token. */
export const save = async (job) =>
  saveFile(await api.request("GET", `/video-jobs/${job.id}/download`, { signal: AbortSignal.timeout(600_000) }));

export async function saveFile(response) {
  const [, name] = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition"));
  const href = URL.createObjectURL(await response.blob());
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
