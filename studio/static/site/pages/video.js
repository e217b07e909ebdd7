// One video: the player or its progress, its facts, and its log.

import { api, complain, fill, follow, h, isFinished, link, moment, number, onJob, partsOf, t, template } from "../core.js";
import { job, video as player } from "../parts.js";

export default async function video({ parameters: [id], signal }) {
  const load = () => api.get(`/video-jobs/${id}`, { signal });
  const node = template("video");
  const { spoken, stage, name, state, facts, log } = partsOf(node);
  let shown = await load();
  let progress = null;

  function draw() {
    progress = job.progress(shown);
    fill(stage, shown.cloudinaryUrl ? player(shown, { "aria-label": job.nameOf(shown) }) : job.poster(shown));
    fill(name, job.nameOf(shown));
    fill(state, job.badges(shown), progress, job.failure(shown), job.actions(shown));
    fill(facts, factsOf(shown).map(([label, value]) => [h("dt", label), h("dd", value)]));
    fill(log, (shown.logs ?? []).map((line) => h("li", { class: line.level }, moment(line.timestamp), " ", line.message)));
  }

  async function changed({ kind, job: next }) {
    if (kind === "created" || kind === "deleted" || (next && next.id !== id)) return;
    if (kind === "updated" && progress && next.status === shown.status) {
      Object.assign(shown, next);
      progress.update(next);
      return;
    }
    shown = await load();
    draw();
    if (isFinished(shown)) job.speak(spoken, job.statusOf(shown));
  }

  draw();
  follow([shown]);
  onJob((change) => changed(change).catch(complain), signal);
  return node;
}

function factsOf(shown) {
  const { tokensCharged, tokensRefunded } = shown;
  const charged = number(tokensCharged);
  const other = (id) => id && link(`/videos/${id}`, t("Show it"));
  return [
    [t("Look"), job.looksOf(shown)],
    [t("Model"), shown.model],
    [t("Format"), job.format(shown)],
    [t("Tokens"), tokensRefunded ? t("{charged}, {refunded} came back", { charged, refunded: number(tokensRefunded) }) : charged],
    [t("Ordered"), moment(shown.createdAt)],
    [t("Ended"), moment(shown.completedAt)],
    [t("Made again from"), other(shown.retryOf)],
    [t("Made again as"), other(shown.retriedBy)],
  ].filter(([, value]) => value && value.length !== 0);
}
