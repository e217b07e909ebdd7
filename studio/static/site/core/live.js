// Changes of the caller's jobs as they happen: by server-sent events, or by polling until there are some
// (docs/frontend.md).

import * as api from "./api.js";
import { complain } from "./notice.js";
import { isSignedIn, onChange } from "./session.js";

const [FIRST_PAUSE_MS, LAST_PAUSE_MS] = [5_000, 60_000]; // between two attempts to open the stream, while polling
const SILENCE_MS = 40_000; // of an open stream: the server sends a `ping` every 15 s
const listeners = new Set();
const unfinished = new Map(); // job id → {etag, timer}
let source = null;
let lastNumber = "";
let watch = null; // the timer of `reopen`
let pause = FIRST_PAUSE_MS;

export const isFinished = (job) => job.status === "SUCCEEDED" || job.status === "FAILED";

/** Call the function with {kind: "created" | "updated" | "deleted" | "reset", job}, until the signal aborts. */
export function onJob(listener, signal) {
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener));
  open();
}

/** These jobs are shown: without a stream, the unfinished ones are polled. */
export function follow(jobs) {
  for (const job of jobs) {
    if (isFinished(job)) drop(job.id);
    else if (!unfinished.has(job.id)) unfinished.set(job.id, {});
  }
  poll();
}

/** Pass on a change that this page has made itself. */
export function tell(kind, job) {
  if (kind === "deleted") drop(job.id);
  else if (job) follow([job]);
  listeners.forEach((listener) => listener({ kind, job })?.catch?.(complain));
}

async function open() {
  if (watch || !isSignedIn()) return;
  watch = setTimeout(reopen, pause);
  pause = Math.min(2 * pause, LAST_PAUSE_MS);
  poll();
  try {
    const { url } = await api.post("/video-jobs/events/ticket");
    const stream = new URL(url, location);
    if (lastNumber) stream.searchParams.set("after", lastNumber);
    if (!source) connect(stream);
  } catch {
    // `watch` tries again
  }
}

// Nothing was heard for too long: the stream hangs, before or after it has opened.
function reopen() {
  close();
  if (listeners.size) open();
  if (navigator.onLine) tell("reset"); // new jobs are not polled
}

function heard() {
  clearTimeout(watch);
  watch = setTimeout(reopen, SILENCE_MS);
}

function connect(url) {
  source = new EventSource(url);
  let hasOpened = false;
  source.onopen = () => {
    hasOpened = true;
    pause = FIRST_PAUSE_MS;
    heard();
    if (!lastNumber) tell("reset"); // what happened between the page's list and the stream
  };
  source.onerror = () => {
    source.close(); // the ticket is used up: the browser's own retry would be refused
    if (hasOpened) close();
    open();
  };
  for (const name of ["ping", "job.created", "job.updated", "job.deleted", "reset"])
    source.addEventListener(name, (event) => {
      heard();
      if (name === "ping") return;
      lastNumber = event.lastEventId || lastNumber;
      tell(name.replace("job.", ""), name === "reset" ? null : JSON.parse(event.data));
    });
}

function close() {
  clearTimeout(watch);
  watch = null;
  source?.close();
  source = null;
}

function drop(id) {
  clearTimeout(unfinished.get(id)?.timer);
  unfinished.delete(id);
}

function poll() {
  for (const [id, state] of unfinished) state.timer ??= setTimeout(ask, 1000, id, state);
}

async function ask(id, state) {
  if (source?.readyState === EventSource.OPEN || unfinished.get(id) !== state) return (state.timer = null);
  let seconds = 5;
  try {
    const response = await api.request("GET", `/video-jobs/${id}`, {
      headers: state.etag ? { "If-None-Match": state.etag } : {},
    });
    seconds = Number(response.headers.get("Retry-After")) || seconds;
    state.etag = response.headers.get("ETag");
    if (response.status === 200) tell("updated", await response.json());
  } catch (error) {
    if (error.status === 404) return tell("deleted", { id });
    seconds = Math.max(seconds, error.retryAfter ?? 0);
  }
  if (unfinished.get(id) === state) state.timer = setTimeout(ask, seconds * 1000, id, state);
}

onChange((isIn) => {
  if (isIn) return open();
  close();
  lastNumber = "";
  [...unfinished.keys()].forEach(drop);
});
