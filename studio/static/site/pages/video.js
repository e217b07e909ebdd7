// One video: the player or its progress, its facts, and its log.

import {
  api, fill, follow, go, h, isFinished, job, link, moment, number, onJob, sentences, swap, t, template,
  video as player,
} from "../studio.js";

export default async function video({ parameters: [id], signal }) {
  const load = () => api.get(`/video-jobs/${id}`, { signal });
  const node = template("video");
  const { spoken, place } = node.parts;
  let shown = await load();
  let progress = null;

  function draw() {
    if (progress && isFinished(shown)) fill(spoken, job.statusOf(shown));
    progress = job.progress(shown);
    const next = article(shown, progress);
    const [before] = place.children;
    if (!before) fill(place, next);
    else if (before.querySelector("video")?.getAttribute("src") !== shown.cloudinaryUrl) swap(before, next);
    else swap(before.lastElementChild, next.lastElementChild); // it may be playing
  }

  async function changed({ kind, job: next }) {
    if (next && next.id !== id) return null;
    if (kind === "deleted") return go("/videos", { replace: true });
    if (kind === "updated" && progress && next.status === shown.status) {
      Object.assign(shown, next);
      return progress.update(next);
    }
    const before = JSON.stringify(shown);
    shown = await load();
    return JSON.stringify(shown) === before ? null : draw();
  }

  draw();
  follow([shown]);
  onJob(changed, signal);
  return node;
}

function article(shown, progress) {
  const { tokensCharged: charged, tokensRefunded: refunded } = shown;
  const name = job.nameOf(shown);
  const looks = job.looksOf(shown);
  const other = (id) => id && link(`/videos/${id}`, t("Show it"));
  return template("video-article", {
    stage: shown.cloudinaryUrl ? player(shown, { "aria-label": name }) : job.poster(shown),
    name,
    state: [job.badges(shown), progress, job.failure(shown), job.actions(shown)],
    looks: looks.length > 0 && looks,
    model: shown.model,
    format: job.format(shown),
    tokens: refunded ? t("{charged}, {refunded} came back", { charged, refunded }) : number(charged),
    ordered: moment(shown.createdAt),
    ended: moment(shown.completedAt),
    retryOf: other(shown.retryOf),
    retriedBy: other(shown.retriedBy),
    log: (shown.logs ?? []).map((line) => h("li", { class: line.level }, moment(line.timestamp), " ", sentences(line.message))),
  });
}
