// One video: the player or its progress, its facts, and its log.

import { api, fill, follow, h, isFinished, link, moment, number, onJob, t } from "../core.js";
import { complain, job, video as player } from "../parts.js";

export default async function video({ parameters: [id], signal }) {
  let shown = await api.get(`/video-jobs/${id}`, { signal });
  let progress = null;
  const node = h("article.video");
  const spoken = h("p.unseen", { role: "status" });

  function draw() {
    progress = job.progress(shown);
    fill(
      node,
      h("div.stage", shown.cloudinaryUrl ? player(shown, { "aria-label": job.nameOf(shown) }) : job.poster(shown, { large: true })),
      h("div.about",
        h("h1", job.nameOf(shown)),
        job.badges(shown),
        progress,
        job.failure(shown),
        job.actions(shown),
        facts(shown),
        h("h2", t("What happened")),
        h("ol.log", (shown.logs ?? []).map((line) => h("li", { class: line.level }, moment(line.timestamp), " ", line.message))),
      ),
    );
  }

  async function changed({ kind, job: next }) {
    if (kind === "created" || (next && next.id !== id)) return;
    if (kind === "deleted") return;
    if (kind === "updated" && progress && next.status === shown.status) {
      Object.assign(shown, next);
      progress.update(next);
      return;
    }
    try {
      shown = await api.get(`/video-jobs/${id}`, { signal });
      draw();
      if (isFinished(shown)) job.speak(spoken, shown.status === "FAILED" ? t("Failed") : t("Ready"));
    } catch (error) {
      complain(error);
    }
  }

  draw();
  follow([shown]);
  onJob(changed, signal);
  return { title: job.nameOf(shown), node: [h("p.back", link("/videos", t("All videos"))), spoken, node] };
}

function facts(shown) {
  const looks = job.looksOf(shown);
  const other = (label, id) => (id ? [[label, link(`/videos/${id}`, t("Show it"))]] : []);
  const rows = [
    ...(looks.length ? [[t("Look"), looks]] : []),
    [t("Model"), shown.model],
    [t("Format"), job.format(shown)],
    [t("Tokens"), shown.tokensRefunded ? t("{charged}, {refunded} came back", { charged: number(shown.tokensCharged), refunded: number(shown.tokensRefunded) }) : number(shown.tokensCharged)],
    [t("Ordered"), moment(shown.createdAt)],
    ...(shown.completedAt ? [[t("Ended"), moment(shown.completedAt)]] : []),
    ...other(t("Made again from"), shown.retryOf),
    ...other(t("Made again as"), shown.retriedBy),
  ];
  return h("dl.facts", rows.map(([label, value]) => [h("dt", label), h("dd", value)]));
}
