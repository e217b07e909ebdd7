// A video job: its badges, its progress, and what can be done with it.

import { api, fill, go, h, icon, isFinished, link, n, reload, sentences, set, t, tell, url } from "../core.js";
import { confirm } from "./dialog.js";
import { acting, notify } from "./notice.js";
import { play, save } from "./player.js";

const STATUS = {
  PENDING: () => t("Waiting"),
  RUNNING: () => t("In progress"),
  SUCCEEDED: () => t("Ready"),
  FAILED: () => t("Failed"),
};

export const nameOf = (job) => job.prompt || job.associatedLooks?.[0]?.title || t("Video without a description");

/** The status, and what else marks the job. */
export function badges(job) {
  const is = (condition, text) => (condition ? h("span.badge", text) : null);
  return h("p.badges",
    h("span", { class: `badge ${job.status.toLowerCase()}` }, STATUS[job.status]()),
    is(job.associatedLooks?.some((look) => look.isDefault) || job.isDefault, t("Default")),
    is(job.mockMode, t("Test")),
    is(job.retryOf, t("Made again")),
  );
}

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
export function poster(job, { large = false } = {}) {
  const picture = job.posterUrl
    ? h("img", { src: job.posterUrl, alt: "", loading: large ? "eager" : "lazy", decoding: "async" })
    : h("span.blank", icon("videos"));
  if (job.status !== "SUCCEEDED") return h("div.poster", picture);
  return h("button.poster", { "aria-label": t("Play: {name}", { name: nameOf(job) }), onclick: () => play(job) },
    picture,
    h("span.over", icon("play")),
  );
}

/** The buttons that the job's status permits. */
export function actions(job) {
  const button = (text, work, kind = "") =>
    h("button", { class: `link ${kind}`, "aria-label": `${text}: ${nameOf(job)}`, onclick: acting(work) }, text);
  const looks = job.status === "SUCCEEDED" ? (job.associatedLooks ?? []) : [];
  return h("div.actions",
    job.status === "SUCCEEDED" ? button(t("Download"), () => save(job)) : null,
    looks.map((look) =>
      look.isDefault
        ? button(t("Unset default"), () => setDefault(job, look, false))
        : button(t("Set as default"), () => setDefault(job, look, true)),
    ),
    isFinished(job) ? null : button(t("Cancel"), () => cancel(job)),
    job.status === "FAILED" && !job.retriedBy ? button(t("Make again"), () => retry(job)) : null,
    button(t("Delete"), () => removeAll([job]), "harmful"),
  );
}

async function setDefault(job, look, isDefault) {
  await api.patch(`/video-jobs/${job.id}/${isDefault ? "" : "un"}set-default-for-look/${look.id}`);
  notify(isDefault ? t("This is what “{look}” shows now.", { look: look.title }) : t("“{look}” has no default video now.", { look: look.title }));
  tell("reset");
}

async function cancel(job) {
  const text = t("The video will not be finished. A video that has not begun costs nothing.");
  if (!(await confirm({ title: t("Cancel this video?"), text, yes: t("Cancel the video") }))) return;
  tell("updated", await api.post(`/video-jobs/${job.id}/cancel`));
  reload();
}

async function retry(job) {
  const text = t("It is made again as a new video, for the same price.");
  if (!(await confirm({ title: t("Make this video again?"), text, yes: t("Make again"), isHarmful: false }))) return;
  const next = await api.post(`/video-jobs/${job.id}/retry`, null, { headers: { "Idempotency-Key": api.newKey() } });
  tell("updated", { ...job, retriedBy: next.id });
  tell("created", next);
  reload();
}

/** Delete the jobs, after a question. Resolves to whether they are deleted. */
export async function removeAll(jobs) {
  const title = n("Delete {count} video?", "Delete {count} videos?", jobs.length);
  const text = t("The files are removed for good. Tokens come back only for videos that have not begun.");
  if (!(await confirm({ title, text, yes: t("Delete") }))) return false;
  for (const job of jobs) {
    await api.remove(`/video-jobs/${job.id}`).catch((error) => {
      if (error.status !== 404) throw error;
    });
    tell("deleted", { id: job.id });
  }
  notify(n("{count} video is deleted.", "{count} videos are deleted.", jobs.length));
  reload();
  if (location.pathname === url(`/videos/${jobs[0].id}`)) go("/videos", { replace: true });
  return true;
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
