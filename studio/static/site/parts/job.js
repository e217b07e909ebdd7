// A video job: its badges, its progress, and what can be done with it.

import {
  api, asking, h, icon, isFinished, link, n, notify, play, relative, reload, save, sentences, t, tell, template,
  thumbnail,
} from "../studio.js";

export const nameOf = (job) => job.prompt || job.associatedLooks?.[0]?.title || t("Video without a description");

export const statusOf = ({ status }) => template(`status-${status}`).textContent;

export const badges = (job) =>
  template("job-badges", {
    status: template(`status-${job.status}`),
    isDefault: job.isDefault || job.associatedLooks?.some((look) => look.isDefault),
    isTest: job.mockMode,
    isAgain: Boolean(job.retryOf),
  });

/** The progress of an unfinished job; its text counts the expected time down. */
export function progress(job) {
  if (isFinished(job)) return null;
  const node = template("progress");
  const { bar, text } = node.parts;
  node.update = (next) => {
    bar.value = next.progressPercentage;
    text.textContent = [`${next.progressPercentage} %`, remaining(next)].filter(Boolean).join(" · ");
  };
  node.update(job);
  return node;
}

function remaining({ estimatedSecondsLeft, updatedAt }) {
  if (!estimatedSecondsLeft) return "";
  const seconds = estimatedSecondsLeft - (Date.now() - new Date(updatedAt)) / 1000;
  return seconds < 10 ? t("almost done") : t("ready {when}", { when: relative(Math.ceil(seconds / 10) * 10) });
}

/** “720p · 9:16 · 8 s · sound”. */
export const format = (job) =>
  [job.resolution, job.aspectRatio, t("{seconds} s", { seconds: job.durationSeconds }), job.generateAudio && t("sound")]
    .filter(Boolean)
    .join(" · ");

/** The still of the video, which plays it once there is one. */
export function poster(job) {
  const still = thumbnail(job.posterUrl, "videos");
  if (job.status !== "SUCCEEDED") return h("div.poster", still);
  const label = t("Play: {name}", { name: nameOf(job) });
  return h("button.poster", { "aria-label": label, onclick: () => play(job) }, still, h("span.over", icon("play")));
}

export function actions(job) {
  const isReady = job.status === "SUCCEEDED";
  const defaults = (job.associatedLooks ?? []).map((look) =>
    template(look.isDefault ? "unset-default" : "set-default", { self: () => toggleDefault(job, look) }),
  );
  const node = template("job-actions", {
    download: isReady && (() => save(job)),
    defaults: isReady && defaults,
    cancel: !isFinished(job) && asking("cancel", () => cancel(job)),
    retry: job.status === "FAILED" && !job.retriedBy && asking("retry", () => retry(job)),
    remove: removing([job]),
  });
  for (const button of node.querySelectorAll("button")) button.ariaLabel = `${button.textContent}: ${nameOf(job)}`;
  return node;
}

async function toggleDefault(job, { id, isDefault }) {
  await api.patch(`/video-jobs/${job.id}/${isDefault ? "un" : ""}set-default-for-look/${id}`);
  tell("reset");
}

async function cancel(job) {
  tell("updated", await api.post(`/video-jobs/${job.id}/cancel`));
  reload();
}

async function retry(job) {
  const next = await api.post(`/video-jobs/${job.id}/retry`, null, { key: api.newKey() });
  tell("updated", { ...job, retriedBy: next.id });
  tell("created", next);
  reload();
}

/** The work of a button that deletes these jobs, after a question. */
export function removing(jobs) {
  const title = n("Delete {count} video?", "Delete {count} videos?", jobs.length);
  return asking("delete-videos", () => removeAll(jobs), { title });
}

async function removeAll(jobs) {
  for (const job of jobs) {
    await api.remove(`/video-jobs/${job.id}`).catch((error) => {
      if (error.status !== 404) throw error;
    });
    tell("deleted", { id: job.id });
  }
  notify(n("{count} video is deleted.", "{count} videos are deleted.", jobs.length));
  reload();
}

export const failure = (job) => (job.errorMessage ? h("p.error", sentences(job.errorMessage)) : null);

export const looksOf = (job) =>
  (job.associatedLooks ?? []).map((look) => link(`/looks/${look.id}`, look.title));
