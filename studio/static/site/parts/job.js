// A video job: its badges, its progress, and what can be done with it.

import { acting, api, fill, go, h, icon, isFinished, link, n, notify, reload, sentences, set, t, tell, template, thumbnail, url } from "../core.js";
import { asking } from "./dialog.js";
import { play, save } from "./player.js";

export const nameOf = (job) => job.prompt || job.associatedLooks?.[0]?.title || t("Video without a description");

/** The status in words. */
export const statusOf = ({ status }) => template(`status-${status}`).textContent;

/** The status, and what else marks the job. */
export const badges = (job) =>
  template("job-badges", {
    status: template(`status-${job.status}`),
    isDefault: Boolean(job.isDefault || job.associatedLooks?.some((look) => look.isDefault)),
    isTest: job.mockMode === true,
    isAgain: Boolean(job.retryOf),
  });

/** The progress of an unfinished job; its text counts the expected time down. */
export function progress(job) {
  if (isFinished(job)) return null;
  const bar = h("progress", { max: 100, "aria-label": t("Progress of the video") });
  const text = h("span.soft");
  const node = h("div.progress", bar, text);
  node.update = (next) => {
    set(bar, { value: next.progressPercentage });
    text.textContent = [`${next.progressPercentage} %`, remaining(next)].filter(Boolean).join(" · ");
  };
  node.update(job);
  return node;
}

function remaining({ estimatedSecondsLeft, updatedAt }) {
  if (!estimatedSecondsLeft) return "";
  const seconds = estimatedSecondsLeft - (Date.now() - new Date(updatedAt)) / 1000;
  if (seconds < 10) return t("almost done");
  if (seconds < 90) return n("about {count} second left", "about {count} seconds left", Math.ceil(seconds / 10) * 10);
  return n("about {count} minute left", "about {count} minutes left", Math.round(seconds / 60));
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

/** The buttons that the job's status permits. */
export function actions(job) {
  const button = (text, work, kind = "") =>
    h("button", { class: `link ${kind}`, "aria-label": `${text}: ${nameOf(job)}`, onclick: acting(work) }, text);
  const isReady = job.status === "SUCCEEDED";
  return h("div.actions",
    isReady && button(t("Download"), () => save(job)),
    isReady && (job.associatedLooks ?? []).map((look) => button(look.isDefault ? t("Unset default") : t("Set as default"), () => toggleDefault(job, look))),
    !isFinished(job) && button(t("Cancel"), asking("cancel", () => cancel(job))),
    job.status === "FAILED" && !job.retriedBy && button(t("Make again"), asking("retry", () => retry(job))),
    button(t("Delete"), removing([job]), "harmful"),
  );
}

async function toggleDefault(job, { id, title, isDefault }) {
  await api.patch(`/video-jobs/${job.id}/${isDefault ? "un" : ""}set-default-for-look/${id}`);
  const words = isDefault ? t("“{look}” has no default video now.", { look: title }) : t("This is what “{look}” shows now.", { look: title });
  notify(words);
  tell("reset");
}

async function cancel(job) {
  tell("updated", await api.post(`/video-jobs/${job.id}/cancel`));
  reload();
}

async function retry(job) {
  const next = await api.post(`/video-jobs/${job.id}/retry`, null, { headers: { "Idempotency-Key": api.newKey() } });
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
  if (location.pathname === url(`/videos/${jobs[0].id}`)) go("/videos", { replace: true });
}

/** Why a job failed, and what that cost. */
export const failure = (job) => (job.errorMessage ? h("p.error", sentences(job.errorMessage)) : null);

/** The looks of the job, as links. */
export const looksOf = (job) =>
  (job.associatedLooks ?? []).map((look) => link(`/looks/${look.id}`, look.title));

/** Replace the contents of a live region without a repeat of the same text. */
export function speak(region, text) {
  if (region.textContent !== text) fill(region, text);
}
